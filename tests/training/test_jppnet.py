"""Losses of JPPNet on batches of crops, by hand; what the two steps of the training share."""

import math

import pytest
import torch
from torch import Tensor, nn

from posepart.jppnet.predict import JPPNetInferenceConfig
from posepart.models.builders import build
from posepart.models.jppnet.loss import JPPNetLossConfig
from posepart.models.jppnet.network import JPPNet, JPPNetMaps, StageMaps
from posepart.schema import IGNORE, Joint
from posepart.schema.lip import LIP, LipJoint, LipLabel
from posepart.training.jppnet import (
    PRINTED_AUGMENTATION,
    JPPNetLoss,
    jppnet_predictor,
    parsing_phase,
)


class SilentJPPNet(JPPNet):
    """Says nothing of a 16 px crop: logits and heat maps of 4x4 zeros, at one stage and scale."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.stride = 4

    def forward(self, images: Tensor) -> JPPNetMaps:
        assert images.dtype == torch.float32
        maps = StageMaps((torch.zeros(len(images), 7, 4, 4),), (torch.zeros(len(images), 14, 4, 4),))
        return JPPNetMaps(maps, (maps,))


def batch_of(labels: Tensor, joints: Tensor) -> dict[str, Tensor]:
    return {
        "image": torch.zeros(len(labels), 3, 16, 16, dtype=torch.uint8),
        "parts": labels,
        "joints": joints,
    }


def test_nothing_labelled_costs_nothing() -> None:
    labels = torch.full((1, 4, 4), IGNORE, dtype=torch.uint8)
    losses = JPPNetLoss(JPPNetLossConfig())(SilentJPPNet(), batch_of(labels, torch.zeros(1, 6, 14, 3)))
    assert losses["loss"].item() == 0


def test_only_labelled_joints_of_the_own_person_count() -> None:
    joints = torch.zeros(1, 6, 14, 3)
    joints[0, 0, Joint.NECK] = torch.tensor([5.5, 5.5, 1])  # the centre of cell (1, 1)
    joints[0, 1] = torch.tensor([9.5, 9.5, 1])  # of somebody else
    labels = torch.zeros(1, 4, 4, dtype=torch.uint8)
    config = JPPNetLossConfig(sigma=0.4, pose_weight=0.5)  # 0.1 cells: the map is 1 in one cell, 0 elsewhere
    losses = JPPNetLoss(config)(SilentJPPNet(), batch_of(labels, joints))
    assert losses["pose"].item() == pytest.approx(0.5)  # 1 / (2 N) * 1 for N = 1
    assert losses["parsing"].item() == pytest.approx(math.log(7))
    assert losses["loss"].item() == pytest.approx(0.25 + math.log(7))


def test_the_first_step_trains_the_parsing_branch_alone() -> None:
    arguments, loss = parsing_phase({"stages": 2, "channels": 8}, JPPNetLossConfig(pose_weight=0.3, sigma=4))
    assert arguments == {"stages": 0, "channels": 8}
    assert loss == JPPNetLossConfig(pose_weight=0, sigma=4)


def test_the_printed_augmentation() -> None:
    assert PRINTED_AUGMENTATION.scale == (0.75, 1.25)
    assert PRINTED_AUGMENTATION.flip == 0.5
    assert PRINTED_AUGMENTATION.colour == PRINTED_AUGMENTATION.paste == PRINTED_AUGMENTATION.rotation == 0


def test_gradients_of_a_small_network_reach_both_modules() -> None:
    torch.manual_seed(0)
    model = build("jppnet_s", {"stages": 1, "width": 0.35, "channels": 8})
    joints = torch.zeros(2, 6, 14, 3)
    joints[:, 0] = torch.tensor([30.0, 20.0, 1.0])
    batch = {
        "image": torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8),
        "parts": torch.ones(2, 16, 16, dtype=torch.uint8),
        "joints": joints,
    }
    JPPNetLoss(JPPNetLossConfig(pose_weight=0.3))(model, batch)["loss"].backward()
    for name in ("part_module.aspp.0.weight", "joint_module.conv_8.weight", "pose_refinement.0.last.weight"):
        gradient = model.get_parameter(name).grad
        assert gradient is not None and gradient.abs().sum() > 0, name


def test_what_the_network_sees_of_crops() -> None:
    torch.manual_seed(0)
    model = build("jppnet_s", {"stages": 0, "width": 0.35, "channels": 8}).eval()
    assert isinstance(model, JPPNet)
    images = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        seen = jppnet_predictor(model, JPPNetInferenceConfig(scales=(1.0,), mirror=False))(images)
        assert seen.parsing is not None and seen.parsing.shape == (2, 7, 16, 16)
        assert seen.xy is not None and seen.xy.shape == (2, 14, 2)


def test_mirrored_views_swap_the_sides_of_lip() -> None:
    """A network that calls the left half of a picture left arm, and sees the left wrist there."""

    class Sides(SilentJPPNet):
        def stages(self, images: Tensor) -> StageMaps:
            parsing, pose = torch.zeros(len(images), 20, 4, 4), torch.zeros(len(images), 16, 4, 4)
            parsing[:, LipLabel.LEFT_ARM, :, :2] = parsing[:, LipLabel.RIGHT_ARM, :, 2:] = 30
            pose[:, LipJoint.LEFT_WRIST, 0, 0] = pose[:, LipJoint.RIGHT_WRIST, 0, 3] = 1
            return StageMaps((parsing,), (pose,))

    see = jppnet_predictor(Sides(), JPPNetInferenceConfig(scales=(1.0,)), LIP)
    seen = see(torch.zeros(1, 3, 16, 16))
    assert seen.parsing is not None and seen.xy is not None
    found = seen.parsing[0].argmax(0)
    assert (found[:, :2] == LipLabel.LEFT_ARM).all() and (found[:, 2:] == LipLabel.RIGHT_ARM).all()
    assert seen.parsing[0].max() > 0.99  # both views agree
    assert seen.xy[0, LipJoint.LEFT_WRIST].tolist() == [1.5, 1.5]
