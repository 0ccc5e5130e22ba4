"""Train the second-stage Part FCN on predicted part scores and poses.

`--model` is a folder with the trained pose, part and crf weights. `--folds` is that of `train.py crf`. Predictions
are made once and kept in the run's folder.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, cast

import numpy as np
from torch import nn

from posepart.config import CropConfig, PipelineConfig
from posepart.data.augment import NO_AUGMENTATION
from posepart.data.person_crops import CropBatchConfig
from posepart.data.sample import Sample
from posepart.io.files import write_atomically
from posepart.io.terminal import progress
from posepart.loading import load_pairwise, load_pose
from posepart.models.model_set import read_card
from posepart.models.weight_files import load_network
from posepart.stages.crf import CrfAssembler
from posepart.stages.networks import FcnNetworks
from posepart.stages.poses import choose_poses
from posepart.stages.skeleton_maps import LABEL_SETTINGS, LABELS, PoseEncoder
from posepart.training import run as runs
from posepart.training.evidence_batches import labelled_evidence
from posepart.training.loop import LoopConfig
from posepart.training.part import PartLossConfig
from posepart.training.processes import main_first
from posepart.training.refine import (
    RefineBatches,
    RefineEvaluation,
    RefineExamples,
    RefineLoss,
    labelled_share,
)

LEAST_LABELLED = 0.2  # share of labelled cells; crops with less are left out


@dataclass(frozen=True)
class Settings:
    """Settings of the training.

    Attributes
    ----------
    model : Path
        Folder with pose, part and crf weights.
    folds : list of Path
        Pose weights of all folds (train.py pose --fold): each photo is predicted by those that were trained
        without it. Without `folds`, the model's pose weights predict all photos.
    builder : str
        The network: a function in posepart.models.builders.
    arguments : dict
        Arguments of the builder.
    crops : int
        Number of training crops to predict.
    val_crops : int
        Number of crops of val photos to measure on.
    joint_map : bool
        Whether the network sees the joints of the pose (ablation).
    skeleton_map : bool
        Whether the network sees the limbs of the pose (ablation).
    batch_size : int
        Predicted crops per training step.
    loop : LoopConfig
        Optimisation.
    batches : CropBatchConfig
        How the crops to predict are drawn.
    loss : PartLossConfig
        Weights of the classes.
    pipeline : PipelineConfig
        How the crops are predicted, and how poses are drawn (`skeleton`): a second stage on label maps must be used
        with the settings it was trained with. Its crops are those of `batches`.
    """

    model: Path
    folds: list[Path] = field(default_factory=list)
    builder: str = "refine_distances"
    arguments: dict[str, Any] = field(default_factory=dict)
    crops: int = 3000
    val_crops: int = 300
    joint_map: bool = True
    skeleton_map: bool = True
    batch_size: int = 16
    loop: LoopConfig = field(default_factory=LoopConfig)
    batches: CropBatchConfig = field(default_factory=lambda: CropBatchConfig(crop=CropConfig(), need="parts"))
    loss: PartLossConfig = field(default_factory=PartLossConfig)
    pipeline: PipelineConfig = field(default_factory=PipelineConfig)


def train(settings: Settings, run: runs.Run) -> None:
    """Predict, train, evaluate, and write `refine.safetensors`."""
    run.folder.mkdir(parents=True, exist_ok=True)
    samples, held_out = runs.training_samples(run)
    batches, model, crops = settings.batches, settings.model, settings.crops
    config = replace(settings.pipeline, crop=batches.crop)
    plain = CropBatchConfig(
        batches.batch_size, seed=9, need="parts", crop=batches.crop, augment=NO_AUGMENTATION
    )
    by_pose = runs.by_pose_weights(model / "pose.safetensors", settings.folds, samples)
    unseen = {model / "pose.safetensors": held_out} if held_out else {}
    predicted = partial(predict, model=model, config=config, device=settings.loop.device)
    with main_first(settings.loop.device):  # which predicts, and the others read
        examples = cached(
            run.folder / "train.npz",
            made_by(by_pose, model, config),
            lambda: predicted(by_pose, batches, crops),
        )
        val = None
        if unseen:
            val = cached(
                run.folder / "val.npz",
                made_by(unseen, model, config),
                lambda: predicted(unseen, plain, settings.val_crops),
            )
    runs.seeded(settings.loop)
    network = runs.initialised(run, settings.builder, settings.arguments)
    encode = PoseEncoder(
        network.encoding,
        batches.crop.size,
        config.skeleton,
        joint_map=settings.joint_map,
        skeleton_map=settings.skeleton_map,
    )
    evaluate = RefineEvaluation(val, encode) if val else _no_evaluation
    stream = RefineBatches(examples, encode, settings.batch_size, settings.loop.seed)
    loss = RefineLoss(settings.loss.class_weights)
    network = runs.trained(run, network, stream, loss, settings.loop, evaluate)
    metrics = runs.last_evaluation(run, evaluate, network)
    card = runs.new_card(run, "refine", samples, metrics)
    drawn = (
        {name: getattr(config.skeleton, name) for name in LABEL_SETTINGS} if encode.encoding == LABELS else {}
    )
    card = replace(card, builder=settings.builder, arguments=settings.arguments, skeleton=drawn)
    runs.finish(run, network, card)


def _no_evaluation(network: nn.Module) -> dict[str, float]:
    """The measures of a network if there is nothing to measure on."""
    return {}


def predict(
    by_pose: Mapping[Path, list[Sample]],
    batches: CropBatchConfig,
    crops: int,
    model: Path,
    config: PipelineConfig,
    device: str = "cpu",
) -> RefineExamples:
    """Predict crops of labelled photos.

    Parameters
    ----------
    by_pose : mapping of Path to list of Sample
        The samples of each pose weight file; each file predicts equally many crops.
    batches : CropBatchConfig
        Its stride is not read: the labels have that of the Part FCN.
    crops : int
        How many crops to predict.
    model : Path
        Folder of the part and crf weights.
    config : PipelineConfig
        Its crop is that of `batches`.
    device : str
        Torch device of the networks.

    Returns
    -------
    RefineExamples
        Part scores, poses and labels of the crops with enough labels.
    """
    part = load_network(model / "part.safetensors").to(device)
    batches = replace(batches, stride=cast(int, part.stride))
    assemble = CrfAssembler(load_pairwise(model / "crf.safetensors"), config)
    count = -(-crops // (len(by_pose) * batches.batch_size))
    streams = (
        labelled_evidence(
            runs.person_crops(samples, batches),
            count,
            FcnNetworks(load_pose(pose).to(device), part, config, device),
        )
        for pose, samples in by_pose.items()
    )
    rows, total = [], count * batches.batch_size * len(by_pose)
    for crop in progress(chain.from_iterable(streams), "predicting", total, unit="crop"):
        if labelled_share(crop.labels) > LEAST_LABELLED:
            seen = crop.evidence
            choice = choose_poses(assemble(seen), seen.crop, config.choice)
            rows.append((seen.parts.scores, choice.own, crop.labels))
    return RefineExamples.stack(rows)


def made_by(poses: Iterable[Path], model: Path, config: PipelineConfig) -> str:
    """What predictions depend on: the checksums of the weights, from their cards, and settings but the defaults."""
    files = [*poses, model / "part.safetensors", model / "crf.safetensors"]
    changed = "" if config == PipelineConfig(crop=config.crop) else f" {json.dumps(asdict(config))}"
    return " ".join(str(read_card(file).sha256) for file in files) + changed


def cached(path: Path, made_by: str, make: Callable[[], RefineExamples]) -> RefineExamples:
    """Read examples from an .npz file; if there is none, make them and write it.

    Parameters
    ----------
    path : Path
    made_by : str
        The weights and settings that make the examples (`made_by`).
    make : callable
        () -> RefineExamples.

    Raises
    ------
    ValueError
        The examples in the file were made by other weights or settings.
    """
    if not path.exists():
        examples = make()
        write_atomically(
            path,
            lambda file: np.savez(
                file,
                weights=np.array(made_by),
                parts=examples.parts,
                poses=examples.poses,
                labels=examples.labels,
            ),
        )
    with np.load(path, allow_pickle=False) as file:
        if str(file.get("weights")) != made_by:
            raise ValueError(
                f"{path}: predicted by other weights or settings; remove it, or choose another folder"
            )
        return RefineExamples(file["parts"], file["poses"], file["labels"])
