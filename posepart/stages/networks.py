"""The networks as stages: crops in, score maps out (Sec. 3). No gradients, one batch for many crops."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from posepart.arrays import Float32
from posepart.models.backbones import normalise
from posepart.schema import FLIP_JOINTS, NEIGHBOURS, NUM_JOINTS, Joint
from posepart.structures import Crop, PartMaps, PoseMaps

SIDES = 32  # px; the networks halve an image five times
LEANING = torch.pi / 6  # rad; a trunk that leans less is upright enough
TRUNK = (Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER, Joint.LEFT_HIP, Joint.RIGHT_HIP)


def to_batch(crops: Sequence[Crop], device: str) -> Tensor:
    """(B, 3, S, S) float32 in [-1, 1]; the crops have one size."""
    images = np.stack([crop.image for crop in crops]).transpose(0, 3, 1, 2)
    return normalise(torch.from_numpy(np.ascontiguousarray(images)).to(device))


@torch.inference_mode()
def pose_maps(
    network: nn.Module, batch: Tensor, mirror: bool = False, upright: bool = False
) -> list[PoseMaps]:
    """Joint score maps Pj and neighbour offset maps Pn of every crop of the batch.

    mirror: average with what the network makes of the mirrored crops, at twice the time. upright: average
    with what it makes of the crop turned until the trunk stands upright, where that leans by more than `LEANING`
    and the turned crop's maps are no less sure.
    """
    logits, offsets = _pose_view(network, batch, mirror)
    if upright:
        _look_upright(network, batch, mirror, logits, offsets)
    height, width = logits.shape[-2:]
    joints = logits.sigmoid().cpu().numpy()
    shaped = offsets.cpu().numpy().reshape(len(joints), NUM_JOINTS, NUM_JOINTS - 1, 2, height, width)
    stride = batch.shape[-1] / width
    return [PoseMaps(j, o, stride) for j, o in zip(joints, shaped, strict=True)]


def _pose_view(network: nn.Module, batch: Tensor, mirror: bool) -> tuple[Tensor, Tensor]:
    """Logits (B, 14, h, w) and offsets (B, 364, h, w) of the batch as it stands."""
    logits, offsets = network(batch)
    if mirror:
        other_logits, other_offsets = network(batch.flip(-1))
        logits = (logits + other_logits[:, list(FLIP_JOINTS)].flip(-1)) / 2
        # in place: these are by far the largest maps
        offsets = offsets.add_(_mirrored_offsets(other_offsets)).div_(2)
    return logits, offsets


def _look_upright(network: nn.Module, batch: Tensor, mirror: bool, logits: Tensor, offsets: Tensor) -> None:
    """Average, in place, the maps of leaning people with those of their turned crops that are no less sure."""
    angles = _trunk_angles(logits)
    leaning = (angles.abs() > LEANING).nonzero()[:, 0]
    if not len(leaning):
        return
    angles = angles[leaning]
    turned = _pose_view(network, _turned(batch[leaning], -angles), mirror)
    sure = _confidence(turned[0]) >= _confidence(logits[leaning])
    covered = _turned(torch.ones_like(turned[0][:, :1]), angles) > 0.99  # the turned crop lacks the corners
    better = sure[:, None, None, None] & covered
    back = _turned(turned[0], angles), _turned_offsets(turned[1], angles)
    for maps, others in zip((logits, offsets), back, strict=True):
        maps[leaning] = torch.where(better, (maps[leaning] + others) / 2, maps[leaning])


def _trunk_angles(logits: Tensor) -> Tensor:
    """(B,) radians from straight down to the best hips as the best shoulders see them; positive: to the right."""
    width = logits.shape[-1]
    best = logits[:, list(TRUNK)].flatten(2).argmax(2)
    x, y = (best % width).float(), (best // width).float()
    return torch.atan2(x[:, 2:].sum(1) - x[:, :2].sum(1), y[:, 2:].sum(1) - y[:, :2].sum(1))


def _confidence(logits: Tensor) -> Tensor:
    """(B,) the mean over the joints of the best score."""
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
    """The offset maps (B, 364, h, w) of a mirrored crop, as the crop itself has them."""
    turned = offsets[:, _MIRRORED_CHANNELS].flip(-1)
    turned[:, 0::2].neg_()  # dx
    return turned


def _mirrored_channels() -> Tensor:
    """(364,) which offset map of the mirrored crop holds what each map of the crop does."""
    flipped = np.array(FLIP_JOINTS)
    source, target = flipped[:, None], flipped[NEIGHBOURS]
    column = target - (target > source)  # NEIGHBOURS[j] leaves j out
    pair = source * (NUM_JOINTS - 1) + column
    return torch.from_numpy((2 * pair[..., None] + np.arange(2)).ravel())


_MIRRORED_CHANNELS = _mirrored_channels()


@torch.inference_mode()
def part_maps(network: nn.Module, batch: Tensor, scales: Sequence[float] = (1.0,)) -> list[PartMaps]:
    """First-stage part score maps Ps of every crop of the batch.

    scales: the logits are averaged over copies of the crop with these sides, relative to it and rounded to
    `SIDES` px; every second copy is mirrored. The time grows with the sum of their squares.
    """
    size = batch.shape[-1]
    views = []
    for k, scale in enumerate(scales):
        side = max(1, round(size * scale / SIDES)) * SIDES if scale != 1 else size
        logits = network(_mirrored(_resized(batch, side), k % 2 == 1))
        views.append(_resized(_mirrored(logits, k % 2 == 1), round(logits.shape[-1] * size / side)))
    scores = torch.stack(views).mean(0).softmax(1).cpu().numpy()
    stride = size / scores.shape[-1]
    return [PartMaps(s, stride) for s in scores]


def _mirrored(maps: Tensor, mirror: bool) -> Tensor:
    return maps.flip(-1) if mirror else maps


def _resized(maps: Tensor, side: int) -> Tensor:
    """(B, C, S, S) -> (B, C, side, side), bilinear with half-pixel centres; averaged where it shrinks."""
    if maps.shape[-1] == side:
        return maps
    return F.interpolate(
        maps, (side, side), mode="bilinear", align_corners=False, antialias=side < maps.shape[-1]
    )


@torch.inference_mode()
def refined_part_maps(
    network: nn.Module, first: Sequence[PartMaps], skeletons: Sequence[Float32], device: str
) -> list[PartMaps]:
    """Second-stage part score maps; skeletons: (2, h, w) joint and skeleton label maps of each crop."""
    parts = torch.from_numpy(np.stack([maps.scores for maps in first])).to(device)
    poses = torch.from_numpy(np.stack(skeletons)).to(device)
    scores = network(parts.clamp_min(1e-6).log(), poses).softmax(1).cpu().numpy()
    return [PartMaps(s, maps.stride) for s, maps in zip(scores, first, strict=True)]
