"""LIP's evaluation (Liang et al., Sec. 4): PCKh@0.5 and parsing scores, in all, per challenge factor and by size.

As everywhere here, a function judges each picture and another scores many pictures, each counted as often as a
weight says.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, Mask, check_shape
from posepart.metrics.people import mean_defined
from posepart.schema.lip import LIP_JOINT_GROUPS, LIP_TOTAL_JOINTS, NUM_LIP_JOINTS, LipJoint

PCKH_FRACTION = 0.5  # Sec. 4.2: "50% of the head segment length"
SIZE_NAMES = ("small", "medium", "large")
SIZE_EDGES = (153.0**2, 321.0**2)  # px**2, Sec. 6.2.1: area < 153**2, < 321**2, above
FACTORS = ("occlusion", "full_body", "upper_body", "head_missing", "back_view")  # Sec. 4.1.2

_LOWER_JOINTS = [joint for joint in LipJoint if joint.name.endswith(("KNEE", "ANKLE"))]
_HEAD_JOINTS = [LipJoint.NECK, LipJoint.HEAD_TOP]


@dataclass(frozen=True)
class LipJointCounts:
    """Right and counted joints of I pictures: (I, 16) bool."""

    right: Mask
    counted: Mask


@dataclass(frozen=True)
class LipPoseScores:
    """PCKh in [0, 1]; nan where nothing is counted.

    joints: (16,). groups: the seven of Tables 5 and 6, each the mean of its two joints. total: all counted joints
    but pelvis and spine, pooled. reference: the length that distances were compared with.
    """

    joints: Float64
    groups: dict[str, float]
    total: float
    reference: str = "0.5 x |head top - neck|, no other factor"


def head_lengths(truth: NDArray) -> Float64:
    """(I,) px, |head top - neck| of (I, 16, 3) joints; nan where one of them is not labelled."""
    top, neck = truth[:, LipJoint.HEAD_TOP], truth[:, LipJoint.NECK]
    lengths = np.linalg.norm(top[:, :2] - neck[:, :2], axis=1)
    return np.where((top[:, 2] > 0) & (neck[:, 2] > 0), lengths, np.nan)


def judge_lip_joints(truth: NDArray, predicted: NDArray, fraction: float = PCKH_FRACTION) -> LipJointCounts:
    """Which joints are right.

    Parameters
    ----------
    truth: (I, 16, 3) x, y and COCO visibility. predicted: (I, 16, 2) of the same pictures in the same order; nan
        for a joint that is not predicted, which is a miss.
    fraction: a joint is right when it is at most `fraction` x head length off.

    Returns
    -------
    Counted are the labelled joints, occluded ones too, of the pictures whose head length is known and not 0.
    """
    check_shape("truth", truth, (None, NUM_LIP_JOINTS, 3))
    check_shape("predicted", predicted, (len(truth), NUM_LIP_JOINTS, 2))
    lengths = head_lengths(truth)
    measurable = np.isfinite(lengths) & (lengths > 0)
    distances = np.linalg.norm(predicted - truth[..., :2], axis=-1)
    counted = (truth[..., 2] > 0) & measurable[:, None]
    limits = fraction * np.where(measurable, lengths, 0.0)[:, None]
    return LipJointCounts(counted & (distances <= limits), counted)


def lip_pose_scores(counts: LipJointCounts, weights: NDArray | None = None) -> LipPoseScores:
    """PCKh of the pictures, each counted `weights` times; a mask selects the pictures of a factor."""
    once = np.ones(len(counts.right)) if weights is None else np.asarray(weights, dtype=np.float64)
    right, counted = once @ counts.right, once @ counts.counted
    joints = np.divide(right, counted, out=np.full(NUM_LIP_JOINTS, np.nan), where=counted > 0)
    groups = {name: mean_defined(joints[list(pair)]) for name, pair in LIP_JOINT_GROUPS.items()}
    pooled = list(LIP_TOTAL_JOINTS)
    number = counted[pooled].sum()
    return LipPoseScores(joints, groups, float(right[pooled].sum() / number) if number else float("nan"))


def size_of_picture(areas: NDArray) -> NDArray[np.int64]:
    """(I,) number of `SIZE_NAMES` by area, px**2 (LIP's pictures are cut out around the person)."""
    return np.searchsorted(np.array(SIZE_EDGES), areas, side="right").astype(np.int64)


def derived_factors(truth: NDArray) -> dict[str, Mask]:
    """Challenge factors that the joints tell, for want of LIP's own lists (which are not published).

    Parameters
    ----------
    truth: (I, 16, 3) x, y and COCO visibility.

    Returns
    -------
    (I,) bool each. occlusion: a joint is labelled and occluded. full_body: a joint of the head and an ankle are
    labelled. upper_body: a joint of the head is, no knee and no ankle. head_missing: a joint is, none of the head.
    Back views cannot be told from joints. The paper's numbers rest on lists made by people.
    """
    check_shape("truth", truth, (None, NUM_LIP_JOINTS, 3))
    visibility = truth[..., 2]
    head = (visibility[:, _HEAD_JOINTS] > 0).any(1)
    ankles = (visibility[:, [LipJoint.LEFT_ANKLE, LipJoint.RIGHT_ANKLE]] > 0).any(1)
    legs = (visibility[:, _LOWER_JOINTS] > 0).any(1)
    return {
        "occlusion": (visibility == 1).any(1),
        "full_body": head & ankles,
        "upper_body": head & ~legs,
        "head_missing": (visibility > 0).any(1) & ~head,
    }
