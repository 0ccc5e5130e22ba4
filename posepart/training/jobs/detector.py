"""Train the person detector.

`--init` is a people-trained MobileNetV2 .npz or the detector.safetensors of another run. A guided detector starts
from an unguided one and the weights of its guide (`--guide`, see convert_nanodet.py), or from a guided one. On
Linux, MALLOC_MMAP_THRESHOLD_=8589934592 MALLOC_TRIM_THRESHOLD_=17179869184 in the environment makes the training a
third faster: the allocator then keeps the memory of the activations between steps.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from posepart.config import DetectionConfig
from posepart.io.files import write_json
from posepart.models.backbones import read_arrays
from posepart.models.builders import build
from posepart.models.detector.guided import GUIDANCE
from posepart.models.weight_files import load_into
from posepart.training import run as runs
from posepart.training.detector import (
    DetectorEvaluation,
    MosaicBatchConfig,
    MosaicBatches,
    detector_losses,
    shift_scores,
)
from posepart.training.loop import LoopConfig


@dataclass(frozen=True)
class Settings:
    """Settings of the training.

    Attributes
    ----------
    builder : str
        Network, a function in posepart.models.builders.
    arguments : dict
        Arguments of the builder.
    guide : Path, optional
        Weights of the guide, a NanoDet, as published: .npz.
    freeze : int
        The first so many blocks of the backbone stay fixed.
    loop : LoopConfig
        Optimisation; with no steps, the initial weights are written as they are.
    batches : MosaicBatchConfig
        Training pictures.
    """

    builder: str = "person_detector"
    arguments: dict[str, int | float] = field(default_factory=dict)
    guide: Path | None = None
    freeze: int = 7
    loop: LoopConfig = field(default_factory=LoopConfig)
    batches: MosaicBatchConfig = field(default_factory=MosaicBatchConfig)


def train(settings: Settings, run: runs.Run) -> None:
    """Train, move the best threshold to the paper's, evaluate, and write `detector.safetensors`."""
    runs.seeded(settings.loop)
    model = initialised(settings, run.init)
    samples, held_out = runs.training_samples(run)
    evaluate = DetectorEvaluation(held_out)
    if not settings.loop.steps:
        run.folder.mkdir(parents=True, exist_ok=True)
        write_json(run.folder / "config.json", run.record)
    else:
        batches = MosaicBatches(samples, settings.batches)
        runs.say(batches.composer.note)
        model = runs.trained(run, model, batches, detector_losses, settings.loop, evaluate)
        best = runs.last_evaluation(run, settings.loop.steps, evaluate, model)["best_threshold"]
        shift_scores(model, best, DetectionConfig().score_threshold)
    card = runs.new_card(run, "detector", samples, evaluate(model.eval()))
    runs.finish(run, model, replace(card, builder=settings.builder, arguments=dict(settings.arguments)))


def initialised(settings: Settings, init: Path | None) -> Any:
    """The network to train, with its initial weights, its first blocks frozen.

    Raises
    ------
    ValueError
        Weights are damaged or do not fit, a guided detector has no guide, or another has one.
    """
    model: Any = build(settings.builder, settings.arguments)
    guided = hasattr(model.backbone, "guide")
    if settings.guide and not guided:
        raise ValueError(
            f"--guide {settings.guide}: {settings.builder} has no guide, guided_person_detector has"
        )
    if guided and not settings.guide and (init is None or init.suffix == ".npz"):
        raise ValueError(
            f"{settings.builder} needs the weights of its guide: pass --guide, or --init with both"
        )
    if init is not None and init.suffix == ".npz":
        model.backbone.body.load_people_weights(read_arrays(init))
    elif init is not None:
        load_into(model, init, GUIDANCE if settings.guide else ())
    if settings.guide:
        model.backbone.guide.load_published(read_arrays(settings.guide))
    model.backbone.body.features[: settings.freeze].requires_grad_(False)
    return model
