"""The joint label map and the skeleton label map, input of the second-stage Part FCN (Sec. 3.2)."""

import cv2
import numpy as np
from numpy.typing import NDArray

from posepart.config import SkeletonMapConfig
from posepart.schema import JOINT_PARTS, NUM_PARTS, SKELETON, Joint
from posepart.structures import Pose

_SHIFT = 4  # drawing coordinates have 4 fractional bits


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
    canvas = np.zeros((2, size[1], size[0]), np.uint8)
    if pose is not None:
        for joint in sorted(Joint, key=lambda joint: JOINT_PARTS[joint][0]):
            if pose.present[joint]:
                radius = config.joint_radius << _SHIFT
                cv2.circle(
                    canvas[0], _fixed(pose, joint), radius, int(JOINT_PARTS[joint][0]), -1, shift=_SHIFT
                )
        for start, end, part in SKELETON:
            if pose.present[start] and pose.present[end]:
                ends = _fixed(pose, start), _fixed(pose, end)
                cv2.line(canvas[1], *ends, int(part), config.stick_width, shift=_SHIFT)
    layers = canvas.astype(np.float32)
    cells = np.stack([cv2.resize(layer, shape[::-1], interpolation=cv2.INTER_AREA) for layer in layers])
    return cells / np.float32(NUM_PARTS - 1)


def _fixed(pose: Pose, joint: Joint) -> tuple[int, int]:
    x, y = np.rint(pose.xy[joint] * (1 << _SHIFT)).astype(int)
    return int(x), int(y)
