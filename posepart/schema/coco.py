"""The joints of COCO, and their counterparts among ours."""

from enum import IntEnum

import numpy as np

from posepart.arrays import Float64
from posepart.schema.joints_and_parts import LIMB_JOINTS


class CocoJoint(IntEnum):
    """The 17 joints of COCO, in its order."""

    NOSE = 0
    LEFT_EYE = 1
    RIGHT_EYE = 2
    LEFT_EAR = 3
    RIGHT_EAR = 4
    LEFT_SHOULDER = 5
    RIGHT_SHOULDER = 6
    LEFT_ELBOW = 7
    RIGHT_ELBOW = 8
    LEFT_WRIST = 9
    RIGHT_WRIST = 10
    LEFT_HIP = 11
    RIGHT_HIP = 12
    LEFT_KNEE = 13
    RIGHT_KNEE = 14
    LEFT_ANKLE = 15
    RIGHT_ANKLE = 16


COCO_JOINT_NAMES: tuple[str, ...] = tuple(j.name.lower() for j in CocoJoint)


# COCO's counterpart of every limb joint, in the order of LIMB_JOINTS; forehead and neck have none.
COCO_LIMB_JOINTS: tuple[CocoJoint, ...] = tuple(CocoJoint[j.name] for j in LIMB_JOINTS)

_SIGMA = {
    "NOSE": 0.026,
    "EYE": 0.025,
    "EAR": 0.035,
    "SHOULDER": 0.079,
    "ELBOW": 0.072,
    "WRIST": 0.062,
    "HIP": 0.107,
    "KNEE": 0.087,
    "ANKLE": 0.089,
}
# The OKS constants of COCO's joints.
COCO_SIGMAS: Float64 = np.array([_SIGMA[j.name.rpartition("_")[2]] for j in CocoJoint])
