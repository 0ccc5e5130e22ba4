"""Joints and parts, Tables 1 and 2 of the supplement, flips and palettes: the only place that knows our ids.

Everything is derived from the two enumerations. Elsewhere a joint or a part is `Joint.NECK` or a whole array, never
a bare integer.
"""

from enum import IntEnum

import numpy as np

from posepart.arrays import Float64, Index, Rgb
from posepart.schema.body import BodySchema


class Joint(IntEnum):
    """The 14 joints of Xia et al.; left and right are the person's own."""

    FOREHEAD = 0
    NECK = 1
    LEFT_SHOULDER = 2
    RIGHT_SHOULDER = 3
    LEFT_ELBOW = 4
    RIGHT_ELBOW = 5
    LEFT_WRIST = 6
    RIGHT_WRIST = 7
    LEFT_HIP = 8
    RIGHT_HIP = 9
    LEFT_KNEE = 10
    RIGHT_KNEE = 11
    LEFT_ANKLE = 12
    RIGHT_ANKLE = 13


class Part(IntEnum):
    """The six semantic parts and the background."""

    BACKGROUND = 0
    HEAD = 1
    TORSO = 2
    UPPER_ARM = 3
    LOWER_ARM = 4
    UPPER_LEG = 5
    LOWER_LEG = 6


IGNORE = 255  # a pixel of a part map without a label

NUM_JOINTS = len(Joint)
NUM_PARTS = len(Part)
JOINT_NAMES: tuple[str, ...] = tuple(j.name.lower() for j in Joint)
PART_NAMES: tuple[str, ...] = tuple(p.name.lower() for p in Part)

# The 12 limb joints on which PCK is reported: all but forehead and neck.
LIMB_JOINTS: tuple[Joint, ...] = tuple(j for j in Joint if j not in (Joint.FOREHEAD, Joint.NECK))


def mirrored_name(name: str) -> str:
    """The name of a joint or label with LEFT and RIGHT exchanged."""
    swap = {"LEFT": "RIGHT", "RIGHT": "LEFT"}
    side, _, rest = name.partition("_")
    return f"{swap[side]}_{rest}" if side in swap else name


# FLIP_JOINTS[j] is the joint that joint j becomes in a mirrored picture.
FLIP_JOINTS: tuple[Joint, ...] = tuple(Joint[mirrored_name(j.name)] for j in Joint)


def side_groups(joints: type[IntEnum]) -> dict[str, tuple[int, ...]]:
    """The joints that have a left and a right, as {"elbow": (left, right), ...} in the order of the left ones."""
    lefts = [joint for joint in joints if joint.name.startswith("LEFT_")]
    return {
        joint.name.removeprefix("LEFT_").lower(): (int(joint), int(joints[mirrored_name(joint.name)]))
        for joint in lefts
    }


# The 14 joints and 7 labels of Xia et al. Parts do not distinguish left and right: the regions are the parts.
POSEPART = BodySchema(
    "posepart",
    JOINT_NAMES,
    tuple(map(int, FLIP_JOINTS)),
    PART_NAMES,
    tuple(map(int, Part)),
    regions={part.name.lower(): (int(part),) for part in Part if part is not Part.BACKGROUND},
    joint_groups={"forehead": (int(Joint.FOREHEAD),), "neck": (int(Joint.NECK),), **side_groups(Joint)},
    total_joints=tuple(map(int, Joint)),
    head=(int(Joint.FOREHEAD), int(Joint.NECK)),
)


# The order of the joints that Xia et al. released for PASCAL-Person-Part.
PASCAL_JOINTS: tuple[Joint, ...] = (
    Joint.FOREHEAD,
    Joint.NECK,
    *(
        Joint[f"{side}_{name}"]
        for side in ("LEFT", "RIGHT")
        for name in ("SHOULDER", "ELBOW", "WRIST", "HIP", "KNEE", "ANKLE")
    ),
)

# (14, 13): NEIGHBOURS[j] lists the other joints, the targets of joint j's offset maps (14 x 13 x 2 = 364 maps).
NEIGHBOURS: Index = np.array([[k for k in Joint if k != j] for j in Joint], dtype=np.int64)

