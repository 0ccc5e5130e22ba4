"""Training of pose networks that give heat maps: Liang et al.'s ResNet-101, CPM and stacked hourglasses (Sec. 4.2).

Joints are learned of the person in the box. Only labelled joints inside the crop are supervised: for the others, a
batch does not distinguish unknown from absent.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from posepart.jppnet.predict import peaks
from posepart.jppnet.single_task import heat_maps, joint_maps
from posepart.models.backbones import normalise
from posepart.models.jppnet.loss import pose_loss, true_heatmaps
from posepart.schema import POSEPART, BodySchema
from posepart.training.crop_evaluation import CropPrediction
from posepart.training.loop import device_of


@dataclass(frozen=True)
class JointsLossConfig:
    """The loss of heat maps, summed over the stages of a network.

    LIP's paper prints neither width nor loss; sigma is 21 px of a 368 px input in CPM's released code, and one cell
    of 4 px in the hourglasses' paper. Both papers minimise squared errors.
    """

    sigma: float = 8.0  # px of the input, of the true heat maps; that of JPPNet's released code
    pose: Literal["squared", "norm"] = "squared"  # as for `models.jppnet.loss.pose_loss`


class JointsLoss:
    """Losses of a batch of `PersonCrops`: of the heat maps of every stage (intermediate supervision)."""

    def __init__(self, config: JointsLossConfig) -> None:
        self.config = config

    def __call__(self, model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The losses of one batch by name; "loss" is their sum over the stages, "result" that of the last."""
        images, joints, box = normalise(batch["image"]), batch["joints"][:, 0], batch["box"]
        stages = heat_maps(model, images, (box[:, :2] + box[:, 2:]) / 2)
        size, stride = (stages[0].shape[2], stages[0].shape[3]), images.shape[-1] / stages[0].shape[3]
        truth, counted = true_heatmaps(joints, size, stride, self.config.sigma), joints[..., 2] > 0
        if stages[0].shape[1] == truth.shape[1] + 1:  # CPM's background: where no joint is
            truth = torch.cat([truth, 1 - truth.amax(1, keepdim=True)], dim=1)
            counted = torch.cat([counted, counted.all(1, keepdim=True)], dim=1)
        losses = [pose_loss(maps, truth, counted, self.config.pose).mean() for maps in stages]
        return {"loss": torch.stack(losses).sum(), "result": losses[-1]}


def joints_predictor(network: nn.Module, schema: BodySchema = POSEPART) -> Callable[[Tensor], CropPrediction]:
    """Wrap a pose network as the function that `CropEvaluation` calls.

    Heat maps are averaged with those of the mirror image, whose joints are swapped as the schema says.
    """

    def see(images: Tensor) -> CropPrediction:
        maps = joint_maps(network, images.to(device_of(network)), schema)
        stride = images.shape[-1] / maps.shape[-1]
        xy = [peaks(of_crop.cpu().numpy(), stride)[0] for of_crop in maps]
        return CropPrediction(None, np.stack(xy))

    return see
