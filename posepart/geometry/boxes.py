"""Areas and overlaps of boxes, which are rows (x0, y0, x1, y1) in one frame."""

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64


def box_areas(boxes: NDArray) -> Float64:
    """(N,) areas of boxes (N, 4) xyxy; 0 for an inverted box."""
    sides = np.clip(np.asarray(boxes, dtype=np.float64)[:, 2:] - boxes[:, :2], 0, None)
    return sides[:, 0] * sides[:, 1]


def box_intersections(first: NDArray, second: NDArray) -> Float64:
    """(N, M) areas of the intersections of boxes (N, 4) and (M, 4) xyxy."""
    first, second = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    sides = np.clip(high - low, 0, None)
    return sides[..., 0] * sides[..., 1]


def box_iou(first: NDArray, second: NDArray) -> Float64:
    """(N, M) intersection over union of boxes (N, 4) and (M, 4) xyxy; 0 if both are empty or one is NaN."""
    shared = box_intersections(first, second)
    union = box_areas(first)[:, None] + box_areas(second)[None] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def box_coverage(boxes: NDArray, regions: NDArray) -> Float64:
    """(N, M) share of each box (N, 4) xyxy that lies in each region (M, 4): COCO's overlap with a crowd."""
    shared = box_intersections(boxes, regions)
    areas = np.broadcast_to(box_areas(boxes)[:, None], shared.shape)
    return np.divide(shared, areas, out=np.zeros_like(shared), where=areas > 0)