_TABLE_1: dict[str, tuple[Part, Part]] = {
    "FOREHEAD": (Part.HEAD, Part.HEAD),
    "NECK": (Part.HEAD, Part.TORSO),
    "SHOULDER": (Part.TORSO, Part.UPPER_ARM),
    "ELBOW": (Part.UPPER_ARM, Part.LOWER_ARM),
    "WRIST": (Part.LOWER_ARM, Part.LOWER_ARM),
    "HIP": (Part.TORSO, Part.UPPER_LEG),
    "KNEE": (Part.UPPER_LEG, Part.LOWER_LEG),
    "ANKLE": (Part.LOWER_LEG, Part.LOWER_LEG),
}

# Supplement Table 1: JOINT_PARTS[j] = (p1, p2), the parts associated with joint j; p2 = p1 if there is only one.
JOINT_PARTS: tuple[tuple[Part, Part], ...] = tuple(_TABLE_1[j.name.rpartition("_")[2]] for j in Joint)


def _table_2() -> tuple[tuple[Joint, Joint, Part], ...]:
    edges = [(Joint.FOREHEAD, Joint.NECK, Part.HEAD)]
    chains = [
        ("NECK", "SHOULDER", Part.TORSO),
        ("SHOULDER", "ELBOW", Part.UPPER_ARM),
        ("ELBOW", "WRIST", Part.LOWER_ARM),
        ("NECK", "HIP", Part.TORSO),
        ("HIP", "KNEE", Part.UPPER_LEG),
        ("KNEE", "ANKLE", Part.LOWER_LEG),
    ]
    for start, end, part in chains:
        for side in ("LEFT", "RIGHT"):
            first = Joint.NECK if start == "NECK" else Joint[f"{side}_{start}"]
            edges.append((first, Joint[f"{side}_{end}"], part))
    return tuple(edges)


# Supplement Table 2: the 13 neighbouring pairs (a tree) with their part p3.
SKELETON: tuple[tuple[Joint, Joint, Part], ...] = _table_2()

# (14, 14): PAIR_PART[a, b] is p3 of a neighbouring pair in either order, -1 for any other pair.
PAIR_PART: Index = np.full((NUM_JOINTS, NUM_JOINTS), -1, dtype=np.int64)
for _a, _b, _p in SKELETON:
    PAIR_PART[_a, _b] = PAIR_PART[_b, _a] = _p

# Sec. 4.1: the joints around which the four boxes of pose NMS are drawn.
BODY_BOXES: dict[str, tuple[Joint, ...]] = {
    "head": (Joint.FOREHEAD, Joint.NECK),
    "upper_body": tuple(
        j for j in Joint if j.name.endswith(("FOREHEAD", "NECK", "SHOULDER", "ELBOW", "WRIST"))
    ),
    "lower_body": tuple(j for j in Joint if j.name.endswith(("HIP", "KNEE", "ANKLE"))),
    "whole_body": tuple(Joint),
}

# OKS constants: CrowdPose's sigmas, whose 14 joints correspond to ours one to one.
_SIGMA = {
    "FOREHEAD": 0.079,
    "NECK": 0.079,
    "SHOULDER": 0.079,
    "ELBOW": 0.072,
    "WRIST": 0.062,
    "HIP": 0.107,
    "KNEE": 0.087,
    "ANKLE": 0.089,
}
OKS_SIGMAS: Float64 = np.array([_SIGMA[j.name.rpartition("_")[2]] for j in Joint])


def voc_palette() -> Rgb:
    """The PASCAL VOC colours of all ids.

    Returns
    -------
    (256, 3) uint8 RGB
        The colours of ids 0 to 6 are used in part maps, those from 1 in person maps.
    """
    ids = np.arange(256)
    palette = np.zeros((256, 3), dtype=np.uint8)
    for bit in range(8):
        for channel in range(3):
            palette[:, channel] |= (((ids >> channel) & 1) << (7 - bit)).astype(np.uint8)
        ids = ids >> 3
    return palette
