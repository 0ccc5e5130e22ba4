"""Train a pose network that gives heat maps: ResNet-101, CPM or stacked hourglasses (Liang et al., Sec. 4.2).

`--init` is a people-trained MobileNetV2 .npz, torchvision's ResNet-101 where the network has one, or the
joints.safetensors of another run. A folder with joints.safetensors and a detector.safetensors, each with its card,
is a model for `posepart predict --model`; with a parsing.safetensors it gives parts, too.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from torch import nn

from posepart.config import CropConfig
from posepart.data.person_crops import CropBatchConfig
from posepart.data.sample import schema_of
from posepart.jppnet.single_task import check_outputs
from posepart.models.backbones import read_arrays
from posepart.schema.named import schema_named
from posepart.training import run as runs
from posepart.training.crop_evaluation import CropEvaluation, values_of
from posepart.training.joints import JointsLoss, JointsLossConfig, joints_predictor
from posepart.training.jppnet import PRINTED_AUGMENTATION
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
    schema : str
        Joints of the data: posepart, lip or mpii.
    freeze : int
        Number of blocks at the start of the backbone that are not trained.
    loop : LoopConfig
        Optimisation.
    batches : CropBatchConfig
        How training crops are drawn.
    evaluation : CropConfig
        Crops of the evaluation.
    loss : JointsLossConfig
        Heat maps and their loss.
    """

    builder: str = "joints_s"
    arguments: dict[str, Any] = field(default_factory=dict)
    schema: str = "posepart"
    freeze: int = 4
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(bf16=False))
    batches: CropBatchConfig = field(default_factory=lambda: CropBatchConfig(augment=PRINTED_AUGMENTATION))
    evaluation: CropConfig = field(default_factory=CropConfig)
    loss: JointsLossConfig = field(default_factory=JointsLossConfig)


def train(settings: Settings, run: runs.Run) -> None:
    """Train, evaluate, and write `joints.safetensors`."""
    runs.seeded(settings.loop)
    samples, held_out = runs.training_samples(run, schema=schema_named(settings.schema).name)
    model = runs.initialised(
        run,
        settings.builder,
        settings.arguments,
        freeze=settings.freeze,
        load_npz=lambda network, path: network.backbone.load_people_weights(read_arrays(path)),
    )
    schema = schema_of(samples)
    check_outputs(model, "joints", schema, settings.builder)
    crops = runs.person_crops(samples, replace(settings.batches, need="joints"))
    evaluation = CropEvaluation(held_out, settings.evaluation)

    def evaluate(network: nn.Module) -> dict[str, float]:
        return values_of(evaluation(joints_predictor(network, schema)))

    model = runs.trained(run, model, crops, JointsLoss(settings.loss), settings.loop, evaluate)
    metrics = runs.last_evaluation(run, evaluate, model)
    card = runs.new_card(run, "joints", samples, metrics)
    runs.finish(run, model, replace(card, builder=settings.builder, arguments=settings.arguments))
