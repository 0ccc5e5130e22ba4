"""The frames of a photo and the maps between them.

*Photo*: pixels of the photo after EXIF rotation. *Crop*: pixels of a rescaled box. In both, pixel centres are at
integer coordinates, x runs right and y down. *Map*: cells of a network output of stride s; the centre of cell i
lies at crop coordinate (i + 0.5) * s - 0.5.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float32, Float64, Index, check_shape


def map_to_crop(cell: NDArray, stride: float) -> NDArray:
    """Map cells, whole or fractional, as crop coordinates; a whole number is the centre of a cell."""
    return (cell + 0.5) * stride - 0.5


def crop_to_map(xy: NDArray, stride: float) -> NDArray:
    """Crop coordinates as fractional map cells, the inverse of `map_to_crop`."""
    return (xy + 0.5) / stride - 0.5


@dataclass(frozen=True)
class Corners:
    """The four cells around each of N places of a map, or more, and how much each counts."""

    x: Index  # (N, K), columns
    y: Index  # (N, K), rows
    share: (
        Float32  # (N, K), of bilinear interpolation; 0 beyond the map, where a cell is the nearest of the map
    )


def corners(cell: Float64, shape: tuple[int, int]) -> Corners:
    """The cells between which values at fractional map cells (N, 2) are interpolated; `shape` is (h, w)."""
    low = np.floor(cell).astype(np.int64)
    fraction = (cell - low).astype(np.float32)
    x, y = low[:, :1] + np.array([0, 0, 1, 1]), low[:, 1:] + np.array([0, 1, 0, 1])
    right, down = fraction[:, :1], fraction[:, 1:]
    share = np.concatenate([1 - right, 1 - right, right, right], axis=1)
    share = share * np.concatenate([1 - down, down, 1 - down, down], axis=1)
    inside = (x >= 0) & (x < shape[1]) & (y >= 0) & (y < shape[0])
    return Corners(np.clip(x, 0, shape[1] - 1), np.clip(y, 0, shape[0] - 1), np.where(inside, share, 0))


@dataclass(frozen=True)
class Affine:
    """An invertible map between two frames, `target = matrix[:, :2] @ source + matrix[:, 2]`."""

    matrix: Float64  # (2, 3)

    def __post_init__(self) -> None:
        check_shape("Affine.matrix", self.matrix, (2, 3))

    @classmethod
    def identity(cls) -> "Affine":
        """The map of a frame onto itself."""
        return cls(np.eye(2, 3))

    def forward(self, xy: NDArray) -> Float64:
        """Points (..., 2) of the source frame in the target frame."""
        return np.asarray(xy, dtype=np.float64) @ self.matrix[:, :2].T + self.matrix[:, 2]

    def inverse(self, xy: NDArray) -> Float64:
        """Points (..., 2) of the target frame in the source frame."""
        shifted = np.asarray(xy, dtype=np.float64) - self.matrix[:, 2]
        return shifted @ np.linalg.inv(self.matrix[:, :2]).T

    @property
    def scale(self) -> float:
        """Target pixels per source pixel."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix[:, :2]))))
