"""The pose as maps, input of the second-stage Part FCN (Sec. 3.2): the paper's label maps, and distance maps.

A second stage names its encoding: "labels" are the paper's two maps; "distances" (ours) hold for every cell how far
it lies from each kind of joint and limb. From distances a network learns in minutes which cells belong to which
limb; from discs and sticks of a few pixels it would first have to learn to measure distances.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from posepart.arrays import Float32
from posepart.config import SkeletonMapConfig
from posepart.geometry.frames import crop_to_map, map_to_crop
from posepart.geometry.segments import segment_distance
from posepart.schema import FLIP_JOINTS, JOINT_PARTS, NUM_JOINTS, NUM_PARTS, SKELETON, Joint
from posepart.structures import Pose

LABELS, DISTANCES = "labels", "distances"
LABEL_SETTINGS = ("joint_radius", "stick_width", "joint_values", "sharp")  # what `label_maps` reads


def _with_mirror_image(items: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, ...], ...]:
    """The indices of `items`, joints or pairs of joints, grouped: each item with its mirror image."""
    mirrored = [frozenset(FLIP_JOINTS[joint] for joint in item) for item in items]
    found = [tuple(i for i, item in enumerate(items) if frozenset(item) in (m, frozenset(own)))
             for m, own in zip(mirrored, items, strict=True)]  # fmt: skip
    return tuple(dict.fromkeys(found))


# Joints, and rows of SKELETON, that share a distance map: parts do not distinguish left and right.
JOINT_GROUPS = _with_mirror_image(tuple((int(joint),) for joint in Joint))
STICK_GROUPS = _with_mirror_image(tuple((int(a), int(b)) for a, b, _ in SKELETON))

# (joint maps, skeleton maps) of each encoding, in this order.
LAYERS = {LABELS: (1, 1), DISTANCES: (2 * len(JOINT_GROUPS), 2 * len(STICK_GROUPS))}


@dataclass(frozen=True)
class PoseEncoder:
    """Draws poses as the maps that a second stage reads (Sec. 3.2)."""

    encoding: str  # "labels" (`label_maps`) or "distances" (`distance_maps`)
    crop_size: int  # px, side of the crop
    config: SkeletonMapConfig = field(default_factory=SkeletonMapConfig)
    joint_map: bool = True  # False: the maps of joints are 0 (ablation)
    skeleton_map: bool = True  # False: the maps of limbs are 0 (ablation)

    def __post_init__(self) -> None:
        if self.encoding not in LAYERS:
            raise ValueError(
                f"unknown encoding {self.encoding!r} of the pose: choose one of {', '.join(LAYERS)}"
            )

    @property
    def sided(self) -> bool:
        """Whether the maps tell left from right: ids of joints do, those of parts and distances do not."""
        return self.encoding == LABELS and self.config.joint_values == "joints"

    def __call__(self, poses: Sequence[Pose], stride: float, shape: tuple[int, int]) -> Float32:
        """The maps of all poses of a crop; where two poses meet, the higher value stays.

        Parameters
        ----------
        poses : sequence of Pose
            In the crop frame.
        stride : float
            Crop pixels per map cell.
        shape : (h, w)
            Of the part score maps that these maps join.

        Returns
        -------
        (C, h, w) float32 in [0, 1]
            Joint maps before skeleton maps, as many as `LAYERS` says; 0 without a pose. The maps of a mirrored
            pose are the mirrored maps, unless they are `sided`.

        Raises
        ------
        ValueError
            If stride and shape do not cover the crop.
        """
        size = (round(shape[1] * stride), round(shape[0] * stride))
        if max(abs(side - self.crop_size) for side in size) >= stride:
            raise ValueError(
                f"skeleton maps: {shape[0]} x {shape[1]} cells of stride {stride} do not cover a crop of "
                f"{self.crop_size} px: pass the shape and stride of its part maps"
            )
        joints, sticks = LAYERS[self.encoding]
        maps = np.zeros((joints + sticks, *shape), np.float32)
        for pose in poses:
            if pose.present.any():
                np.maximum(maps, _ENCODERS[self.encoding](pose, stride, shape, self.config), out=maps)
        maps[:joints] *= self.joint_map
        maps[joints:] *= self.skeleton_map
        return maps


def label_maps(pose: Pose, stride: float, shape: tuple[int, int], config: SkeletonMapConfig) -> Float32:
    """The joint label map and the skeleton label map: discs at the joints, sticks between neighbours (Sec. 3.2).

    The label of a stick is its part p3 (supplement, Table 2), that of a disc the id of its joint, counted from 1, or
    with `joint_values` "parts" its part p1 (Table 1). Ids are divided by the largest, so that maps are in [0, 1].

    With `sharp` a cell holds the label of its centre; discs and sticks are drawn at least as wide as the diagonal of
    a cell, so that none falls between centres, which changes nothing up to stride 4. Otherwise the maps are drawn at
    crop resolution and averaged down to cells, whose values then are no labels any more. Parameters as for
    `PoseEncoder.__call__`.

    Returns
    -------
    (2, h, w) float32
        In [0, 1].
    """
    by_joint = config.joint_values == "joints"
    values = {joint: joint + 1 if by_joint else int(JOINT_PARTS[joint][0]) for joint in Joint}
    least = stride / np.sqrt(2) if config.sharp else 0.0  # px, half the diagonal of a cell
    unit = stride if config.sharp else 1.0  # px per cell of the canvas
    disc, stick = (max(radius, least) / unit for radius in (config.joint_radius, config.stick_width / 2))
    canvas = np.zeros((2, *(round(side * stride / unit) for side in shape)), np.float32)
    xy, present = crop_to_map(pose.xy, stride) if config.sharp else pose.xy, pose.present
    for joint in sorted(Joint, key=values.__getitem__):
        if present[joint]:
            _stroke(canvas[0], xy[joint], xy[joint], disc, values[joint])
    for start, end, part in SKELETON:
        if present[start] and present[end]:
            _stroke(canvas[1], xy[start], xy[end], stick, part)
    cells = [cv2.resize(layer, shape[::-1], interpolation=cv2.INTER_AREA) for layer in canvas]
    largest = np.array([NUM_JOINTS if by_joint else NUM_PARTS - 1, NUM_PARTS - 1], np.float32)
    return np.asarray(np.stack(cells) / largest[:, None, None], np.float32)


def distance_maps(pose: Pose, stride: float, shape: tuple[int, int], config: SkeletonMapConfig) -> Float32:
    """How near every cell is to each kind of joint and limb: exp(-k d / l).

    d is the distance of the centre of the cell, l the median length of the limbs of the pose, and k one of the two
    `decays`. Parameters as for `PoseEncoder.__call__`.

    Returns
    -------
    (30, h, w) float32
        In [0, 1]: the groups of joints with the first k, then with the second; the groups of limbs likewise. 0 for
        a joint or limb that the pose lacks.
    """
    start, end = (np.array([pair[i] for pair in SKELETON]) for i in range(2))
    present = pose.present
    whole = present[start] & present[end]
    lengths = np.linalg.norm(pose.xy[end] - pose.xy[start], axis=1)[whole]
    unit = max(float(np.median(lengths)) if len(lengths) else 0.0, config.least_limb)
    x, y = (map_to_crop(np.arange(cells, dtype=np.float32), stride) for cells in shape[::-1])
    segments = (
        (JOINT_GROUPS, pose.xy, pose.xy, present),
        (STICK_GROUPS, pose.xy[start], pose.xy[end], whole),
    )
    maps = []
    for groups, first, last, there in segments:
        own = segment_distance(x, y, first, last)
        own[~there] = np.inf
        nearest = np.stack([own[list(group)].min(axis=0) for group in groups])
        maps += [np.exp(np.float32(-decay / unit) * nearest) for decay in config.decays]
    return np.concatenate(maps)


_Encoder = Callable[[Pose, float, tuple[int, int], SkeletonMapConfig], Float32]
_ENCODERS: dict[str, _Encoder] = {LABELS: label_maps, DISTANCES: distance_maps}


def _stroke(canvas: Float32, start: Float32, end: Float32, radius: float, value: int) -> None:
    """Set to `value` the pixels at most `radius` px from the segment from `start` to `end`; a disc if they coincide.

    OpenCV's thick lines are wider than asked for, and those of mirrored ends are not mirror images.
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
    canvas[y0 : y1 + 1, x0 : x1 + 1][near] = value
