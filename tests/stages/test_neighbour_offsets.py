"""Offsets made from features at points are those of the whole maps, averaged over looks and interpolated there."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from posepart.arrays import Float32
from posepart.geometry.frames import crop_to_map, map_to_crop
from posepart.models.backbones import MobileNetV2, ResNet101
from posepart.models.fcn import PoseFCN
from posepart.models.pose_fcn import DilatedPoseFCN, PoseNetwork
from posepart.schema import FLIP_JOINTS, NEIGHBOURS, NUM_JOINTS
from posepart.stages.neighbour_offsets import FeatureOffsets
from posepart.stages.networks import pose_maps
from posepart.stages.views import LEANING, _trunk_angles


def ours() -> PoseNetwork:
    return PoseFCN(MobileNetV2(0.35), heat_widths=(8, 8, 8, 8), wide_widths=(8, 8, 8, 8), hidden=8)


def papers() -> PoseNetwork:
    return DilatedPoseFCN(ResNet101(0.125, (1, 1, 1, 1)), rates=(1, 2))


def random_network(make: Callable[[], PoseNetwork]) -> PoseNetwork:
    """With joint logits and offsets that change from cell to cell, and crops that lean at random."""
    torch.manual_seed(0)
    network = make().eval().requires_grad_(False)
    for name, values in network.named_parameters():
        if name.startswith(("joint_out", "offset_out")) and values.ndim > 1:
            values.normal_(0, 0.3)
    network.offset_mean.normal_(0, 20)
    network.offset_deviation.uniform_(5, 50)
    return network


def mirrored(maps: Tensor) -> Tensor:
    """Offset maps (B, 364, h, w) of mirrored crops in the frame of the crops, one by one."""
    given = maps.flip(-1).unflatten(1, (*NEIGHBOURS.shape, 2))
    result = torch.empty_like(given)
    for joint in range(NUM_JOINTS):
        for k, other in enumerate(NEIGHBOURS[joint]):
            theirs = NEIGHBOURS[FLIP_JOINTS[joint]].tolist().index(FLIP_JOINTS[other])
            result[:, joint, k] = given[:, FLIP_JOINTS[joint], theirs] * torch.tensor([-1, 1])[:, None, None]
    return result.flatten(1, 3)


def turned(maps: Tensor, angles: Tensor) -> Tensor:
    """Maps turned anticlockwise about their centres, bilinear, zero outside."""
    cos, sin, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
    rotation = torch.stack([cos, -sin, zero, sin, cos, zero], 1).reshape(-1, 2, 3)
    return F.grid_sample(
        maps, F.affine_grid(rotation, list(maps.shape), align_corners=False), align_corners=False
    )


def averaged(network: PoseNetwork, batch: Tensor, mirror: bool) -> tuple[Tensor, Tensor]:
    logits, offsets = network(batch)
    if mirror:
        other_logits, other_offsets = network(batch.flip(-1))
        logits = (logits + other_logits[:, list(FLIP_JOINTS)].flip(-1)) / 2
        offsets = (offsets + mirrored(other_offsets)) / 2
    return logits, offsets


def whole_maps(network: PoseNetwork, batch: Tensor, mirror: bool, upright: bool) -> tuple[Tensor, Tensor]:
    """Logits and offset maps of a batch of which all looks were computed, turned back and averaged as maps."""
    logits, offsets = averaged(network, batch, mirror)
    angles = _trunk_angles(logits)
    for i in range(len(batch) if upright else 0):
        angle, own = angles[i : i + 1], slice(i, i + 1)
        if abs(angle) <= LEANING:
            continue
        again, vectors = averaged(network, turned(batch[own], -angle), mirror)
        if again.amax((2, 3)).sigmoid().mean() < logits[own].amax((2, 3)).sigmoid().mean():
            continue
        dx, dy = turned(vectors, angle).unflatten(1, (182, 2)).unbind(2)
        back = torch.stack(
            [angle.cos() * dx + angle.sin() * dy, angle.cos() * dy - angle.sin() * dx], 2
        ).flatten(1, 2)
        covered = turned(torch.ones_like(again[:, :1]), angle) > 0.99
        logits[own] = torch.where(covered, (logits[own] + turned(again, angle)) / 2, logits[own])
        offsets[own] = torch.where(covered, (offsets[own] + back) / 2, offsets[own])
    return logits, offsets


def interpolated(maps: Float32, xy: Float32, stride: float) -> Float32:
    """(N, 364) bilinear, the outermost cells continued; maps (364, h, w)."""
    height, width = maps.shape[1:]
    result = []
    for x, y in np.clip(crop_to_map(xy, stride), 0, [width - 1, height - 1]):
        left, top = min(int(x), width - 2), min(int(y), height - 2)
        u, v = x - left, y - top
        upper = maps[:, top, left] * (1 - u) + maps[:, top, left + 1] * u
        lower = maps[:, top + 1, left] * (1 - u) + maps[:, top + 1, left + 1] * u
        result.append(upper * (1 - v) + lower * v)
    return np.array(result)


@pytest.mark.parametrize("make", [ours, papers])
@pytest.mark.parametrize(("mirror", "upright"), [(False, False), (True, False), (False, True), (True, True)])
def test_offsets_at_points_are_those_of_the_whole_maps(
    make: Callable[[], PoseNetwork], mirror: bool, upright: bool
) -> None:
    network, side = random_network(make), 96
    batch = torch.randn(10, 3, side, side)
    batch = F.interpolate(F.interpolate(batch, 12, mode="bilinear"), side, mode="bilinear")
    logits, maps = whole_maps(network, batch, mirror, upright)
    found = pose_maps(network, batch, mirror, upright)
    rng = np.random.default_rng(0)
    second_looks = 0
    for one, own_logits, own_maps in zip(found, logits, maps.numpy(), strict=True):
        np.testing.assert_allclose(one.joints, own_logits.sigmoid(), atol=1e-4)
        assert isinstance(one.offsets, FeatureOffsets)
        second_looks += one.offsets.upright is not None
        np.testing.assert_allclose(one.offsets.maps().reshape(own_maps.shape), own_maps, atol=2e-3)
        xy = rng.uniform(-3, side + 2, (40, 2)).astype(np.float32)
        xy[0] = map_to_crop(np.array([3, 5]), one.stride)  # the centre of a cell
        vectors = one.offsets.at(xy)
        expected = interpolated(own_maps, xy, one.stride).reshape(-1, *NEIGHBOURS.shape, 2)
        for joint in range(NUM_JOINTS):
            np.testing.assert_allclose(vectors[:, joint, NEIGHBOURS[joint]], expected[:, joint], atol=2e-3)
            assert not vectors[:, joint, joint].any()
    assert (0 < second_looks < len(batch)) == upright


def test_no_points_no_offsets() -> None:
    offsets = pose_maps(random_network(ours), torch.zeros(1, 3, 64, 64), mirror=True)[0].offsets
    assert offsets.at(np.zeros((0, 2), np.float32)).shape == (0, NUM_JOINTS, NUM_JOINTS, 2)


def test_only_the_features_are_computed_until_somebody_asks() -> None:
    network = random_network(ours)
    asked: list[int] = []
    original = network.normalised_offsets

    def counted(rows: Tensor) -> Tensor:
        asked.append(rows[..., 0].numel())
        return original(rows)

    network.normalised_offsets = counted  # type: ignore[method-assign]
    (maps,) = pose_maps(network, torch.zeros(1, 3, 64, 64), mirror=True)
    assert asked == []
    maps.offsets.at(np.full((5, 2), 20.0))
    assert asked == [5, 5]  # a vector per point and look
