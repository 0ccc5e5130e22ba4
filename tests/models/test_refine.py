"""Second-stage Part FCN."""

import pytest
import torch
from torch import nn

from posepart.models.refine import RefineFCN


@pytest.mark.parametrize("separable", [False, True])
def test_starts_as_the_first_stage(separable: bool) -> None:
    torch.manual_seed(0)
    parts = torch.randn(2, 7, 9, 11).log_softmax(1)
    network = RefineFCN(width=16, separable=separable).eval()
    torch.testing.assert_close(network(parts, torch.rand(2, 2, 9, 11)), parts, rtol=0, atol=0)


@pytest.mark.parametrize("separable", [False, True])
def test_pose_maps_matter_once_it_is_trained(separable: bool) -> None:
    torch.manual_seed(0)
    network = RefineFCN(width=16, separable=separable).eval().requires_grad_(False)
    nn.init.normal_(network.out.weight)
    parts = torch.zeros(1, 7, 12, 12).log_softmax(1)
    pose = torch.zeros(1, 2, 12, 12)
    empty = network(parts, pose)
    pose[0, 1, 6, 6] = 1.0
    assert (network(parts, pose) - empty)[..., 6, 6].abs().max() > 1e-4


def test_an_impossible_part_stays_finite_inside_the_stack() -> None:
    network = RefineFCN(width=8).requires_grad_(False)
    nn.init.normal_(network.out.weight)
    parts = torch.full((1, 7, 8, 8), -1e4)
    assert torch.isfinite(network(parts, torch.zeros(1, 2, 8, 8))).all()


def test_the_papers_stack() -> None:
    with torch.device("meta"):
        network = RefineFCN()
    shapes = [tuple(m.weight.shape) for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert shapes == [(128, 9, 7, 7), (128, 128, 7, 7), (128, 128, 7, 7), (7, 128, 7, 7)]


def test_separable_is_far_smaller() -> None:
    with torch.device("meta"):
        full, small = RefineFCN(), RefineFCN(width=64, separable=True)
    count = [sum(p.numel() for p in network.parameters()) for network in (full, small)]
    assert count[0] > 40 * count[1]
