"""Training of attention to scale and of SS-JPPNet (Liang et al., Sec. 5.3 and 6.1).

SS-JPPNet is attention to scale that is trained first with the softmax loss, then with the structure-sensitive loss.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from posepart.models.backbones import normalise
from posepart.models.jppnet.attention import AttentionToScale
from posepart.models.jppnet.structure_loss import (
    StructureLossConfig,
    parsing_loss,
    resize_labels,
    structure_sensitive_loss,
    structure_weight,
)
from posepart.schema import POSEPART
from posepart.training.crop_evaluation import CropPrediction
from posepart.training.loop import device_of

REGIONS = tuple(POSEPART.regions.values())


@dataclass(frozen=True)
class AttentionLossConfig:
    """The loss of attention to scale."""

    sensitive: bool = False  # whether the softmax loss is weighted as in Eq. (1): the second step
    structure: StructureLossConfig = field(default_factory=StructureLossConfig)  # of that weighting


class AttentionLoss:
    """Losses of attention to scale on a batch of `PersonCrops`: those of the merged scores and of every scale.

    "weight" is the mean L_Joint of the merged scores, which is logged whichever loss is used.
    """

    def __init__(self, config: AttentionLossConfig) -> None:
        self.config = config

    def __call__(self, model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The losses of one batch by name; "loss" is their sum."""
        assert isinstance(model, AttentionToScale)
        maps, labels = model.attend(normalise(batch["image"])), batch["parts"]
        losses = [self._loss(logits.float(), labels) for logits in (maps.merged, *maps.scales)]
        return {
            "loss": torch.stack(losses).sum(),
            "merged": losses[0],
            "weight": self._weight(maps.merged, labels),
        }

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        structure = self.config.structure
        if self.config.sensitive:
            return structure_sensitive_loss(logits, labels, REGIONS, structure)
        return parsing_loss(logits, labels, structure.ignore).mean()

    def _weight(self, logits: Tensor, labels: Tensor) -> Tensor:
        labels = resize_labels(labels, (logits.shape[2], logits.shape[3]))
        return structure_weight(logits.detach().argmax(1), labels, REGIONS, self.config.structure).mean()


def attention_predictor(network: nn.Module) -> Callable[[Tensor], CropPrediction]:
    """Wrap a network of part logits as the function that `CropEvaluation` calls.

    Scores are averaged with those of the mirror image.
    """

    def see(images: Tensor) -> CropPrediction:
        images = images.to(device_of(network))
        scores = network(images).softmax(1) + network(images.flip(-1)).softmax(1).flip(-1)
        return CropPrediction((scores / 2).cpu().numpy())

    return see
