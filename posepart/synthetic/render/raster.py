"""Z-buffer rasterisers: which face is seen at each pixel. The NumPy and the numba version give the same bits.

Both compute in float64, in the same order of operations. Of several faces at exactly the same depth, the one with
the lowest number wins.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Index, Mask

from ..config import Backend
from ..people.rotations import Array
from .faces import MIN_AREA, FaceIds, Faces, Rasteriser

# Triangles are treated in groups of similar extent (pixels), so that a small one costs a small window.
EXTENTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024, 2048, 4096, 8192)
CHUNK = 2_000_000  # pixels tested at once

_Corners = tuple[Array, Array, Array]


def _bounds(x: _Corners, size: int) -> tuple[Index, Index]:
    """First and last pixel column (or row) whose centre a triangle may cover."""
    low = np.minimum(np.minimum(x[0], x[1]), x[2])
    high = np.maximum(np.maximum(x[0], x[1]), x[2])
    first = np.ceil(np.clip(low, 0, size)).astype(np.int64)
    return first, np.floor(np.clip(high, -1, size - 1)).astype(np.int64)


def _chunks(drawn: Mask, extent: Index) -> Iterator[tuple[Index, int]]:
    """The drawn faces (n,) in groups of similar extent, each with the side of a window that holds any of them."""
    lower = 0
    for upper in EXTENTS:
        group = np.nonzero(drawn & (extent > lower) & (extent <= upper))[0]
        lower = upper
        if len(group) == 0:
            continue
        side = int(extent[group].max())
        step = max(1, CHUNK // (side * side))
        for start in range(0, len(group), step):
            yield group[start : start + step], side


def rasterise_numpy(
    xy: Array, inverse_depth: Array, faces: Faces, one_sided: Mask, width: int, height: int
) -> tuple[Array, FaceIds]:
    """Draw triangles into a depth buffer.

    Parameters
    ----------
    xy : (V, 2) float64
        Pixels, centres at integers.
    inverse_depth : (V,) float64
        1 / metres; not positive for vertices behind the camera.
    faces : (F, 3) int
    one_sided : (F,) bool
        Faces that are drawn only when their front is seen.
    width, height : int
        Pixels.

    Returns
    -------
    inverse_depths : (H, W) float64
        0 where nothing is.
    face_ids : (H, W) int32
        -1 where nothing is.
    """
    a, b, c = faces.T
    x, y = xy[:, 0], xy[:, 1]
    area = (x[b] - x[a]) * (y[c] - y[a]) - (y[b] - y[a]) * (x[c] - x[a])
    x0, x1 = _bounds((x[a], x[b], x[c]), width)
    y0, y1 = _bounds((y[a], y[b], y[c]), height)
    drawn = np.minimum(np.minimum(inverse_depth[a], inverse_depth[b]), inverse_depth[c]) > 0
    drawn &= (np.abs(area) >= MIN_AREA) & ~(one_sided & (area >= 0)) & (x1 >= x0) & (y1 >= y0)
    hits: list[tuple[NDArray, Array, NDArray]] = []
    for chunk, side in _chunks(drawn, np.maximum(x1 - x0, y1 - y0) + 1):
        rows, columns = (grid.ravel() for grid in np.indices((side, side)))
        f = chunk[:, None]
        px, py = x0[f] + columns, y0[f] + rows
        fa, fb, fc = a[f], b[f], c[f]
        dx, dy, scale = px - x[fa], py - y[fa], 1 / area[f]
        w1 = (dx * (y[fc] - y[fa]) - dy * (x[fc] - x[fa])) * scale
        w2 = (dy * (x[fb] - x[fa]) - dx * (y[fb] - y[fa])) * scale
        k, at = np.nonzero((w1 >= 0) & (w2 >= 0) & (w1 + w2 <= 1) & (px <= x1[f]) & (py <= y1[f]))
        za = inverse_depth[fa[k, 0]]
        z = za + w1[k, at] * (inverse_depth[fb[k, 0]] - za) + w2[k, at] * (inverse_depth[fc[k, 0]] - za)
        hits.append((py[k, at] * width + px[k, at], z, f[k, 0]))
    buffer, seen = _nearest(hits, height * width, len(faces))
    return buffer.reshape(height, width), seen.reshape(height, width)


def _nearest(hits: list[tuple[NDArray, Array, NDArray]], size: int, count: int) -> tuple[Array, FaceIds]:
    """The nearest of all hits (pixel, inverse depth, face) of each of `size` pixels, among `count` faces."""
    buffer, seen = np.zeros(size), np.full(size, count, np.int32)
    if hits:
        pixels, depths, ids = (np.concatenate([hit[n] for hit in hits]) for n in range(3))
        np.maximum.at(buffer, pixels, depths)
        front = buffer[pixels] == depths
        np.minimum.at(seen, pixels[front], ids[front].astype(np.int32))
    seen[seen == count] = -1
    return buffer, seen


def barycentric(
    xy: Array, inverse_depth: Array, faces: Faces, pixels: NDArray[np.integer], seen: Faces, width: int
) -> Array:
    """Perspective-correct weights of the corners of the faces that are seen at some pixels.

    Parameters
    ----------
    xy, inverse_depth, faces
        As for `rasterise_numpy`.
    pixels : (n,) int
        Flat pixel indices.
    seen : (n,) int
        The face seen at each of them.
    width : int
        Of the picture, pixels.

    Returns
    -------
    (n, 3) float32
    """
    corners = faces[seen]
    a, b, c = (xy[corners[:, k]] for k in range(3))
    p = np.stack([pixels % width, pixels // width], 1)
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    d = p - a
    w1 = (d[:, 0] * (c[:, 1] - a[:, 1]) - d[:, 1] * (c[:, 0] - a[:, 0])) / area
    w2 = (d[:, 1] * (b[:, 0] - a[:, 0]) - d[:, 0] * (b[:, 1] - a[:, 1])) / area
    weights = np.stack([1 - w1 - w2, w1, w2], 1) * inverse_depth[corners]
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def choose_rasteriser(backend: Backend) -> Rasteriser:
    """The rasteriser of a backend; "auto" takes numba when it is installed.

    Raises
    ------
    ValueError
        If numba is asked for and not installed.
    """
    if backend == "numpy":
        return rasterise_numpy
    try:
        from .raster_numba import rasterise_numba
    except ImportError:
        if backend == "numba":
            raise ValueError("backend 'numba' needs the package numba: pip install numba") from None
        return rasterise_numpy
    return rasterise_numba
