"""Train a JPPNet in the two steps of Liang et al., Sec. 6.1: its parsing branch alone, then everything.

`--phase` names the step. `--init` is a MoveNet .npz or the jppnet.safetensors of another run, whose network may lack
the refinement stages. A folder with jppnet.safetensors and a detector.safetensors, each with its card, is a model
for `posepart predict --model`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from torch import nn

from posepart.config import CropConfig
from posepart.data.person_crops import CropBatchConfig
from posepart.jppnet.predict import JPPNetInferenceConfig
from posepart.models.jppnet.loss import JPPNetLossConfig
from posepart.training import run as runs
from posepart.training.crop_evaluation import CropEvaluation, values_of
from posepart.training.jppnet import (
    PRINTED_AUGMENTATION,
    REFINEMENTS,
    STRIDE_4_LOSS,
    JPPNetLoss,
    jppnet_predictor,
    parsing_phase,
    start_from_movenet,
)
from posepart.training.loop import LoopConfig


@dataclass(frozen=True)
class Settings:
    """Settings of the training.

    Attributes
    ----------
    phase : str
        "parsing" trains the parsing branch alone, "joint" everything; in this order.
    builder : str
        The network: a function in posepart.models.builders.
    arguments : dict
        Arguments of the builder.
    freeze : int
        Number of blocks at the start of the backbone that are not trained.
    loop : LoopConfig
        Optimisation.
    batches : CropBatchConfig
        How training crops are drawn.
    loss : JPPNetLossConfig
        Weights of the losses.
    """

    phase: Literal["parsing", "joint"] = "joint"
    builder: str = "jppnet_s"
    arguments: dict[str, Any] = field(default_factory=dict)
    freeze: int = 4
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(bf16=False))
    batches: CropBatchConfig = field(default_factory=lambda: CropBatchConfig(augment=PRINTED_AUGMENTATION))
    loss: JPPNetLossConfig = STRIDE_4_LOSS


def train(settings: Settings, run: runs.Run) -> None:
    """Train, evaluate, and write `jppnet.safetensors`."""
    arguments, loss = settings.arguments, settings.loss
    if settings.phase == "parsing":
        arguments, loss = parsing_phase(arguments, loss)
    runs.seeded(settings.loop)
    samples, held_out = runs.training_samples(run)
    model = runs.initialised(
        run,
        settings.builder,
        arguments,
        freeze=settings.freeze,
        load_npz=start_from_movenet,
        fresh=REFINEMENTS,
    )
    evaluate = _evaluation(held_out)
    crops = runs.person_crops(samples, settings.batches)
    model = runs.trained(run, model, crops, JPPNetLoss(loss), settings.loop, evaluate)
    card = runs.new_card(run, "jppnet", samples, runs.last_evaluation(run, evaluate, model))
    runs.finish(run, model, replace(card, builder=settings.builder, arguments=dict(arguments)))


def _evaluation(samples: list[Any]) -> Callable[[nn.Module], dict[str, float]]:
    """The measures during a training, of the maps averaged over a crop and its mirror image, at one scale."""
    crops, config = CropEvaluation(samples, CropConfig()), JPPNetInferenceConfig(scales=(1.0,))

    def evaluate(model: Any) -> dict[str, float]:
        return values_of(crops(jppnet_predictor(model, config)))

    return evaluate
