"""Training of JPPNet and of SS-JPPNet (Liang et al., Sec. 6.1), each in two steps, on batches of `PersonCrops`.

JPPNet: its parser alone (`parsing_phase`), then everything. SS-JPPNet: attention to scale with the softmax loss,
then with the structure-sensitive loss.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from posepart.data.augment import NO_AUGMENTATION
from posepart.jppnet.predict import JPPNetInferenceConfig, peaks, predict_jppnet
from posepart.models.backbones import normalise
from posepart.models.jppnet.attention import AttentionToScale
from posepart.models.jppnet.loss import JPPNetLossConfig, jppnet_loss
from posepart.models.jppnet.network import JPPNet
from posepart.models.jppnet.structure_loss import (
    StructureLossConfig,
    parsing_loss,
    resize_labels,
    structure_sensitive_loss,
    structure_weight,
)
from posepart.schema import FLIP_JOINTS, Part
from posepart.schema.lip import PART_REGIONS
from posepart.training.crop_evaluation import CropPrediction

# Sec. 6.1: "randomly scaling the input images (from 0.75 to 1.25), randomly cropping and randomly left-right
# flipping"; the zoom is log-normal, cut to that range, and the shift of the crop stands for the cropping.
PRINTED_AUGMENTATION = replace(
    NO_AUGMENTATION, scale=(0.75, 1.25), scale_deviation=0.18, shift=0.05, flip=0.5
)

# The pose term is a sum over the cells of a map: at stride 4 it starts at about 3 times the parsing term.
STRIDE_4_LOSS = JPPNetLossConfig(pose_weight=0.3)

# What the second step adds to the network of the first: modules that its weight file lacks.
REFINEMENTS = ("pose_refinement", "parsing_refinement")

REGIONS = tuple(PART_REGIONS.values())


class JPPNetLoss:
    """Losses of one batch of `PersonCrops`.

    Joints are those of the crop's own person, parts those of everybody in it. Only joints that are labelled and
    inside the crop are supervised: of the others the batch does not tell what is unknown and what is absent.
    """

    def __init__(self, config: JPPNetLossConfig) -> None:
        self.config = config

    def __call__(self, model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        assert isinstance(model, JPPNet)
        maps = model(normalise(batch["image"]))
        joints = batch["joints"][:, 0]
        return jppnet_loss(maps, batch["parts"], joints, joints[..., 2] > 0, model.stride, self.config)


def parsing_phase(
    arguments: Mapping[str, Any], loss: JPPNetLossConfig
) -> tuple[dict[str, Any], JPPNetLossConfig]:
    """Builder arguments and loss of the first step: the parser without refinement, the pose does not count."""
    return {**arguments, "stages": 0}, replace(loss, pose_weight=0.0)


def jppnet_predictor(network: JPPNet, config: JPPNetInferenceConfig) -> Callable[[Tensor], CropPrediction]:
    """The network as `CropEvaluation` calls it."""

    def see(images: Tensor) -> CropPrediction:
        found = predict_jppnet(network, images, tuple(Part), FLIP_JOINTS, config)
        xy = [peaks(maps.cpu().numpy(), found.stride)[0] for maps in found.pose]
        return CropPrediction(found.parsing.cpu().numpy(), np.stack(xy))

    return see


@dataclass(frozen=True)
class ParserLossConfig:
    """sensitive: False is the first step, the softmax loss; True the second, that loss weighted by Eq. (1)."""

    sensitive: bool = False
    structure: StructureLossConfig = field(default_factory=StructureLossConfig)


class AttentionLoss:
    """Losses of attention to scale on one batch of `PersonCrops`: of the merged scores and of every scale.

    "weight" is the mean L_Joint of the merged scores, logged in both steps.
    """

    def __init__(self, config: ParserLossConfig) -> None:
        self.config = config

    def __call__(self, model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
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
    """A network that returns part logits, as `CropEvaluation` calls it; the mean with the mirror image."""

    def see(images: Tensor) -> CropPrediction:
        scores = network(images).softmax(1) + network(images.flip(-1)).softmax(1).flip(-1)
        return CropPrediction((scores / 2).cpu().numpy())

    return see
