"""PCK and PCKh: the share of labelled joints found within a fraction of a reference length."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, Mask
from posepart.metrics.people import (
    JOINT_GROUPS,
    LabelledPeople,
    PredictedPeople,
    check_shape,
    mean_defined,
)
from posepart.schema import NUM_JOINTS, Joint

HEAD_BOX_SHARE = 0.6  # MPII: head size = 0.6 x diagonal of the head box
TORSO_DIAGONALS = ((Joint.LEFT_SHOULDER, Joint.RIGHT_HIP), (Joint.RIGHT_SHOULDER, Joint.LEFT_HIP))


@dataclass(frozen=True)
class JointCounts:
    """Right and counted joints of I photos.

    right, counted: (I, 14) int64. reference: the length that distances were compared with, in words.
    """

    right: NDArray[np.int64]
    counted: NDArray[np.int64]
    reference: str

    def __post_init__(self) -> None:
        check_shape("JointCounts.right", self.right, (None, NUM_JOINTS))
        check_shape("JointCounts.counted", self.counted, self.right.shape)

    @classmethod
    def empty(cls, reference: str, images: int = 0) -> "JointCounts":
        """`images` photos without a labelled joint."""
        zeros = np.zeros((images, NUM_JOINTS), np.int64)
        return cls(zeros, zeros, reference)


def merge_counts(photos: Sequence[JointCounts]) -> JointCounts:
    """The counts of several sets of photos as one.

    Raises
    ------
    ValueError: when there are none, or their reference lengths differ.
    """
    references = {p.reference for p in photos}
    if len(references) != 1:
        raise ValueError(f"expected counts with one reference length, got {sorted(references)}")
    return JointCounts(
        np.concatenate([p.right for p in photos]),
        np.concatenate([p.counted for p in photos]),
        references.pop(),
    )


def torso_diameters(xy: NDArray, labelled: Mask) -> Float64:
    """(N,) px: left shoulder to right hip, or the other diagonal; nan where neither is labelled."""
    lengths = np.full(len(xy), np.nan)
    for first, second in reversed(TORSO_DIAGONALS):
        measurable = labelled[:, first] & labelled[:, second]
        lengths = np.where(measurable, np.linalg.norm(xy[:, first] - xy[:, second], axis=-1), lengths)
    return lengths


def head_lengths(xy: NDArray, labelled: Mask) -> Float64:
    """(N,) px: forehead to neck (the rule of LIP, without a factor); nan where one is not labelled."""
    measurable = labelled[:, Joint.FOREHEAD] & labelled[:, Joint.NECK]
    return np.where(measurable, np.linalg.norm(xy[:, Joint.FOREHEAD] - xy[:, Joint.NECK], axis=-1), np.nan)


def head_sizes(head_boxes: NDArray) -> Float64:
    """(N,) px: 0.6 x diagonal of (N, 4) xyxy head boxes (the rule of MPII and poseval)."""
    check_shape("head_boxes", head_boxes, (None, 4))
    return HEAD_BOX_SHARE * np.linalg.norm(head_boxes[:, 2:] - head_boxes[:, :2], axis=1).astype(np.float64)


def right_joints(
    truth: LabelledPeople, predicted_xy: NDArray, present: Mask, lengths: NDArray, fraction: float
) -> tuple[Mask, Mask]:
    """Judge predictions that are aligned with the ground truth of one photo ("given boxes").

    Parameters
    ----------
    truth : N people. predicted_xy : (N, 14, 2), row i predicts person i. present : (N, 14) bool.
    lengths : (N,) reference lengths, px; people whose length is nan or 0 are left out.
    fraction : a joint is right when its distance is at most `fraction` x length (0.2 for PCK, 0.5 for PCKh).

    Returns
    -------
    right, counted : (N, 14) bool. Every labelled joint counts, occluded ones too; an absent one is a miss.
    """
    check_shape("predicted_xy", predicted_xy, truth.xy.shape)
    check_shape("lengths", lengths, (len(truth),))
    measurable = np.isfinite(lengths) & (lengths > 0)
    distances = np.linalg.norm(predicted_xy - truth.xy, axis=-1)
    counted = truth.labelled & measurable[:, None]
    near = distances <= fraction * np.where(measurable, lengths, 0.0)[:, None]
    return counted & present & near, counted


def relative_errors(truth: LabelledPeople, predicted_xy: NDArray, present: Mask, lengths: NDArray) -> Float64:
    """Distances of predictions that are aligned with the ground truth; parameters as `right_joints`.

    Returns
    -------
    (N, 14) float64, in reference lengths: inf for an absent joint, nan for one that does not count.
    """
    _, counted = right_joints(truth, predicted_xy, present, lengths, 0.0)
    distances = np.linalg.norm(predicted_xy - truth.xy, axis=-1)
    relative = np.divide(distances, lengths[:, None], out=np.full(distances.shape, np.nan), where=counted)
    return np.where(counted & ~present, np.inf, relative)


def count_joints(
    truth: LabelledPeople,
    predicted_xy: NDArray,
    present: Mask,
    lengths: NDArray,
    fraction: float,
    reference: str,
) -> JointCounts:
    """The counts of one photo; parameters as `right_joints`, `reference` names the length for the report."""
    right, counted = right_joints(truth, predicted_xy, present, lengths, fraction)
    return JointCounts(right.sum(axis=0)[None], counted.sum(axis=0)[None], reference)


def match_people(similarity: NDArray) -> NDArray[np.int64]:
    """Which prediction speaks for each ground truth.

    Parameters
    ----------
    similarity : (M, N) predictions against ground truths (OKS or box IoU).

    Returns
    -------
    (N,) int64, index of the prediction, or -1. Pairs are taken from the most similar down; a prediction
    speaks for one person only, and a similarity of 0 is no match.
    """
    predictions, people = similarity.shape
    matches = np.full(people, -1, dtype=np.int64)
    free = np.ones(predictions, dtype=bool)
    for flat in np.argsort(-similarity, axis=None, kind="stable"):
        prediction, person = divmod(int(flat), people)
        if free[prediction] and matches[person] < 0 and similarity[prediction, person] > 0:
            matches[person], free[prediction] = prediction, False
    return matches


def aligned_joints(predicted: PredictedPeople, matches: NDArray[np.int64]) -> tuple[Float64, Mask]:
    """Joints (N, 14, 2) and presence (N, 14) of the matched predictions; absent where `matches` is -1."""
    matched = (matches >= 0)[:, None]
    if not len(predicted):
        return np.zeros((len(matches), NUM_JOINTS, 2)), np.zeros((len(matches), NUM_JOINTS), dtype=bool)
    return predicted.xy[matches], predicted.present[matches] & matched


def rate_per_joint(counts: JointCounts, weights: NDArray | None = None) -> Float64:
    """(14,) share of right joints in [0, 1]; nan for a joint that was never labelled."""
    photo_weights = np.ones(len(counts.right)) if weights is None else np.asarray(weights)
    right, counted = photo_weights @ counts.right, photo_weights @ counts.counted
    return np.divide(right, counted, out=np.full(NUM_JOINTS, np.nan), where=counted > 0)


def pooled_rate(
    counts: JointCounts, joints: tuple[Joint, ...] = tuple(Joint), weights: NDArray | None = None
) -> float:
    """Share of right joints among all counted ones of the given types ("Total"); nan when there are none."""
    photo_weights = np.ones(len(counts.right)) if weights is None else np.asarray(weights)
    chosen = list(joints)
    right = float((photo_weights @ counts.right)[chosen].sum())
    counted = float((photo_weights @ counts.counted)[chosen].sum())
    return right / counted if counted else float("nan")


def rate_per_group(counts: JointCounts, weights: NDArray | None = None) -> dict[str, float]:
    """The seven groups: each the mean of its two joints (head: forehead and neck); nan where undefined."""
    rates = rate_per_joint(counts, weights)
    return {name: mean_defined(rates[list(joints)]) for name, joints in JOINT_GROUPS.items()}
