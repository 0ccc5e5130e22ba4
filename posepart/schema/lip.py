"""LIP's labels and joints, and their conversion to and from ours: the only place that knows LIP's ids.

LIP (Look into Person, Liang et al.) has 20 labels and 16 joints. Elsewhere a label is `LipLabel.FACE` and a joint
`LipJoint.NECK`, or a whole array.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float32, Float64, Ids, Index, Rgb
from posepart.schema import IGNORE, NUM_JOINTS, NUM_PARTS, Joint, Part
from posepart.schema.body import BodySchema
from posepart.schema.joints_and_parts import mirrored_name


class LipLabel(IntEnum):
    """LIP's 19 parts and the background; left and right are the person's own."""

    BACKGROUND = 0
    HAT = 1
    HAIR = 2
    GLOVE = 3
    SUNGLASSES = 4
    UPPER_CLOTHES = 5
    DRESS = 6
    COAT = 7
    SOCKS = 8
    PANTS = 9
    JUMPSUITS = 10
    SCARF = 11
    SKIRT = 12
    FACE = 13
    LEFT_ARM = 14
    RIGHT_ARM = 15
    LEFT_LEG = 16
    RIGHT_LEG = 17
    LEFT_SHOE = 18
    RIGHT_SHOE = 19


class LipJoint(IntEnum):
    """LIP's 16 joints, in the order of its csv files."""

    RIGHT_ANKLE = 0
    RIGHT_KNEE = 1
    RIGHT_HIP = 2
    LEFT_HIP = 3
    LEFT_KNEE = 4
    LEFT_ANKLE = 5
    PELVIS = 6
    SPINE = 7
    NECK = 8
    HEAD_TOP = 9
    RIGHT_WRIST = 10
    RIGHT_ELBOW = 11
    RIGHT_SHOULDER = 12
    LEFT_SHOULDER = 13
    LEFT_ELBOW = 14
    LEFT_WRIST = 15


NUM_LIP_LABELS = len(LipLabel)
NUM_LIP_JOINTS = len(LipJoint)
LIP_LABEL_NAMES: tuple[str, ...] = tuple(label.name.lower() for label in LipLabel)
LIP_JOINT_NAMES: tuple[str, ...] = tuple(joint.name.lower() for joint in LipJoint)


# FLIP_LIP_LABELS[l] and FLIP_LIP_JOINTS[j]: what a label or joint becomes in a mirrored picture.
FLIP_LIP_LABELS: tuple[LipLabel, ...] = tuple(LipLabel[mirrored_name(label.name)] for label in LipLabel)
FLIP_LIP_JOINTS: tuple[LipJoint, ...] = tuple(LipJoint[mirrored_name(joint.name)] for joint in LipJoint)

# (20, 3) uint8 RGB, in id order.
LIP_PALETTE: Rgb = np.array(
    [
        [0, 0, 0], [128, 0, 0], [255, 0, 0], [0, 85, 0], [170, 0, 51],
        [255, 85, 0], [0, 0, 85], [0, 119, 221], [85, 85, 0], [0, 85, 85],
        [85, 51, 0], [52, 86, 128], [0, 128, 0], [0, 0, 255], [51, 170, 221],
        [0, 255, 255], [85, 255, 170], [170, 255, 85], [255, 255, 0], [255, 170, 0],
    ],
    dtype=np.uint8,
)  # fmt: skip

# Sec. 5.3: the regions whose centres are the 9 joints of the structure loss. Glove, dress, socks and jumpsuits are
# in none of them.
LIP_REGIONS: dict[str, tuple[LipLabel, ...]] = {
    "head": (LipLabel.HAT, LipLabel.HAIR, LipLabel.SUNGLASSES, LipLabel.FACE),
    "upper_body": (LipLabel.UPPER_CLOTHES, LipLabel.COAT, LipLabel.SCARF),
    "lower_body": (LipLabel.PANTS, LipLabel.SKIRT),
    "left_arm": (LipLabel.LEFT_ARM,),
    "right_arm": (LipLabel.RIGHT_ARM,),
    "left_leg": (LipLabel.LEFT_LEG,),
    "right_leg": (LipLabel.RIGHT_LEG,),
    "left_shoe": (LipLabel.LEFT_SHOE,),
    "right_shoe": (LipLabel.RIGHT_SHOE,),
}

# The joints on which PCKh is reported (Tables 5, 6); pelvis and spine are in no group and not in the total.
LIP_JOINT_GROUPS: dict[str, tuple[LipJoint, LipJoint]] = {
    "head": (LipJoint.NECK, LipJoint.HEAD_TOP),
    **{
        name.lower(): (LipJoint[f"LEFT_{name}"], LipJoint[f"RIGHT_{name}"])
        for name in ("SHOULDER", "ELBOW", "WRIST", "HIP", "KNEE", "ANKLE")
    },
}
LIP_TOTAL_JOINTS: tuple[LipJoint, ...] = tuple(
    joint for joint in LipJoint if joint not in (LipJoint.PELVIS, LipJoint.SPINE)
)

# LIP's schema, for crops, losses and scores.
LIP = BodySchema(
    "lip",
    LIP_JOINT_NAMES,
    tuple(map(int, FLIP_LIP_JOINTS)),
    LIP_LABEL_NAMES,
    tuple(map(int, FLIP_LIP_LABELS)),
    regions={name: tuple(map(int, labels)) for name, labels in LIP_REGIONS.items()},
    joint_groups={name: tuple(map(int, pair)) for name, pair in LIP_JOINT_GROUPS.items()},
    total_joints=tuple(map(int, LIP_TOTAL_JOINTS)),
    head=tuple(map(int, LIP_JOINT_GROUPS["head"])),
)

