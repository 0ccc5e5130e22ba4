"""Train attention to scale or, with the structure-sensitive loss, SS-JPPNet (Liang et al., Sec. 5.3 and 6.1).

It learns parts only. `--init` is a people-trained MobileNetV2 .npz or the attention.safetensors of another run.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from torch import nn

from posepart.config import CropConfig
from posepart.data.person_crops import CropBatchConfig
from posepart.models.backbones import read_arrays
from posepart.training import run as runs
from posepart.training.attention import AttentionLoss, AttentionLossConfig, attention_predictor
from posepart.training.crop_evaluation import CropEvaluation, values_of
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
    freeze : int
        Number of blocks at the start of the backbone that are not trained.
    loop : LoopConfig
        Optimisation.
    batches : CropBatchConfig
        How training crops are drawn.
    loss : AttentionLossConfig
        The softmax loss or the structure-sensitive one.
    """

    builder: str = "attention_s"
    arguments: dict[str, Any] = field(default_factory=dict)
    freeze: int = 4
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(bf16=False))
    batches: CropBatchConfig = field(
        default_factory=lambda: CropBatchConfig(need="parts", augment=PRINTED_AUGMENTATION)
    )
    loss: AttentionLossConfig = field(default_factory=AttentionLossConfig)


def train(settings: Settings, run: runs.Run) -> None:
    """Train, evaluate, and write `attention.safetensors`."""
    runs.seeded(settings.loop)
    samples, held_out = runs.training_samples(run)
    model = runs.initialised(
        run,
        settings.builder,
        settings.arguments,
        freeze=settings.freeze,
        load_npz=lambda network, path: network.backbone.load_people_weights(read_arrays(path)),
    )
    evaluation = CropEvaluation(held_out, CropConfig())

    def evaluate(network: nn.Module) -> dict[str, float]:
        return values_of(evaluation(attention_predictor(network)))

    crops = runs.person_crops(samples, settings.batches)
    model = runs.trained(run, model, crops, AttentionLoss(settings.loss), settings.loop, evaluate)
    metrics = runs.last_evaluation(run, evaluate, model)
    card = runs.new_card(run, "attention", samples, metrics)
    runs.finish(run, model, replace(card, builder=settings.builder, arguments=settings.arguments))
