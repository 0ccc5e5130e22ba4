"""How each stage of a model is fine-tuned, and with which settings."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from posepart.config import CropConfig
from posepart.data.augment import AugmentConfig
from posepart.data.person_crops import CropBatchConfig
from posepart.models.model_set import ModelSet
from posepart.training import run as runs
from posepart.training.averages import Average, write_average
from posepart.training.jobs import crf, part, pose
from posepart.training.loop import LoopConfig
from posepart.training.pose_loss import PoseLossConfig

STAGES = ("pose", "part", "crf")
OWN, OLD = "own", "synthetic"  # sources, in cards and shares
_OPTIMISATION: dict[str, Any] = {"lr": 3e-4, "slow_lr": 1e-4, "ema": 0.99, "checkpoint_every": 50}
_POSE_LOSS: dict[str, Any] = {
    "offsets": 1.0,
    "others": 0.3,
    "looks": 1.0,
}  # as at the end of pose_people2.yaml
_SLOW = {"pose": ("backbone", "heat", "heat_head", "joint_out"), "part": ("backbone",)}
_FROZEN_BLOCKS = 7


@dataclass(frozen=True)
class FinetuneConfig:
    """How a model is fine-tuned."""

    stages: tuple[str, ...] = ("pose",)  # of `STAGES`, in this order
    steps: int = 400  # of the training of each network
    share: float = 0.5  # of the new weights in the average with the old ones
    own: float = 0.6  # share of the training crops that are of own photos; the others are synthetic
    scenes: int = 120  # synthetic scenes to train on
    held_out_scenes: int = 40  # synthetic scenes to compare on
    batch_size: int = 16  # crops a step
    crf_crops: int = 600  # to which the CRF is fitted; it is measured on a quarter as many
    threads: int = 0  # of torch; 0 lets torch choose
    seed: int = 0

    def __post_init__(self) -> None:
        unknown = [stage for stage in self.stages if stage not in STAGES]
        if unknown or not self.stages:
            raise ValueError(
                f"stages: expected some of {', '.join(STAGES)}, got {', '.join(unknown) or 'none'}"
            )
        for name, least in (
            ("steps", 1),
            ("scenes", 1),
            ("held_out_scenes", 1),
            ("batch_size", 1),
            ("seed", 0),
        ):
            if getattr(self, name) < least:
                raise ValueError(f"{name}: expected at least {least}, got {getattr(self, name)}")
        for name in ("share", "own"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name}: expected more than 0 and at most 1, got {getattr(self, name)}")


@dataclass(frozen=True)
class StageJob:
    """What the training of a stage needs."""

    work: Path
    model: Path  # the new model, as far as it is
    name: str  # of the new model
    base: ModelSet
    config: FinetuneConfig

    def run(self, stage: str) -> runs.Run:
        """Where a stage is trained, from which weights."""
        return runs.Run(self.work / stage, (), self.base.path(stage), resume=True, goes_on=True)

    @property
    def loop(self) -> LoopConfig:
        """The optimisation of every network."""
        steps = self.config.steps
        return LoopConfig(
            steps=steps,
            evaluate_every=max(1, steps // 2),
            threads=self.config.threads,
            seed=self.config.seed,
            **_OPTIMISATION,
        )

    def batches(self, need: str) -> CropBatchConfig:
        """How crops are drawn."""
        shares = {OWN: self.config.own, OLD: 1 - self.config.own}
        augment = AugmentConfig(full_turn=0.15, paste=0.3)
        return CropBatchConfig(
            self.config.batch_size,
            self.config.seed,
            need=need,
            crop=CropConfig(),
            augment=augment,
            source_shares=shares,
        )


def _train_network(stage: str, job: StageJob, labelled: runs.Labelled) -> None:
    """Train a network unless it is trained, and put its average with the old weights into the model."""
    card, run = job.base.cards[stage], job.run(stage)
    assert card.builder is not None
    loop = replace(job.loop, slow=_SLOW[stage])
    if not run.folder.joinpath(f"{stage}.json").exists():
        if stage == "pose":
            loss = PoseLossConfig(**_POSE_LOSS, teacher=job.base.path("pose"))
            settings = pose.Settings(
                card.builder,
                card.arguments,
                _FROZEN_BLOCKS,
                loop=loop,
                batches=job.batches("joints"),
                loss=loss,
            )
            pose.train(replace(settings, keep_offset_statistics=True), run, labelled)
        else:
            part.train(
                part.Settings(
                    card.builder, card.arguments, _FROZEN_BLOCKS, loop=loop, batches=job.batches("parts")
                ),
                run,
                labelled,
            )
    share = job.config.share
    old, new = job.base.path(stage), run.folder / f"{stage}.safetensors"
    average = Average((old, new), (1 - share, share)) if share < 1 else Average((new,))
    write_average(average, job.model / f"{stage}.safetensors", name=job.name)


def _fit_crf(job: StageJob, labelled: runs.Labelled) -> None:
    """Fit the CRF to what the new networks predict."""
    run = job.run("crf")
    if not run.folder.joinpath("crf.json").exists():
        settings = crf.Settings(
            job.model,
            crops=job.config.crf_crops,
            val_crops=max(1, job.config.crf_crops // 4),
            threads=job.config.threads,
            batches=job.batches("joints"),
        )
        crf.train(settings, run, labelled)
    for suffix in (".safetensors", ".json"):
        shutil.copy(run.folder / f"crf{suffix}", job.model)


TRAIN: dict[str, Callable[[StageJob, runs.Labelled], None]] = {
    "pose": lambda job, labelled: _train_network("pose", job, labelled),
    "part": lambda job, labelled: _train_network("part", job, labelled),
    "crf": _fit_crf,
}
