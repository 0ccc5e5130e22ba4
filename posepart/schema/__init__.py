"""All ids of joints and parts, with names, colours, flips and orders: ours and those of COCO, LIP, ATR, CIHP, MPII.

Only this package knows ids; elsewhere a joint is `Joint.NECK` or a whole array, never a bare integer. Our own
schema and COCO's joints are imported from here, those of LIP, ATR and CIHP, and MPII from `schema.lip`,
`schema.atr_and_cihp` and `schema.mpii`. A `BodySchema` sums up what crops, losses and scores ask of any of them;
`schema.named` has all of them by name.
"""

from posepart.schema.body import BodySchema
from posepart.schema.coco import (
    COCO_JOINT_NAMES,
    COCO_LIMB_JOINTS,
    COCO_SIGMAS,
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
    POSEPART,
    SKELETON,
    Joint,
    Part,
    voc_palette,
)

__all__ = [
    "BODY_BOXES",
    "COCO_JOINT_NAMES",
    "COCO_LIMB_JOINTS",
    "COCO_SIGMAS",
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
    "POSEPART",
    "SKELETON",
    "BodySchema",
    "CocoJoint",
    "Joint",
    "Part",
    "voc_palette",
]
