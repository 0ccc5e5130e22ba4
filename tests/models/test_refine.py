"""Second-stage Part FCN: the paper's stack of convolutions, and ours."""

import pytest
import torch
from torch import nn

from posepart.models.builders import build
from posepart.models.refine import RefineFCN, SecondStage, StackedRefineFCN


def test_ours_starts_as_the_first_stage() -> None:
    torch.manual_seed(0)
    parts = torch.randn(2, 7, 9, 11).log_softmax(1)
    torch.testing.assert_close(
        RefineFCN(width=16).eval()(parts, torch.rand(2, 2, 9, 11)), parts, rtol=0, atol=0
    )


@pytest.mark.parametrize("network", [RefineFCN(width=16), StackedRefineFCN(width=16)])
def test_pose_maps_matter_once_it_is_trained(network: SecondStage) -> None:
    torch.manual_seed(0)
    network.eval().requires_grad_(False)
    nn.init.normal_(network.get_parameter("out.weight"))
    parts = torch.zeros(1, 7, 12, 12).log_softmax(1)
    pose = torch.zeros(1, 2, 12, 12)
    empty = network(parts, pose)
    pose[0, 1, 6, 6] = 1.0
    assert (network(parts, pose) - empty)[..., 6, 6].abs().max() > 1e-4


@pytest.mark.parametrize("network", [RefineFCN(width=8), StackedRefineFCN(width=8)])
def test_an_impossible_part_stays_finite_inside_the_stack(network: SecondStage) -> None:
    network.requires_grad_(False)
    nn.init.normal_(network.get_parameter("out.weight"))
    parts = torch.full((1, 7, 8, 8), -1e4)
    assert torch.isfinite(network(parts, torch.zeros(1, 2, 8, 8))).all()


def test_the_papers_second_stage_is_three_convolutions_and_an_output_layer() -> None:
    with torch.device("meta"):
        network = build("refine_xia2017")
    assert isinstance(network, SecondStage) and network.encoding == "labels"
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.ReLU)]
    assert [type(m) for m in layers] == [nn.Conv2d, nn.ReLU] * 3 + [nn.Conv2d]
    shapes = [tuple(m.weight.shape) for m in layers if isinstance(m, nn.Conv2d)]
    assert shapes == [(128, 9, 7, 7), (128, 128, 7, 7), (128, 128, 7, 7), (7, 128, 1, 1)]
    assert sum(p.numel() for p in network.parameters()) == 1_663_367


def test_the_papers_second_stage_reads_probabilities_and_adds_nothing_to_its_output() -> None:
    """Worked out by hand with convolutions that pass one channel on: no residual, no scaling, no cut."""
    network = StackedRefineFCN(width=1, layers=3).requires_grad_(False)
    for layer in network.stack:
        if isinstance(layer, nn.Conv2d):
            layer.weight.zero_()
            layer.weight[0, 0, 3, 3] = 1.0
    network.out.weight.fill_(2.0)
    parts = torch.full((1, 7, 3, 3), 0.75 / 6).log()
    parts[:, 0] = torch.tensor(0.25).log()
    torch.testing.assert_close(network(parts, torch.ones(1, 2, 3, 3)), torch.full((1, 7, 3, 3), 0.5))


def test_ours_is_far_smaller() -> None:
    with torch.device("meta"):
        full, small = StackedRefineFCN(), RefineFCN(width=64)
    count = [sum(p.numel() for p in network.parameters()) for network in (full, small)]
    assert count[0] > 40 * count[1]
