"""Train the Pose FCN.

`--init` is a MoveNet .npz or its MobileNetV2 alone, torchvision's ResNet-101, or the pose.safetensors of another
run. `--trunk` then replaces the backbone, heat-map path and limb joints by those of a MoveNet, and `--frozen` names
modules that are not trained.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from posepart.config import CropConfig
from posepart.data.person_crops import CropBatchConfig
from posepart.models.backbones import read_arrays
from posepart.models.fcn import PoseFCN
from posepart.training import run as runs
from posepart.training.loop import LoopConfig
from posepart.training.pose import (
    MOVENET_SOURCES,
    PoseEvaluation,
    offset_statistics,
    restore_trunk,
)
from posepart.training.pose_loss import PoseLoss, PoseLossConfig


@dataclass(frozen=True)
class Settings:
    """Settings of the training.

    Attributes
    ----------
    builder : str
        The network: a function in posepart.models.builders.
    arguments : dict
        Arguments of the builder.
    freeze : int
        Number of blocks at the start of the backbone that are not trained.
    frozen : list of str
        Modules that are not trained, e.g. [backbone].
    trunk : Path, optional
        MoveNet .npz whose trunk replaces that of the initial weights.
    keep_offset_statistics : bool
        Scale offsets as the initial weights do, for a run that is to be averaged with them.
    fold : str, optional
        K/N keeps fold K (from 0) of N of the train photos for the evaluation.
    loop : LoopConfig
        Optimisation.
    batches : CropBatchConfig
        How training crops are drawn; their stride is that of the network, whatever is set.
    loss : PoseLossConfig
        Weights of the losses.
    """

    builder: str = "pose_mobilenet_v2"
    arguments: dict[str, Any] = field(default_factory=lambda: {"width": 1.75})
    freeze: int = 7
    frozen: list[str] = field(default_factory=list)
    trunk: Path | None = None
    keep_offset_statistics: bool = False
    fold: str | None = None
    loop: LoopConfig = field(default_factory=LoopConfig)
    batches: CropBatchConfig = field(default_factory=CropBatchConfig)
    loss: PoseLossConfig = field(default_factory=PoseLossConfig)


def train(settings: Settings, run: runs.Run, labelled: runs.Labelled | None = None) -> None:
    """Train, evaluate, and write `pose.safetensors`."""
    runs.seeded(settings.loop)
    samples, held_out = labelled or runs.training_samples(run, settings.fold)
    model = runs.initialised(
        run,
        settings.builder,
        settings.arguments,
        freeze=settings.freeze,
        load_npz=_start,
    )
    if settings.trunk is not None:
        if not isinstance(model, PoseFCN):
            raise ValueError(f"trunk: a {settings.builder} has no MoveNet's trunk; leave it out")
        restore_trunk(model, read_arrays(settings.trunk))
    for name in settings.frozen:
        getattr(model, name).requires_grad_(False)
    if not settings.keep_offset_statistics:
        model.offset_mean, model.offset_deviation = offset_statistics(samples, settings.batches.crop)
    evaluate = PoseEvaluation(held_out, CropConfig(), model.stride)
    crops = runs.person_crops(samples, replace(settings.batches, stride=model.stride))
    model = runs.trained(run, model, crops, PoseLoss(settings.loss), settings.loop, evaluate)
    card = runs.new_card(run, "pose", samples, runs.last_evaluation(run, evaluate, model))
    card = replace(card, builder=settings.builder, arguments=settings.arguments, fold=settings.fold)
    runs.finish(run, model, card)


def _start(model: Any, path: Path) -> None:
    """Start from a MoveNet, or from its MobileNetV2 alone."""
    arrays = read_arrays(path)
    if all("features." in name for name in arrays):
        model.backbone.load_people_weights(arrays)
    else:
        model.load_movenet(arrays, MOVENET_SOURCES)
