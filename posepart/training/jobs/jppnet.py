"""Train a JPPNet in the two steps of Liang et al., Sec. 6.1: its parsing branch alone, then everything.

`--phase` names the step. `--init` is a MoveNet .npz, torchvision's ResNet-101 for a jppnet_resnet101, or the
jppnet.safetensors of another run, whose network may lack the refinement stages. `--schema lip` trains on all
20 labels and 16 joints of a LIP folder. In posepart's own schema, a folder with jppnet.safetensors and a
detector.safetensors, each with its card, is a model for `posepart predict --model`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from torch import nn

from posepart.config import CropConfig
from posepart.data.person_crops import CropBatchConfig
from posepart.data.sample import Sample
from posepart.jppnet.predict import JPPNetInferenceConfig
from posepart.models.jppnet.loss import JPPNetLossConfig
from posepart.schema import BodySchema
from posepart.schema.named import schema_named
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
    schema : str
        Joints and labels of the data: posepart, or lip.
    freeze : int
        Number of blocks at the start of the backbone that are not trained.
    loop : LoopConfig
        Optimisation.
    batches : CropBatchConfig
        How training crops are drawn.
    loss : JPPNetLossConfig
        Weights of the losses.
    evaluation : CropConfig
        Crops of the evaluation during the training.
    inference : JPPNetInferenceConfig
        Scales and mirror images of that evaluation.
    """

    phase: Literal["parsing", "joint"] = "joint"
    builder: str = "jppnet_s"
    arguments: dict[str, Any] = field(default_factory=dict)
    schema: str = "posepart"
    freeze: int = 4
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(bf16=False))
    batches: CropBatchConfig = field(default_factory=lambda: CropBatchConfig(augment=PRINTED_AUGMENTATION))
    loss: JPPNetLossConfig = STRIDE_4_LOSS
    evaluation: CropConfig = field(default_factory=CropConfig)
    inference: JPPNetInferenceConfig = field(default_factory=lambda: JPPNetInferenceConfig(scales=(1.0,)))


def train(settings: Settings, run: runs.Run) -> None:
    """Train, evaluate, and write `jppnet.safetensors`."""
    arguments, loss = settings.arguments, settings.loss
    if settings.phase == "parsing":
        arguments, loss = parsing_phase(arguments, loss)
    runs.seeded(settings.loop)
    schema = schema_named(settings.schema)
    samples, held_out = runs.training_samples(run, schema=schema.name)
    model = runs.initialised(
        run,
        settings.builder,
        arguments,
        freeze=settings.freeze,
        load_npz=start_from_movenet,
        fresh=REFINEMENTS,
    )
    schema.require(joints=model.config.joints, labels=model.config.labels)
    evaluate = _evaluation(held_out, schema, settings)
    crops = runs.person_crops(samples, settings.batches)
    model = runs.trained(run, model, crops, JPPNetLoss(loss), settings.loop, evaluate)
    card = runs.new_card(run, "jppnet", samples, runs.last_evaluation(run, evaluate, model))
    runs.finish(run, model, replace(card, builder=settings.builder, arguments=dict(arguments)))


def _evaluation(
    samples: list[Sample], schema: BodySchema, settings: Settings
) -> Callable[[nn.Module], dict[str, float]]:
    """The measures during a training; by default of maps averaged over a crop and its mirror image, at one scale."""
    crops = CropEvaluation(samples, settings.evaluation)

    def evaluate(model: Any) -> dict[str, float]:
        return values_of(crops(jppnet_predictor(model, settings.inference, schema)))

    return evaluate
