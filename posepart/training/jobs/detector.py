"""Train the person detector.

`--init` is a people-trained MobileNetV2 .npz or the detector.safetensors of another run. A guided detector starts
either from an unguided one and the weights of its guide (`--guide`, see convert_nanodet.py), or from a guided one.
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
        The network: a function in posepart.models.builders.
    arguments : dict
        Arguments of the builder.
    guide : Path, optional
        Published weights of the guide, a NanoDet, as .npz.
    freeze : int
        Number of blocks at the start of the backbone that are not trained.
    loop : LoopConfig
        Optimisation; with 0 steps, the initial weights are written unchanged.
    batches : MosaicBatchConfig
        How training pictures are composed.
    """

    builder: str = "person_detector"
    arguments: dict[str, int | float] = field(default_factory=dict)
    guide: Path | None = None
    freeze: int = 7
    loop: LoopConfig = field(default_factory=LoopConfig)
    batches: MosaicBatchConfig = field(default_factory=MosaicBatchConfig)


def train(settings: Settings, run: runs.Run) -> None:
    """Train, shift the scores to the paper's threshold, evaluate, and write `detector.safetensors`.

    The scores stay where no completely labelled photo tells the best threshold.
    """
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
        measures = runs.last_evaluation(run, evaluate, model)
        if measures.get("best_f1", 0) > 0:
            shift_scores(model, measures["best_threshold"], DetectionConfig().score_threshold)
    card = runs.new_card(run, "detector", samples, evaluate(model.eval()))
    runs.finish(run, model, replace(card, builder=settings.builder, arguments=dict(settings.arguments)))


def initialised(settings: Settings, init: Path | None) -> Any:
    """Build the network to train, load its initial weights, and freeze its first blocks.

    Raises
    ------
    ValueError
        The weights are damaged or do not fit the network; or `guide` is missing for a guided detector, or given for
        an unguided one.
    """
    model: Any = build(settings.builder, settings.arguments)
    guided = hasattr(model.backbone, "guide")
    if settings.guide and not guided:
        raise ValueError(
            f"--guide {settings.guide}: {settings.builder} takes no guide; pass --builder guided_person_detector"
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
