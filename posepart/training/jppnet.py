"""Training of JPPNet (Liang et al., Sec. 6.1) on batches of `PersonCrops`.

There are two steps: first the parsing branch alone (`parsing_phase`), then everything.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from posepart.data.augment import NO_AUGMENTATION
from posepart.jppnet.predict import JPPNetInferenceConfig, peaks, predict_jppnet
from posepart.models.backbones import MobileNetV2, normalise, read_arrays
from posepart.models.fcn import PoseFCN
from posepart.models.jppnet.loss import JPPNetLossConfig, jppnet_loss
from posepart.models.jppnet.network import JPPNet
from posepart.schema import NUM_JOINTS, POSEPART, BodySchema
from posepart.training.crop_evaluation import CropPrediction
from posepart.training.loop import device_of

# Sec. 6.1: "randomly scaling the input images (from 0.75 to 1.25), randomly cropping and randomly left-right
# flipping". Here the zoom is log-normal and clipped to that range, and the crop is shifted in place of random
# cropping: for boxes of people in photos, whose surroundings a crop shows. On LIP, whose pictures are cut out around
# a person, `zoom: uniform` and `random_crop: true` do as printed.
PRINTED_AUGMENTATION = replace(
    NO_AUGMENTATION, scale=(0.75, 1.25), scale_deviation=0.18, shift=0.05, flip=0.5
)

# The pose term is a sum over the cells of a map: at stride 4 it starts at about 3 times the parsing term.
STRIDE_4_LOSS = JPPNetLossConfig(pose_weight=0.3)

# Modules that the second step adds to the network of the first.
REFINEMENTS = ("pose_refinement", "parsing_refinement")


class JPPNetLoss:
    """Losses of a batch of `PersonCrops`.

    Joints are learned of the person in the box, parts of everybody in the crop. Only labelled joints inside the crop
    are supervised: for the others, a batch does not distinguish unknown from absent.
    """

    def __init__(self, config: JPPNetLossConfig) -> None:
        self.config = config

    def __call__(self, model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The losses of one batch by name; "loss" is minimised."""
        assert isinstance(model, JPPNet)
        maps = model(normalise(batch["image"]))
        joints = batch["joints"][:, 0]
        return jppnet_loss(maps, batch["parts"], joints, joints[..., 2] > 0, model.stride, self.config)


def parsing_phase(
    arguments: Mapping[str, Any], loss: JPPNetLossConfig
) -> tuple[dict[str, Any], JPPNetLossConfig]:
    """Builder arguments and loss of the first step: no refinement stage, and a weight of 0 for the pose."""
    return {**arguments, "stages": 0}, replace(loss, pose_weight=0.0)


def jppnet_predictor(
    network: JPPNet, config: JPPNetInferenceConfig, schema: BodySchema = POSEPART
) -> Callable[[Tensor], CropPrediction]:
    """Wrap a network as the function that `CropEvaluation` calls; in mirrored views sides are swapped."""

    def see(images: Tensor) -> CropPrediction:
        flips = schema.flip_labels, schema.flip_joints
        found = predict_jppnet(network, images.to(device_of(network)), *flips, config)
        xy = [peaks(maps.cpu().numpy(), found.stride)[0] for maps in found.pose]
        return CropPrediction(found.parsing.cpu().numpy(), np.stack(xy))

    return see


def start_from_movenet(model: JPPNet, path: Path) -> None:
    """Load the backbone and the heat-map features of a MoveNet, in place; of a MobileNetV2 alone its backbone.

    The layers that assign heat maps to joints stay random, and have to be learned.
    """
    assert isinstance(model.backbone, MobileNetV2)
    arrays = read_arrays(path)
    if not any(name.startswith("lateral.") for name in arrays):
        model.backbone.load_people_weights(arrays)
        return
    pose = PoseFCN(MobileNetV2(model.backbone.width))
    pose.load_movenet(arrays, [()] * NUM_JOINTS)
    model.start_from(pose)
