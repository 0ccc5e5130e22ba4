"""The labels of ATR and CIHP, and their maps to those of LIP: the only place that knows their ids."""

from enum import IntEnum

import numpy as np

from posepart.arrays import Ids
from posepart.schema import IGNORE
from posepart.schema.body import BodySchema
from posepart.schema.joints_and_parts import mirrored_name
from posepart.schema.lip import FLIP_LIP_LABELS, LIP_REGIONS, NUM_LIP_LABELS, LipLabel


class AtrLabel(IntEnum):
    """The 17 labels of ATR and the background, in ATR's order."""

    BACKGROUND = 0
    HAT = 1
    HAIR = 2
    SUNGLASSES = 3
    UPPER_CLOTHES = 4
    SKIRT = 5
    PANTS = 6
    DRESS = 7
    BELT = 8
    LEFT_SHOE = 9
    RIGHT_SHOE = 10
    FACE = 11
    LEFT_LEG = 12
    RIGHT_LEG = 13
    LEFT_ARM = 14
    RIGHT_ARM = 15
    BAG = 16
    SCARF = 17


# Sec. 6.2.1: the 16 categories that LIP and ATR have in common, on which Table 8 compares them.
COMMON_WITH_ATR: tuple[LipLabel, ...] = tuple(
    label for label in LipLabel if label.name in AtrLabel.__members__
)

# (256,) uint8: ATR's id -> LIP's; `schema.IGNORE` for belt and bag, for which LIP has no label.
ATR_TO_LIP: Ids = np.full(256, IGNORE, np.uint8)
for _label in COMMON_WITH_ATR:
    ATR_TO_LIP[AtrLabel[_label.name]] = _label

# CIHP has LIP's ids but for one: the id of LIP's jumpsuits is the skin of the torso in CIHP.
CIHP_TORSO_SKIN = LipLabel.JUMPSUITS.value
CIHP_LABEL_NAMES: tuple[str, ...] = tuple(
    "torso_skin" if label == CIHP_TORSO_SKIN else label.name.lower() for label in LipLabel
)
# (256,) uint8: CIHP's id -> LIP's; `schema.IGNORE` for the skin of the torso, for which LIP has no label.
CIHP_TO_LIP: Ids = np.full(256, IGNORE, np.uint8)
CIHP_TO_LIP[:NUM_LIP_LABELS] = np.arange(NUM_LIP_LABELS)
CIHP_TO_LIP[CIHP_TORSO_SKIN] = IGNORE

# ATR's schema. Its regions are LIP's, of the labels that ATR has.
ATR = BodySchema(
    "atr",
    (),
    (),
    tuple(label.name.lower() for label in AtrLabel),
    tuple(int(AtrLabel[mirrored_name(label.name)]) for label in AtrLabel),
    regions={
        name: tuple(int(AtrLabel[label.name]) for label in labels if label in COMMON_WITH_ATR)
        for name, labels in LIP_REGIONS.items()
    },
)

# CIHP's schema. The skin of the torso is, like LIP's jumpsuits, in no region.
CIHP = BodySchema(
    "cihp",
    (),
    (),
    CIHP_LABEL_NAMES,
    tuple(map(int, FLIP_LIP_LABELS)),
    regions={name: tuple(map(int, labels)) for name, labels in LIP_REGIONS.items()},
)
