"""Losses of JPPNet."""

import math

import pytest
import torch

from posepart.models.jppnet.loss import JPPNetLossConfig, jppnet_loss, pose_loss, true_heatmaps
from posepart.models.jppnet.network import JPPNetMaps, StageMaps


def test_true_heatmaps_lie_in_cells_of_the_stride() -> None:
    joints = torch.tensor(
        [[[11.5, 3.5, 2.0], [0.0, 0.0, 0.0]]]
    )  # the centre of cell (1, 0) of stride 8; missing
    maps = true_heatmaps(joints, (2, 3), stride=8, sigma=8)
    neighbour, diagonal = math.exp(-0.5), math.exp(-1)
    expected = torch.tensor([[neighbour, 1, neighbour], [diagonal, neighbour, diagonal]])
    torch.testing.assert_close(maps[0, 0], expected)
    assert not maps[0, 1].any()


def test_pose_losses_by_hand() -> None:
    maps = torch.tensor([[[[3.0, 0.0]], [[0.0, 4.0]], [[9.0, 9.0]]]])
    counted = torch.tensor([[True, True, False]])
    assert pose_loss(maps, torch.zeros_like(maps), counted).tolist() == [25 / 4]
    assert pose_loss(maps, torch.zeros_like(maps), counted, "norm").tolist() == [5]


@pytest.mark.parametrize("kind", ["squared", "norm"])
def test_an_image_without_joints_teaches_nothing(kind: str) -> None:
    maps = torch.randn(1, 2, 2, 2, requires_grad=True)
    loss = pose_loss(maps, torch.zeros(1, 2, 2, 2), torch.zeros(1, 2, dtype=torch.bool), kind).sum()
    loss.backward()
    assert loss.item() == 0
    assert maps.grad is not None
    assert maps.grad.isfinite().all()
    assert not maps.grad.any()


def maps_of(stages: int, sizes: tuple[int, ...]) -> JPPNetMaps:
    """Maps of zeros: uniform labels, no joints."""
    scales = tuple(
        StageMaps(
            tuple(torch.zeros(1, 4, n, n) for _ in range(stages)),
            tuple(torch.zeros(1, 1, n, n) for _ in range(stages)),
        )
        for n in sizes
    )
    return JPPNetMaps(scales[0], scales)


@pytest.mark.parametrize(
    ("sizes", "each_scale", "terms"), [((2,), True, 3), ((2, 1), True, 9), ((2, 1), False, 3)]
)
def test_every_stage_and_scale_is_supervised(sizes: tuple[int, ...], each_scale: bool, terms: int) -> None:
    """Three stages of the merged maps and of two scales; each parsing term is log 4."""
    labels = torch.tensor([[[0, 1], [2, 255]]])
    joints, counted = torch.tensor([[[0.0, 0.0, 0.0]]]), torch.tensor([[True]])
    config = JPPNetLossConfig(supervise_scales=each_scale, parsing_weight=2.0)
    losses = jppnet_loss(maps_of(3, sizes), labels, joints, counted, 1.0, config)
    # At one cell the nearest label is the unlabelled one, lower right: that scale has no parsing loss.
    counted_terms = terms - (3 if terms == 9 else 0)
    assert losses["parsing"].item() == pytest.approx(counted_terms * math.log(4), rel=1e-5)
    assert losses["pose"].item() == 0
    assert losses["loss"].item() == pytest.approx(2 * counted_terms * math.log(4), rel=1e-5)
    assert losses["parsing_last"].item() == pytest.approx(math.log(4), rel=1e-5)


def test_unknown_pose_loss_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown pose loss 'l1': choose one of squared, norm"):
        JPPNetLossConfig(pose="l1")
