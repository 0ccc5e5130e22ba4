"""The Pose FCN as the paper has it: size, shapes, offsets in pixels."""

import pytest
import torch
from torch import nn

from posepart.models.backbones import ResNet101
from posepart.models.builders import build
from posepart.models.pose_fcn import DilatedPoseFCN, at_cells


@pytest.fixture(scope="module")
def pose() -> DilatedPoseFCN:
    torch.manual_seed(0)
    network = DilatedPoseFCN(ResNet101(0.125, (1, 1, 1, 1)), rates=(1, 2)).eval().requires_grad_(False)
    network.offset_mean.normal_(0, 20)
    network.offset_deviation.uniform_(5, 50)
    return network


def test_parameters() -> None:
    """The trunk, and four 3x3 convolutions with biases for 14 joint maps and 14 * 13 * 2 offset maps."""
    with torch.device("meta"):
        network = build("pose_resnet101")
    assert sum(p.numel() for p in network.parameters()) == 42_500_160 + 4 * (9 * 2048 + 1) * (14 + 364)


def test_output(pose: DilatedPoseFCN) -> None:
    logits, offsets = pose(torch.randn(2, 3, 64, 96))
    assert pose.stride == 8
    assert (logits.shape, offsets.shape) == ((2, 14, 8, 12), (2, 364, 8, 12))
    assert logits.sigmoid().mean() < 0.02  # joints start improbable


def test_offsets_at_chosen_cells_are_those_of_the_maps(pose: DilatedPoseFCN) -> None:
    images = torch.randn(2, 3, 64, 64)
    _, maps = pose(images)
    cells = torch.tensor([[0, 17, 63], [8 * 3 + 5, 0, 0]])
    chosen = pose.offsets_from(at_cells(pose.features(images)[1], cells))
    assert chosen.shape == (2, 3, 364)
    torch.testing.assert_close(chosen[0, 1], maps[0, :, 2, 1], rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(chosen[1, 0], maps[1, :, 3, 5], rtol=1e-4, atol=1e-3)


def test_gradients_reach_every_parameter() -> None:
    network = DilatedPoseFCN(ResNet101(0.125, (1, 1, 1, 1)), rates=(1, 2)).train()
    logits, offsets = network(torch.randn(2, 3, 64, 64))
    (logits.square().mean() + offsets.square().mean()).backward()
    assert [n for n, p in network.named_parameters() if p.grad is None] == []
    assert isinstance(network.get_submodule("backbone.stem.1"), nn.BatchNorm2d)
