"""The joint label map and the skeleton label map, input of the second-stage Part FCN (Sec. 3.2)."""

import cv2
import numpy as np
from numpy.typing import NDArray

from posepart.config import SkeletonMapConfig
from posepart.schema import JOINT_PARTS, NUM_PARTS, SKELETON, Joint, Part
from posepart.structures import Pose


def draw_skeleton(
    pose: Pose | None, stride: float, shape: tuple[int, int], config: SkeletonMapConfig, crop_size: int
) -> NDArray[np.float32]:
    """Discs at the joints, sticks between neighbouring joints.

    Parameters
    ----------
    pose : Pose in the crop frame, or None where a box has no pose
    stride : float
        Crop pixels per map cell.
    shape : (h, w)
        Of the part score maps that these maps join.
    config : SkeletonMapConfig
    crop_size : int
        Side of the crop, px.

    Returns
    -------
    (2, h, w) float32 in [0, 1]
        Joint label map, skeleton label map. A label is a *part* id divided by the number of foreground parts:
        a disc has the part p1 of its joint (supplement, Table 1), a stick the part p3 of its pair (Table 2).
        Parts know no left and right, so a mirrored pose gives mirrored maps, like the part scores beside them.
        The maps are drawn at crop resolution and averaged down to cells.

    Raises
    ------
    ValueError
        If stride and shape do not cover the crop.
    """
    size = (round(shape[1] * stride), round(shape[0] * stride))
    if max(abs(side - crop_size) for side in size) >= stride:
        raise ValueError(
            f"skeleton maps: {shape[0]} x {shape[1]} cells of stride {stride} do not cover a crop of "
            f"{crop_size} px: pass the shape and stride of its part maps"
        )
    canvas = np.zeros((2, size[1], size[0]), np.float32)
    if pose is not None:
        xy, present = pose.xy, pose.present
        for joint in sorted(Joint, key=lambda joint: JOINT_PARTS[joint][0]):
            if present[joint]:
                _stroke(canvas[0], xy[joint], xy[joint], config.joint_radius, JOINT_PARTS[joint][0])
        for start, end, part in SKELETON:
            if present[start] and present[end]:
                _stroke(canvas[1], xy[start], xy[end], config.stick_width / 2, part)
    cells = [cv2.resize(layer, shape[::-1], interpolation=cv2.INTER_AREA) for layer in canvas]
    return np.stack(cells) / np.float32(NUM_PARTS - 1)


def _stroke(
    canvas: NDArray[np.float32],
    start: NDArray[np.float32],
    end: NDArray[np.float32],
    radius: float,
    part: Part,
) -> None:
    """Set the pixels at most `radius` px from the segment from `start` to `end`; a disc if they coincide.

    OpenCV's thick lines are wider than they say, and not mirror images of each other.
    """
    height, width = canvas.shape
    limits = width - 1, height - 1
    x0, y0 = np.ceil(np.clip(np.minimum(start, end) - radius, 0, limits)).astype(int)
    x1, y1 = np.floor(np.clip(np.maximum(start, end) + radius, 0, limits)).astype(int)
    x = np.arange(x0, x1 + 1, dtype=np.float32)[None, :] - start[0]
    y = np.arange(y0, y1 + 1, dtype=np.float32)[:, None] - start[1]
    dx, dy = end - start
    square = max(float(dx * dx + dy * dy), 1e-12)
    along = np.clip(x * np.float32(dx / square) + y * np.float32(dy / square), 0, 1)
    near = (x - along * dx) ** 2 + (y - along * dy) ** 2 <= radius * radius
    canvas[y0 : y1 + 1, x0 : x1 + 1][near] = part
