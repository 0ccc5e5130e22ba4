"""A network applied to further views of a crop: mirrored, turned upright, and in other sizes. No gradients.

None of this is in the paper; `config.PAPER` switches it off.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from posepart.schema import FLIP_JOINTS, NEIGHBOURS, NUM_JOINTS, Joint

SIDES = 32  # px; sides of copies are multiples, since the networks halve an image five times
LEANING = torch.pi / 6  # rad from upright; people who lean more are looked at again
TRUNK = (Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER, Joint.LEFT_HIP, Joint.RIGHT_HIP)


def pose_view(network: nn.Module, batch: Tensor, mirror: bool) -> tuple[Tensor, Tensor]:
    """The output of a Pose FCN for a batch.

    Parameters
    ----------
    network : nn.Module
        A Pose FCN.
    batch : (B, 3, S, S) float32
    mirror : bool
        Average with the output for the mirrored crops.

    Returns
    -------
    logits : (B, 14, h, w)
    offsets : (B, 364, h, w), crop pixels
    """
    logits, offsets = network(batch)
    if mirror:
        other_logits, other_offsets = network(batch.flip(-1))
        logits = (logits + other_logits[:, list(FLIP_JOINTS)].flip(-1)) / 2
        # in place: these are by far the largest maps
        offsets = offsets.add_(_mirrored_offsets(other_offsets)).div_(2)
    return logits, offsets


def upright_view(network: nn.Module, batch: Tensor, mirror: bool, logits: Tensor, offsets: Tensor) -> None:
    """Look again at leaning people, on crops turned until the trunk is upright.

    Parameters
    ----------
    network : nn.Module
        A Pose FCN.
    batch : (B, 3, S, S) float32
    mirror : bool
        Average with the output for the mirrored crops, as in `pose_view`.
    logits, offsets : (B, 14, h, w) and (B, 364, h, w)
        The output for the crops as they are. Where the second look is at least as confident, they become the
        average of both, in place.
    """
    angles = _trunk_angles(logits)
    leaning = (angles.abs() > LEANING).nonzero()[:, 0]
    if not len(leaning):
        return
    angles = angles[leaning]
    turned = pose_view(network, _turned(batch[leaning], -angles), mirror)
    sure = _confidence(turned[0]) >= _confidence(logits[leaning])
    covered = _turned(torch.ones_like(turned[0][:, :1]), angles) > 0.99  # the turned crop lacks the corners
    better = sure[:, None, None, None] & covered
    back = _turned(turned[0], angles), _turned_offsets(turned[1], angles)
    for maps, others in zip((logits, offsets), back, strict=True):
        maps[leaning] = torch.where(better, (maps[leaning] + others) / 2, maps[leaning])


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


def _turned_offsets(offsets: Tensor, angles: Tensor) -> Tensor:
    """Offset maps (B, 364, h, w) turned, and every offset (dx, dy) with them."""
    turned = _turned(offsets, angles)
    cos, sin = angles.cos()[:, None, None, None], angles.sin()[:, None, None, None]
    dx, dy = turned[:, 0::2], turned[:, 1::2]
    return torch.stack([cos * dx + sin * dy, cos * dy - sin * dx], 2).flatten(1, 2)


def _mirrored_offsets(offsets: Tensor) -> Tensor:
    """The offset maps (B, 364, h, w) of a mirrored crop in the frame of the crop itself."""
    turned = offsets[:, _MIRRORED_CHANNELS].flip(-1)
    turned[:, 0::2].neg_()  # dx
    return turned


def _mirrored_channels() -> Tensor:
    """(364,) for each offset map of the crop, the index of its counterpart in the mirrored crop."""
    flipped = np.array(FLIP_JOINTS)
    source, target = flipped[:, None], flipped[NEIGHBOURS]
    column = target - (target > source)  # NEIGHBOURS[j] leaves j out
    pair = source * (NUM_JOINTS - 1) + column
    return torch.from_numpy((2 * pair[..., None] + np.arange(2)).ravel())


_MIRRORED_CHANNELS = _mirrored_channels()


def _mirrored(maps: Tensor, mirror: bool) -> Tensor:
    return maps.flip(-1) if mirror else maps


def _resized(maps: Tensor, side: int) -> Tensor:
    """(B, C, S, S) -> (B, C, side, side), bilinear with half-pixel centres; averaged where it shrinks."""
    if maps.shape[-1] == side:
        return maps
    return F.interpolate(
        maps, (side, side), mode="bilinear", align_corners=False, antialias=side < maps.shape[-1]
    )
