"""The numba version of `raster.rasterise_numpy`: the same arithmetic in the same order gives the same bits."""

from collections.abc import Callable

import numba
import numpy as np

from posepart.arrays import Mask

from ..people.rotations import Array
from .faces import MIN_AREA, FaceIds, Faces


def _compiled(function: Callable[..., None]) -> Callable[..., None]:
    """Compile a function at its first call; keep the machine code on the disk where numba may write it."""
    try:
        compiled: Callable[..., None] = numba.njit(cache=True, fastmath=False)(function)
    except RuntimeError:  # neither the installation nor the user's folder for caches can be written
        compiled = numba.njit(fastmath=False)(function)
    return compiled


@_compiled
def _draw(x, y, iz, faces, one_sided, buffer, seen):  # type: ignore[no-untyped-def]
    height, width = buffer.shape
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        if iz[a] <= 0 or iz[b] <= 0 or iz[c] <= 0:
            continue
        area = (x[b] - x[a]) * (y[c] - y[a]) - (y[b] - y[a]) * (x[c] - x[a])
        if abs(area) < MIN_AREA or (one_sided[f] and area >= 0):
            continue
        x0 = int(np.ceil(min(max(min(x[a], x[b], x[c]), 0.0), float(width))))
        x1 = int(np.floor(max(min(max(x[a], x[b], x[c]), width - 1.0), -1.0)))
        y0 = int(np.ceil(min(max(min(y[a], y[b], y[c]), 0.0), float(height))))
        y1 = int(np.floor(max(min(max(y[a], y[b], y[c]), height - 1.0), -1.0)))
        scale = 1 / area
        for py in range(y0, y1 + 1):
            for px in range(x0, x1 + 1):
                dx, dy = px - x[a], py - y[a]
                w1 = (dx * (y[c] - y[a]) - dy * (x[c] - x[a])) * scale
                w2 = (dy * (x[b] - x[a]) - dx * (y[b] - y[a])) * scale
                if w1 >= 0 and w2 >= 0 and w1 + w2 <= 1:
                    z = iz[a] + w1 * (iz[b] - iz[a]) + w2 * (iz[c] - iz[a])
                    if z > buffer[py, px]:
                        buffer[py, px] = z
                        seen[py, px] = f


def rasterise_numba(
    xy: Array, inverse_depth: Array, faces: Faces, one_sided: Mask, width: int, height: int
) -> tuple[Array, FaceIds]:
    """Draw triangles into a depth buffer, see `raster.rasterise_numpy`."""
    buffer, seen = np.zeros((height, width)), np.full((height, width), -1, np.int32)
    x, y = np.ascontiguousarray(xy[:, 0]), np.ascontiguousarray(xy[:, 1])
    _draw(x, y, inverse_depth, np.asarray(faces), one_sided, buffer, seen)
    return buffer, seen
