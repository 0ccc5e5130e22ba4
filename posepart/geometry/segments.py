"""Distances to line segments."""

import numpy as np

from posepart.arrays import Float32


def segment_distance(x: Float32, y: Float32, start: Float32, end: Float32) -> Float32:
    """Distance of every point of a grid to every segment.

    Parameters
    ----------
    x, y : (w,) and (h,) float32
        Coordinates of the columns and rows of the grid.
    start, end : (B, 2) float32
        The ends of the segments, which may coincide; in the frame of the grid.

    Returns
    -------
    (B, h, w) float32
    """
    span = end - start
    right = x[None, None, :] - start[:, 0, None, None]
    down = y[None, :, None] - start[:, 1, None, None]
    dx, dy = span.T[:, :, None, None]
    square = np.maximum(dx * dx + dy * dy, np.float32(1e-12))
    along = np.clip(right * (dx / square) + down * (dy / square), 0, 1)
    right, down = right - along * dx, down - along * dy
    return np.sqrt(right * right + down * down)
