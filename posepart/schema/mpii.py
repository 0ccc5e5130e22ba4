"""The joints of MPII Human Pose: the only place that knows their ids."""

from enum import IntEnum

from posepart.schema.body import BodySchema
from posepart.schema.joints_and_parts import mirrored_name, side_groups


class MpiiJoint(IntEnum):
    """MPII's 16 joints, in the order of its ids; LIP took over this order, with a spine for the thorax."""

    RIGHT_ANKLE = 0
    RIGHT_KNEE = 1
    RIGHT_HIP = 2
    LEFT_HIP = 3
    LEFT_KNEE = 4
    LEFT_ANKLE = 5
    PELVIS = 6
    THORAX = 7
    UPPER_NECK = 8
    HEAD_TOP = 9
    RIGHT_WRIST = 10
    RIGHT_ELBOW = 11
    RIGHT_SHOULDER = 12
    LEFT_SHOULDER = 13
    LEFT_ELBOW = 14
    LEFT_WRIST = 15


MPII_HEAD_SHARE = (
    0.6  # PCKh's head size is this share of the diagonal of the head box (evaluation code of MPII)
)

# MPII's schema. As in the benchmark's tables, pelvis and thorax are in no group and not in the total.
MPII = BodySchema(
    "mpii",
    tuple(joint.name.lower() for joint in MpiiJoint),
    tuple(int(MpiiJoint[mirrored_name(joint.name)]) for joint in MpiiJoint),
    (),
    (),
    joint_groups={
        "head": (int(MpiiJoint.UPPER_NECK), int(MpiiJoint.HEAD_TOP)),
        **{
            name: side_groups(MpiiJoint)[name]
            for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
        },
    },
    total_joints=tuple(
        int(joint) for joint in MpiiJoint if joint not in (MpiiJoint.PELVIS, MpiiJoint.THORAX)
    ),
    head=(int(MpiiJoint.UPPER_NECK), int(MpiiJoint.HEAD_TOP)),
)
