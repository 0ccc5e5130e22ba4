"""Training of any parsing network with the softmax loss or the structure-sensitive one (Liang et al., Sec. 5.3).

SS-JPPNet is attention to scale that is trained first with the softmax loss, then with the structure-sensitive loss.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from posepart.models.backbones import normalise
from posepart.models.jppnet.structure_loss import (
    StructureLossConfig,
    parsing_loss,
    resize_labels,
    structure_sensitive_loss,
    structure_weight,
)
from posepart.models.supervision import supervision
from posepart.schema import POSEPART, BodySchema
from posepart.training.crop_evaluation import CropPrediction
from posepart.training.loop import device_of


@dataclass(frozen=True)
class ParsingLossConfig:
    """The loss of a parsing network."""

    sensitive: bool = False  # whether the softmax loss is weighted as in Eq. (1): the second step
    structure: StructureLossConfig = field(default_factory=StructureLossConfig)  # of that weighting


class ParsingLoss:
    """Losses of a batch of `PersonCrops`: of the result, and of whatever else the network supervises.

    "weight" is the mean L_Joint of the result, which is logged whichever loss is used.

    Parameters
    ----------
    config : ParsingLossConfig
    schema : BodySchema
        Of the labels; its `regions` are those of Eq. (1).

    Raises
    ------
    ValueError
        The loss is structure-sensitive, and the schema has no regions.
    """

    def __init__(self, config: ParsingLossConfig, schema: BodySchema = POSEPART) -> None:
        if config.sensitive and not schema.regions:
            raise ValueError(
                f"loss.sensitive: the labels of {schema.name} have no regions for Eq. (1); set it to false"
            )
        self.config = config
        self.regions = tuple(schema.regions.values())

    def __call__(self, model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The losses of one batch by name; "loss" is their sum."""
        seen = supervision(model, normalise(batch["image"]), batch["parts"], batch["box"])
        losses = [self._loss(*pair) for pair in zip(seen.logits, seen.labels, strict=True)]
        return {
            "loss": torch.stack([*losses, *seen.losses.values()]).sum(),
            "result": losses[0],
            **seen.losses,
            "weight": self._weight(seen.logits[0], seen.labels[0]),
        }

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        structure, logits = self.config.structure, logits.float()
        if self.config.sensitive:
            return structure_sensitive_loss(logits, labels, self.regions, structure)
        return parsing_loss(logits, labels, structure.ignore).mean()

    def _weight(self, logits: Tensor, labels: Tensor) -> Tensor:
        if not self.regions:
            return logits.new_zeros(())
        labels = resize_labels(labels, (logits.shape[2], logits.shape[3]))
        return structure_weight(logits.detach().argmax(1), labels, self.regions, self.config.structure).mean()


def parsing_predictor(
    network: nn.Module, schema: BodySchema = POSEPART
) -> Callable[[Tensor], CropPrediction]:
    """Wrap a network of label logits as the function that `CropEvaluation` calls.

    Scores are averaged with those of the mirror image, whose labels are swapped as the schema says.
    """
    swapped = list(schema.flip_labels)

    def see(images: Tensor) -> CropPrediction:
        images = images.to(device_of(network))
        mirrored = network(images.flip(-1)).float().softmax(1)[:, swapped].flip(-1)
        scores = (network(images).float().softmax(1) + mirrored) / 2
        return CropPrediction(scores.cpu().numpy())

    return see
