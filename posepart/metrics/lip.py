"""LIP's evaluation (Liang et al., Sec. 4): PCKh@0.5 in total, by challenge factor and by size.

As everywhere in this package, one function judges pictures and another scores many of them, each counted with a
weight.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, Index, Mask, check_shape
from posepart.data.visibility import VISIBILITIES
from posepart.metrics.bootstrap import weights_or_ones
from posepart.metrics.pck import PCKH_FRACTION
from posepart.metrics.people import mean_defined
from posepart.schema.lip import LIP_JOINT_GROUPS, LIP_TOTAL_JOINTS, NUM_LIP_JOINTS, LipJoint

SIZE_NAMES = ("small", "medium", "large")
SIZE_EDGES = (153.0**2, 321.0**2)  # px**2, Sec. 6.2.1: upper limits of small and medium
FACTORS = ("occlusion", "full_body", "upper_body", "head_missing", "back_view")  # Sec. 4.1.2


@dataclass(frozen=True)
class LipGroupsConfig:
    """The groups of pictures that are scored besides all."""

    factors: tuple[str, ...] = FACTORS  # Sec. 4.1.2; of `VISIBILITIES`
    size_edges: tuple[float, float] = SIZE_EDGES  # px**2, Sec. 6.2.1: upper limits of small and medium

    def __post_init__(self) -> None:
        unknown = [factor for factor in self.factors if factor not in VISIBILITIES]
        if unknown:
            raise ValueError(f"unknown factor {unknown[0]!r}: choose one of {', '.join(VISIBILITIES)}")
        if not 0 < self.size_edges[0] < self.size_edges[1]:
            raise ValueError(
                f"size_edges: expected two rising areas, such as 23409 103041, got {self.size_edges}"
            )


@dataclass(frozen=True)
class LipJointCounts:
    """Right and counted joints of I pictures."""

    right: Mask  # (I, 16)
    counted: Mask  # (I, 16)


@dataclass(frozen=True)
class LipPoseScores:
    """PCKh in [0, 1]; nan where nothing is counted."""

    joints: Float64  # (16,)
    groups: dict[str, float]  # the seven of Tables 5 and 6, each the mean of its two joints
    total: float  # all counted joints but pelvis and spine, pooled
    reference: str = "0.5 x |head top - neck|, no other factor"  # the limit of distances


def head_lengths(truth: NDArray) -> Float64:
    """(I,) head lengths |head top - neck|, px, of (I, 16, 3) joints; nan where one of the two is not labelled."""
    top, neck = truth[:, LipJoint.HEAD_TOP], truth[:, LipJoint.NECK]
    lengths = np.linalg.norm(top[:, :2] - neck[:, :2], axis=1)
    return np.where((top[:, 2] > 0) & (neck[:, 2] > 0), lengths, np.nan)


def judge_lip_joints(
    truth: NDArray, predicted: NDArray, fraction: float = PCKH_FRACTION, head_sizes: NDArray | None = None
) -> LipJointCounts:
    """Judge which joints are right.

    Parameters
    ----------
    truth : (I, 16, 3)
        x, y and COCO visibility.
    predicted : (I, 16, 2)
        Of the same pictures in the same order; nan for a joint that is not predicted, which is a miss.
    fraction : float
        A joint is right when it is at most `fraction` x head length off; Sec. 4.2: "50% of the head segment length".
    head_sizes : (I,), optional
        px, in place of the head lengths where they are above 0: MPII's, from its head boxes.

    Returns
    -------
    LipJointCounts
        All labelled joints count, occluded ones too, of the pictures whose head length is known and not 0.
    """
    check_shape("truth", truth, (None, NUM_LIP_JOINTS, 3))
    check_shape("predicted", predicted, (len(truth), NUM_LIP_JOINTS, 2))
    lengths = head_lengths(truth)
    if head_sizes is not None:
        lengths = np.where(head_sizes > 0, head_sizes, lengths)
    measurable = np.isfinite(lengths) & (lengths > 0)
    distances = np.linalg.norm(predicted - truth[..., :2], axis=-1)
    counted = (truth[..., 2] > 0) & measurable[:, None]
    limits = fraction * np.where(measurable, lengths, 0.0)[:, None]
    return LipJointCounts(counted & (distances <= limits), counted)


def lip_pose_scores(counts: LipJointCounts, weights: NDArray | None = None) -> LipPoseScores:
    """PCKh of I pictures, each counted `weights` (I,) times; a mask selects the pictures of a factor."""
    factors = weights_or_ones(weights, len(counts.right)).astype(np.float64)
    right, counted = factors @ counts.right, factors @ counts.counted
    joints = np.divide(right, counted, out=np.full(NUM_LIP_JOINTS, np.nan), where=counted > 0)
    groups = {name: mean_defined(joints[list(pair)]) for name, pair in LIP_JOINT_GROUPS.items()}
    pooled = list(LIP_TOTAL_JOINTS)
    number = counted[pooled].sum()
    return LipPoseScores(joints, groups, float(right[pooled].sum() / number) if number else float("nan"))


def size_of_picture(areas: NDArray, edges: tuple[float, float] = SIZE_EDGES) -> Index:
    """(I,) indices into `SIZE_NAMES` by area, px**2; LIP's pictures are cut out around the person."""
    return np.searchsorted(np.array(edges), areas, side="right").astype(np.int64)
