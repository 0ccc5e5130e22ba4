"""Joint neighbour offsets Pn at points of a crop, made from the features of a Pose FCN there (Sec. 3).

The offsets of a point are an affine function of the features there, and averages over looks are linear in them. So
neither needs all 364 maps, 6 MB a crop: a few dozen feature vectors do.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from posepart.arrays import Float32, Float64, Mask
from posepart.geometry.frames import Corners, corners, crop_to_map
from posepart.schema import FLIP_JOINTS, NEIGHBOURS, NUM_JOINTS

Looks = tuple[Tensor, ...]  # features (C, h, w) of an image, or of an image and its mirror image


@dataclass(frozen=True)
class Upright:
    """A second look at a crop, turned about its centre until the person is upright."""

    looks: Looks  # at the turned crop
    angle: float  # rad; by which the turned crop is turned anticlockwise to lie on the crop
    counts: (
        Mask  # (h, w), cells of the crop of which both looks are averaged; elsewhere only the first counts
    )


@dataclass(frozen=True)
class FeatureOffsets:
    """The offsets of one crop, made from features where somebody asks for them; a `structures.NeighbourOffsets`."""

    looks: Looks  # at the crop as it is
    offsets_from: Callable[[Tensor], Tensor]  # features (N, C) -> offsets (N, 364), crop pixels; affine
    stride: float  # crop pixels per cell
    upright: Upright | None = None

    def at(self, xy: NDArray) -> Float32:
        """The offsets at points (N, 2) of the crop frame; see `structures.NeighbourOffsets.at`."""
        height, width = self.looks[0].shape[1:]
        cell = np.clip(crop_to_map(np.asarray(xy, np.float64), self.stride), 0, [width - 1, height - 1])
        offsets = np.zeros((len(cell), NUM_JOINTS, NUM_JOINTS, 2), np.float32)
        found = self._at_cells(cell).reshape(-1, *NEIGHBOURS.shape, 2)
        offsets[:, np.arange(NUM_JOINTS)[:, None], NEIGHBOURS] = found
        return offsets

    def maps(self) -> Float32:
        """All offsets; see `structures.NeighbourOffsets.maps`."""
        height, width = self.looks[0].shape[1:]
        y, x = np.indices((height, width), np.float64).reshape(2, -1)
        found = self._at_cells(np.stack([x, y], axis=1)).reshape(height, width, *NEIGHBOURS.shape, 2)
        return np.ascontiguousarray(found.transpose(2, 3, 4, 0, 1))

    @torch.inference_mode()
    def _at_cells(self, cell: Float64) -> Float32:
        """(N, 364) at places (N, 2) of the map."""
        around = corners(cell, (self.looks[0].shape[1], self.looks[0].shape[2]))
        if self.upright is None or not len(cell):
            return self._seen(self.looks, around)
        again = np.where(self.upright.counts[around.y, around.x], around.share / 2, np.float32(0))
        first = self._seen(self.looks, Corners(around.x, around.y, around.share - again))
        return first + self._seen_upright(self.upright, Corners(around.x, around.y, again))

    def _seen_upright(self, upright: Upright, around: Corners) -> Float32:
        """(N, 364) shares of the second look at cells of the crop, turned back with them."""
        height, width = upright.looks[0].shape[1:]
        cos, sin = np.cos(upright.angle), np.sin(upright.angle)
        dx, dy = around.x - (width - 1) / 2, around.y - (height - 1) / 2
        x, y = cos * dx - sin * dy + (width - 1) / 2, sin * dx + cos * dy + (height - 1) / 2
        inner = corners(np.stack([x, y], axis=-1).reshape(-1, 2), (height, width))
        share = inner.share.reshape(*around.share.shape, 4) * around.share[..., None]
        rows = len(share), -1
        turned = Corners(inner.x.reshape(rows), inner.y.reshape(rows), share.reshape(rows))
        found = self._seen(upright.looks, turned).reshape(len(share), -1, 2)
        back = np.array([[cos, -sin], [sin, cos]], np.float32)
        return np.asarray(found @ back, np.float32).reshape(len(share), -1)

    def _seen(self, looks: Looks, around: Corners) -> Float32:
        """(N, 364), the mean over an image and its mirror image of offsets, summed over cells with their shares."""
        found = self._sum(looks[0], around)
        if len(looks) == 1:
            return found
        width = looks[1].shape[2]
        other = self._sum(looks[1], Corners(width - 1 - around.x, around.y, around.share))
        return np.asarray((found + other[:, _MIRRORED] * _SIGNS) / 2, np.float32)

    def _sum(self, features: Tensor, around: Corners) -> Float32:
        """(N, 364), the sum of the offsets of cells (N, K), each multiplied by its share."""
        x, y, share = (
            torch.from_numpy(array).to(features.device) for array in (around.x, around.y, around.share)
        )
        total = share.sum(1, keepdim=True)
        mean = share / torch.where(total > 0, total, 1)
        rows = (mean[:, None] @ features.permute(1, 2, 0)[y, x].float())[:, 0]
        return (self.offsets_from(rows) * total).cpu().numpy()


def _mirrored_channels() -> NDArray[np.int64]:
    """(364,) for each offset of the crop, the index of its counterpart in the mirrored crop."""
    flipped = np.array(FLIP_JOINTS)
    source, target = flipped[:, None], flipped[NEIGHBOURS]
    column = target - (target > source)  # NEIGHBOURS[j] leaves j out
    pair = source * (NUM_JOINTS - 1) + column
    return (2 * pair[..., None] + np.arange(2)).ravel()


_MIRRORED = _mirrored_channels()
_SIGNS = np.tile(
    np.array([-1, 1], np.float32), len(_MIRRORED) // 2
)  # dx of a mirror image points the other way
