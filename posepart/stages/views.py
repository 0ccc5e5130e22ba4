"""A network applied to further views of a crop: mirrored, turned upright, and in other sizes. No gradients.

None of this is in the paper; `config.PAPER` switches it off.
"""

from collections.abc import Sequence
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from posepart.schema import FLIP_JOINTS, Joint
from posepart.stages.neighbour_offsets import Looks, Upright

SIDES = 32  # px; sides of copies are multiples, since the networks halve an image five times
LEANING = torch.pi / 6  # rad from upright; people who lean more are looked at again
TRUNK = (Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER, Joint.LEFT_HIP, Joint.RIGHT_HIP)


class JointNetwork(Protocol):
    """What the pipeline needs of a Pose FCN (`models.pose_fcn.PoseNetwork`)."""

    def features(self, x: Tensor, /) -> tuple[Tensor, Tensor]:
        """Images (B, 3, S, S) float32 -> joint logits (B, 14, h, w), features (B, C, h, w)."""
        ...

    def offsets_from(self, rows: Tensor, /) -> Tensor:
        """Features (N, C) -> neighbour offsets (N, 364) float32, crop pixels; affine."""
        ...


def pose_view(network: JointNetwork, batch: Tensor, mirror: bool) -> tuple[Tensor, list[Looks]]:
    """What a Pose FCN says about a batch.

    Parameters
    ----------
    network : JointNetwork
    batch : (B, 3, S, S) float32
    mirror : bool
        Look at the mirrored crops, too.

    Returns
    -------
    logits : (B, 14, h, w)
        Averaged over both.
    looks : list of Looks
        The features of each crop.
    """
    logits, features = network.features(batch)
    if not mirror:
        return logits, [(own,) for own in features]
    other, mirrored = network.features(batch.flip(-1))
    logits = (logits + other[:, list(FLIP_JOINTS)].flip(-1)) / 2
    return logits, list(zip(features, mirrored, strict=True))


def upright_view(network: JointNetwork, batch: Tensor, mirror: bool, logits: Tensor) -> dict[int, Upright]:
    """Look again at leaning people, on crops turned until the trunk is upright.

    Parameters
    ----------
    network : JointNetwork
    batch : (B, 3, S, S) float32
    mirror : bool
        Look at the mirrored crops, too, as in `pose_view`.
    logits : (B, 14, h, w)
        What the network says about the crops as they are. Where the second look is at least as confident, this
        becomes the average of both, in place.

    Returns
    -------
    dict of int to Upright
        The second looks that count, by the index of the crop.
    """
    angles = _trunk_angles(logits)
    leaning = (angles.abs() > LEANING).nonzero()[:, 0]
    if not len(leaning):
        return {}
    angles = angles[leaning]
    turned, looks = pose_view(network, _turned(batch[leaning], -angles), mirror)
    sure = _confidence(turned) >= _confidence(logits[leaning])
    covered = _turned(torch.ones_like(turned[:, :1]), angles) > 0.99  # the turned crop lacks the corners
    better = sure[:, None, None, None] & covered
    logits[leaning] = torch.where(better, (logits[leaning] + _turned(turned, angles)) / 2, logits[leaning])
    records = zip(leaning.tolist(), looks, angles.tolist(), better[:, 0].cpu().numpy(), strict=True)
    return {crop: Upright(seen, angle, counts) for crop, seen, angle, counts in records if counts.any()}


def part_view(network: nn.Module, batch: Tensor, scales: Sequence[float]) -> Tensor:
    """Part probabilities of a Part FCN, its logits averaged over copies of the crops.

    Parameters
    ----------
    network : nn.Module
        A Part FCN.
    batch : (B, 3, S, S) float32
    scales : sequence of float
        Sides of the copies relative to the crop, rounded to multiples of `SIDES` px; every second copy is
        mirrored. The time grows with the sum of their squares.

    Returns
    -------
    (B, 7, h, w) float32
        In [0, 1], with the sum 1 over the parts.
    """
    size = batch.shape[-1]
    views = []
    for k, scale in enumerate(scales):
        side = max(1, round(size * scale / SIDES)) * SIDES if scale != 1 else size
        logits = network(_mirrored(_resized(batch, side), k % 2 == 1))
        views.append(_resized(_mirrored(logits, k % 2 == 1), round(logits.shape[-1] * size / side)))
    return torch.stack(views).mean(0).softmax(1)


def _trunk_angles(logits: Tensor) -> Tensor:
    """(B,) radians from straight down to the line from shoulders to hips; positive: hips to the right."""
    width = logits.shape[-1]
    best = logits[:, list(TRUNK)].flatten(2).argmax(2)
    x, y = (best % width).float(), (best // width).float()
    return torch.atan2(x[:, 2:].sum(1) - x[:, :2].sum(1), y[:, 2:].sum(1) - y[:, :2].sum(1))


def _confidence(logits: Tensor) -> Tensor:
    """(B,) the highest score of every joint, averaged over the joints."""
    return logits.flatten(2).amax(2).sigmoid().mean(1)


def _turned(images: Tensor, angles: Tensor) -> Tensor:
    """(B, C, S, S) turned anticlockwise about their centres by radians, bilinear, zero outside."""
    cos, sin, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
    rotation = torch.stack([cos, -sin, zero, sin, cos, zero], 1).reshape(-1, 2, 3)
    grid = F.affine_grid(rotation, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def _mirrored(maps: Tensor, mirror: bool) -> Tensor:
    return maps.flip(-1) if mirror else maps


def _resized(maps: Tensor, side: int) -> Tensor:
    """(B, C, S, S) -> (B, C, side, side), bilinear with half-pixel centres; averaged where it shrinks."""
    if maps.shape[-1] == side:
        return maps
    return F.interpolate(
        maps, (side, side), mode="bilinear", align_corners=False, antialias=side < maps.shape[-1]
    )
