"""All ids of joints and parts, with their names, colours, flips and orders: ours, COCO's, LIP's, ATR's and CIHP's.

Only this package knows ids; elsewhere a joint is `Joint.NECK` or a whole array, never a bare integer. Our own
schema and COCO's joints are imported from here, the label sets of LIP, ATR and CIHP from `schema.lip` and
`schema.atr_and_cihp`.
"""

from posepart.schema.coco import (
    COCO_JOINT_NAMES,
    COCO_LIMB_JOINTS,
    CocoJoint,
)
from posepart.schema.joints_and_parts import (
    BODY_BOXES,
    FLIP_JOINTS,
    IGNORE,
    JOINT_NAMES,
    JOINT_PARTS,
    LIMB_JOINTS,
    NEIGHBOURS,
    NUM_JOINTS,
    NUM_PARTS,
    OKS_SIGMAS,
    PAIR_PART,
    PART_NAMES,
    PASCAL_JOINTS,
    SKELETON,
    Joint,
    Part,
    voc_palette,
)

__all__ = [
    "BODY_BOXES",
    "COCO_JOINT_NAMES",
    "COCO_LIMB_JOINTS",
    "FLIP_JOINTS",
    "IGNORE",
    "JOINT_NAMES",
    "JOINT_PARTS",
    "LIMB_JOINTS",
    "NEIGHBOURS",
    "NUM_JOINTS",
    "NUM_PARTS",
    "OKS_SIGMAS",
    "PAIR_PART",
    "PART_NAMES",
    "PASCAL_JOINTS",
    "SKELETON",
    "CocoJoint",
    "Joint",
    "Part",
    "voc_palette",
]