# What each label is in PASCAL-Person-Part, where feet belong to the lower leg and hands to the lower arm. An arm, a
# leg, pants, a skirt, a dress and jumpsuits span several parts, so they become `IGNORE`. Upper clothes become the
# torso, as they are the upper body of Sec. 5.3; this includes their sleeves.
_PART_OF: dict[Part, tuple[LipLabel, ...]] = {
    Part.BACKGROUND: (LipLabel.BACKGROUND,),
    Part.HEAD: LIP_REGIONS["head"],
    Part.TORSO: LIP_REGIONS["upper_body"],
    Part.LOWER_ARM: (LipLabel.GLOVE,),
    Part.LOWER_LEG: (LipLabel.SOCKS, LipLabel.LEFT_SHOE, LipLabel.RIGHT_SHOE),
}

# (256,) uint8 look-up tables; `schema.IGNORE` stays itself and also means that the counterpart is unknown.
LIP_TO_PART: Ids = np.full(256, IGNORE, np.uint8)
for _part, _labels in _PART_OF.items():
    LIP_TO_PART[list(_labels)] = _part
PART_TO_LIP: Ids = np.full(256, IGNORE, np.uint8)
PART_TO_LIP[Part.BACKGROUND] = LipLabel.BACKGROUND  # other parts have neither a side nor clothes

# Where our forehead lies between LIP's neck (0) and head top (1), as for all data sets in MPII's convention.
FOREHEAD_SHARE = 0.8


def parts_from_lip(labels: Ids) -> Ids:
    """Convert a LIP label map to part ids.

    Parameters
    ----------
    labels : (H, W) uint8
        LIP ids, `schema.IGNORE` where there is no label.

    Returns
    -------
    (H, W) uint8
        Part ids; `schema.IGNORE` where the label spans several parts (arms, legs, pants, skirts, dresses and
        jumpsuits).

    Raises
    ------
    ValueError
        An id is not one of LIP.
    """
    _check_ids("LIP label map", labels, NUM_LIP_LABELS)
    return LIP_TO_PART[labels]


def lip_from_parts(parts: Ids) -> Ids:
    """Convert a part map to LIP ids, of which only the background is known; all parts become `schema.IGNORE`.

    Raises
    ------
    ValueError
        An id is not one of our parts.
    """
    _check_ids("part map", parts, NUM_PARTS)
    return PART_TO_LIP[parts]


def _check_ids(name: str, ids: Ids, count: int) -> None:
    known = ids[ids != IGNORE]
    if known.size and known.max() >= count:
        raise ValueError(
            f"{name}: expected ids 0..{count - 1} or {IGNORE}, got {known.max()}: the map is in another schema"
        )


def coco_visibility(hidden: NDArray) -> Index:
    """Convert LIP's third column to COCO's: nan (not labelled) -> 0, 1 (occluded) -> 1, 0 (visible) -> 2."""
    return np.where(np.isnan(hidden), 0, np.where(hidden == 0, 2, 1)).astype(np.int64)


def lip_visibility(visibility: NDArray) -> Float64:
    """Convert COCO's third column to LIP's: the inverse of `coco_visibility`."""
    return np.where(visibility == 0, np.nan, np.where(visibility == 2, 0.0, 1.0))


_SHARED: tuple[tuple[Joint, LipJoint], ...] = tuple(
    (Joint[joint.name], joint) for joint in LipJoint if joint.name in Joint.__members__
)


def joints_from_lip(lip: NDArray) -> Float32:
    """Convert LIP's joints to ours.

    Parameters
    ----------
    lip : (..., 16, 3)
        x, y and COCO visibility (0 not labelled, 1 occluded, 2 visible).

    Returns
    -------
    (..., 14, 3) float32
        The forehead lies at `FOREHEAD_SHARE` of the way from the neck to the head top, and is not labelled if one of
        them is not.

    Notes
    -----
    Pelvis and spine have no counterpart. LIP's neck is the upper neck of MPII, slightly above the middle of the
    shoulders.
    """
    ours = np.zeros((*lip.shape[:-2], NUM_JOINTS, 3), np.float32)
    for joint, other in _SHARED:
        ours[..., joint, :] = lip[..., other, :]
    neck, top = lip[..., LipJoint.NECK, :], lip[..., LipJoint.HEAD_TOP, :]
    known = (neck[..., 2] > 0) & (top[..., 2] > 0)
    forehead = neck + FOREHEAD_SHARE * (top - neck)
    forehead[..., 2] = top[..., 2]
    ours[..., Joint.FOREHEAD, :] = np.where(known[..., None], forehead, 0)
    return np.where(ours[..., 2:] > 0, ours, 0).astype(np.float32)


def lip_from_joints(joints: NDArray) -> Float32:
    """Convert our joints to LIP's: the inverse of `joints_from_lip`, without pelvis and spine.

    Parameters
    ----------
    joints : (..., 14, 3)
        x, y and COCO visibility.

    Returns
    -------
    (..., 16, 3) float32
        x, y and COCO visibility; zeros for a missing joint.
    """
    lip = np.zeros((*joints.shape[:-2], NUM_LIP_JOINTS, 3), np.float32)
    for joint, other in _SHARED:
        lip[..., other, :] = joints[..., joint, :]
    neck, forehead = joints[..., Joint.NECK, :], joints[..., Joint.FOREHEAD, :]
    known = (neck[..., 2] > 0) & (forehead[..., 2] > 0)
    top = neck + (forehead - neck) / FOREHEAD_SHARE
    top[..., 2] = forehead[..., 2]
    lip[..., LipJoint.HEAD_TOP, :] = np.where(known[..., None], top, 0)
    return np.where(lip[..., 2:] > 0, lip, 0).astype(np.float32)
