"""Fit the pairwise potentials of the CRF, with and without the segment term, on what the networks predict.

`--model` is a folder with the trained pose and part weights. Networks predict better on the photos that they were
trained on than on others; with `--folds`, each photo is predicted by a Pose FCN that was trained without it. The
pairs that were predicted are kept until the fit is done, and `--resume` continues from them; `report.json` is its
log.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from posepart.config import CropConfig, PipelineConfig
from posepart.data.augment import NO_AUGMENTATION
from posepart.data.person_crops import CropBatchConfig
from posepart.data.sample import Sample
from posepart.io.files import write_json
from posepart.io.terminal import progress
from posepart.loading import load_pose
from posepart.models.weight_files import load_network, save_tensors
from posepart.stages.networks import FcnNetworks
from posepart.training import run as runs
from posepart.training.checkpoints import check_settings
from posepart.training.crf import compare_variants, fit
from posepart.training.evidence_batches import labelled_evidence
from posepart.training.loop import seed_everything
from posepart.training.pairs import LabelledPairs, PairFitConfig, collect_pairs, join, read_pairs, save_pairs
from posepart.training.processes import is_main

KEPT = "pairs_{}.npz"  # of a fold's number, or of val
FEATURES = ("plain", "extended")


@dataclass(frozen=True)
class Settings:
    """Settings of the fit.

    Attributes
    ----------
    model : Path
        Folder with pose and part weights.
    folds : list of Path
        Pose weights of all folds (train.py pose --fold): each photo is predicted by those that were trained
        without it. Without `folds`, the model's pose weights predict all photos.
    crops : int
        Number of training crops to predict.
    val_crops : int
        Number of crops of val photos to measure on.
    threads : int
        Torch threads; 0 lets torch choose.
    device : str
        Torch device of the networks.
    features : str
        Xia et al., Sec. 3.1: "plain", the 14 features f(Pn), f(Ps) alone. "extended": also exp(-f) of f(Pn).
    pipeline : PipelineConfig
        How networks see the crops, candidates are proposed, and which joint types they may take. Its crops are those
        of `batches`.
    batches : CropBatchConfig
        How training crops are drawn.
    fit : PairFitConfig
        How pairs are labelled and regressions fitted.
    """

    model: Path
    folds: list[Path] = field(default_factory=list)
    crops: int = 2400
    val_crops: int = 320
    threads: int = 0
    device: str = "cpu"
    features: str = "extended"
    pipeline: PipelineConfig = field(default_factory=PipelineConfig)
    batches: CropBatchConfig = field(default_factory=lambda: CropBatchConfig(crop=CropConfig()))
    fit: PairFitConfig = field(default_factory=PairFitConfig)

    def __post_init__(self) -> None:
        if self.features not in FEATURES:
            raise ValueError(f"--features {self.features}: choose one of {', '.join(FEATURES)}")


def train(settings: Settings, run: runs.Run, labelled: runs.Labelled | None = None) -> None:
    """Fit, measure on the val split if there is one, and write `crf.safetensors` and `report.json`.

    Of several processes, the main one does it alone.

    Raises
    ------
    ValueError
        The folder holds an interrupted fit, and `run` does not resume it or has other settings.
    """
    if not is_main():
        return
    seed_everything(settings.batches.seed, settings.threads)
    start(run)
    samples, held_out = labelled or runs.training_samples(run)
    pose, part = settings.model / "pose.safetensors", settings.model / "part.safetensors"
    by_pose = runs.by_pose_weights(pose, settings.folds, samples)
    crops = -(-settings.crops // len(by_pose))
    pairs = join([
        kept(
            run.folder / KEPT.format(number),
            partial(pairs_of, own, settings.batches, crops, (weights, part), settings),
        )
        for number, (weights, own) in enumerate(by_pose.items())
    ])  # fmt: skip
    model = fit(pairs, settings.fit, settings.features == "extended")
    counts = {"train": len(pairs), "positive": int(pairs.positive.sum()), "val": 0}
    report: dict[str, dict[str, dict[str, float]]] = {}
    if held_out:
        batches = settings.batches
        plain = CropBatchConfig(batches.batch_size, seed=9, crop=batches.crop, augment=NO_AUGMENTATION)
        val = kept(
            run.folder / KEPT.format("val"),
            lambda: pairs_of(held_out, plain, settings.val_crops, (pose, part), settings),
        )
        counts["val"], report = len(val), compare_variants(model, val)
    write_json(run.folder / "report.json", {"pairs": counts, **_without_nan(report)})
    metrics = {
        f"{measure}_{variant}": groups["all"][measure]
        for variant, groups in report.items()
        for measure in ("auc", "log_loss", "calibration_error")
    }
    path = run.folder / "crf.safetensors"
    save_tensors(path, model.to_arrays(), runs.new_card(run, "crf", samples, metrics))
    for file in run.folder.glob(KEPT.format("*")):
        file.unlink()
    runs.say_written(run, path)


def start(run: runs.Run) -> None:
    """Make the folder of a fit and its `config.json`; errors as `train`."""
    run.folder.mkdir(parents=True, exist_ok=True)
    if any(run.folder.glob(KEPT.format("*"))):
        if not run.resume:
            raise ValueError(
                f"{run.folder} holds a run already: pass --resume to continue it, or choose another folder"
            )
        check_settings(run.folder / "config.json", run.record)
    write_json(run.folder / "config.json", run.record)


def kept(path: Path, make: Callable[[], LabelledPairs]) -> LabelledPairs:
    """Read pairs from a file; if there is none, make them and write it."""
    if not path.exists():
        save_pairs(path, make())
    return read_pairs(path)


def pairs_of(
    samples: list[Sample],
    batches: CropBatchConfig,
    crops: int,
    networks: tuple[Path, Path],
    settings: Settings,
) -> LabelledPairs:
    """Collect the labelled pairs of training crops, as networks predict them.

    Parameters
    ----------
    samples : list of Sample
    batches : CropBatchConfig
    crops : int
        How many crops to predict, rounded up to whole batches.
    networks : tuple of Path
        Pose weights and part weights.
    settings : Settings
        Its `pipeline` and `fit` are read.
    """
    pipeline = replace(settings.pipeline, crop=batches.crop)
    pose, part = load_pose(networks[0]), load_network(networks[1])
    count, device = -(-crops // batches.batch_size), settings.device
    stream = labelled_evidence(
        runs.person_crops(samples, batches),
        count,
        FcnNetworks(pose.to(device), part.to(device), pipeline, device),
    )
    pairs = [
        collect_pairs(crop, pipeline.features, pipeline.crf.labels, settings.fit)
        for crop in progress(stream, "predicting", count * batches.batch_size, unit="crop")
    ]
    return join(pairs)


def _without_nan(report: Mapping[str, Any]) -> dict[str, Any]:
    """The report with None in place of nan, which JSON does not have."""
    return {
        key: _without_nan(value) if isinstance(value, Mapping) else None if value != value else value
        for key, value in report.items()
    }
