"""Boxes around joints: the extent of a body, how well it fills a box, and the four boxes of pose NMS."""

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64
from posepart.geometry.boxes import box_iou


def pose_extent(xy: NDArray, margin: float) -> Float64:
    """The box of a body around its joints.

    Hands, feet and hair reach beyond the joints, so their bounding box is grown by `margin` of its longer side, at
    least by half a pixel.

    Parameters
    ----------
    xy : (J, 2)
        At least one joint.
    margin : float
        Share of the longer side by which the box is grown on every side.

    Returns
    -------
    (4,) float64 xyxy, in the frame of the joints
    """
    low, high = xy.min(axis=0).astype(np.float64), xy.max(axis=0).astype(np.float64)
    reach = max(margin * float((high - low).max()), 0.5)
    return np.concatenate([low - reach, high + reach])


def pose_fit(xy: NDArray, box: NDArray, margin: float) -> float:
    """How well a pose fills a box: intersection over union of `pose_extent` and the box.

    Parameters
    ----------
    xy : (J, 2)
        At least one joint.
    box : (4,) xyxy
        In the frame of the joints.
    margin : float
        See `pose_extent`.

    Returns
    -------
    float
        In [0, 1].
    """
    return float(box_iou(pose_extent(xy, margin)[None], box[None])[0, 0])


def body_box(xy: NDArray, min_aspect: float) -> Float64:
    """The extent of some joints of a body, its shorter side widened to `min_aspect` of the longer.

    Parameters
    ----------
    xy : (J, 2)
        The joints that are present.
    min_aspect : float
        Least ratio of the shorter to the longer side.

    Returns
    -------
    (4,) float64 xyxy
        In the frame of the joints; NaN for fewer than two joints, or if all lie on one spot.
    """
    if len(xy) < 2:
        return np.full(4, np.nan)
    low, high = xy.min(axis=0).astype(np.float64), xy.max(axis=0).astype(np.float64)
    longest = (high - low).max()
    if longest <= 0:
        return np.full(4, np.nan)
    widen = np.maximum(min_aspect * longest - (high - low), 0) / 2
    return np.concatenate([low - widen, high + widen])
