"""PCK and PCKh: the share of labelled joints found within a fraction of a reference length."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, Index, Mask, check_shape
from posepart.metrics.bootstrap import weights_or_ones
from posepart.metrics.people import LabelledPeople, PredictedPeople
from posepart.schema import NUM_JOINTS, POSEPART, Joint

PCK_FRACTION = 0.2  # of the torso diameter
PCKH_FRACTION = 0.5  # of the head length
TORSO_DIAGONALS = ((Joint.LEFT_SHOULDER, Joint.RIGHT_HIP), (Joint.RIGHT_SHOULDER, Joint.LEFT_HIP))


@dataclass(frozen=True)
class JointCounts:
    """Right and counted joints of I photos."""

    right: Index  # (I, J), J = 14 but for people in another schema
    counted: Index  # (I, J)
    reference: str  # the length that distances were compared with, in words

    def __post_init__(self) -> None:
        check_shape("JointCounts.right", self.right, (None, None))
        check_shape("JointCounts.counted", self.counted, self.right.shape)

    @classmethod
    def empty(cls, reference: str, images: int = 0, joints: int = NUM_JOINTS) -> "JointCounts":
        """`images` photos without a labelled joint, in arrays that counts may be added to."""
        shape = images, joints
        return cls(np.zeros(shape, np.int64), np.zeros(shape, np.int64), reference)


def merge_counts(photos: Sequence[JointCounts]) -> JointCounts:
    """Join the counts of several sets of photos.

    Raises
    ------
    ValueError
        There are none, or their reference lengths differ.
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
    """Reference lengths of PCK: left shoulder to right hip, or else the other diagonal.

    Parameters
    ----------
    xy : (N, 14, 2), px
    labelled : (N, 14) bool

    Returns
    -------
    (N,) float64, px
        nan where neither diagonal is labelled.
    """
    lengths = np.full(len(xy), np.nan)
    for first, second in reversed(TORSO_DIAGONALS):
        measurable = labelled[:, first] & labelled[:, second]
        lengths = np.where(measurable, np.linalg.norm(xy[:, first] - xy[:, second], axis=-1), lengths)
    return lengths


def head_lengths(xy: NDArray, labelled: Mask, head: Sequence[int] = POSEPART.head) -> Float64:
    """Reference lengths of PCKh: forehead to neck, as LIP measures it, without a factor.

    Parameters
    ----------
    xy : (N, J, 2), px
    labelled : (N, J) bool
    head : sequence of int
        The two joints whose distance it is.

    Returns
    -------
    (N,) float64, px
        nan where one of the two is not labelled.
    """
    top, neck = head
    measurable = labelled[:, top] & labelled[:, neck]
    return np.where(measurable, np.linalg.norm(xy[:, top] - xy[:, neck], axis=-1), np.nan)


def pck_hits(found: NDArray, joints: NDArray, fraction: float = PCK_FRACTION) -> tuple[Mask, Mask]:
    """PCK of predictions in which every joint is found, one for each labelled person ("boxes given").

    Parameters
    ----------
    found : (N, 14, 2)
        Predicted joints, in the frame of `joints`.
    joints : (N, 14, 3)
        x, y and visibility, 0 where a joint is not labelled.
    fraction : float
        Of the torso diameter.

    Returns
    -------
    right, counted : (N, 14) bool
        As `right_joints`; PCK is reported on the columns `schema.LIMB_JOINTS`.
    """
    truth = LabelledPeople.from_joints(joints)
    present = np.ones(truth.labelled.shape, bool)
    return right_joints(truth, found, present, torso_diameters(truth.xy, truth.labelled), fraction)


def right_joints(
    truth: LabelledPeople, predicted_xy: NDArray, present: Mask, lengths: NDArray, fraction: float
) -> tuple[Mask, Mask]:
    """Judge predictions of the labelled people of one photo.

    Parameters
    ----------
    truth : LabelledPeople
        N people.
    predicted_xy : (N, 14, 2)
        Row i predicts person i.
    present : (N, 14) bool
        Which joints the predictions have.
    lengths : (N,), px
        Reference lengths; people whose length is nan or 0 are left out.
    fraction : float
        A joint is right when it is at most `fraction` x length off: `PCK_FRACTION`, `PCKH_FRACTION`.

    Returns
    -------
    right, counted : (N, 14) bool
        Every labelled joint counts, occluded ones too; an absent one is a miss.
    """
    check_shape("predicted_xy", predicted_xy, truth.xy.shape)
    check_shape("lengths", lengths, (len(truth),))
    measurable = np.isfinite(lengths) & (lengths > 0)
    distances = np.linalg.norm(predicted_xy - truth.xy, axis=-1)
    counted = truth.labelled & measurable[:, None]
    near = distances <= fraction * np.where(measurable, lengths, 0.0)[:, None]
    return counted & present & near, counted


def relative_errors(truth: LabelledPeople, predicted_xy: NDArray, present: Mask, lengths: NDArray) -> Float64:
    """Distances in reference lengths; parameters as in `right_joints`.

    Returns
    -------
    (N, 14) float64
        inf for an absent joint, nan for one that does not count.
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
    """Count the joints of one photo; parameters as in `right_joints`, `reference` names the length in reports."""
    right, counted = right_joints(truth, predicted_xy, present, lengths, fraction)
    return JointCounts(right.sum(axis=0)[None], counted.sum(axis=0)[None], reference)


def match_people(similarity: NDArray) -> Index:
    """Match predictions to labelled people one to one, the most similar pairs first.

    Parameters
    ----------
    similarity : (M, N)
        Of predictions to labelled people: OKS or box IoU. A similarity of 0 is no match.

    Returns
    -------
    (N,) int64
        Index of each person's prediction, or -1.
    """
    predictions, people = similarity.shape
    matches = np.full(people, -1, dtype=np.int64)
    free = np.ones(predictions, dtype=bool)
    for flat in np.argsort(-similarity, axis=None, kind="stable"):
        prediction, person = divmod(int(flat), people)
        if free[prediction] and matches[person] < 0 and similarity[prediction, person] > 0:
            matches[person], free[prediction] = prediction, False
    return matches


def aligned_joints(predicted: PredictedPeople, matches: Index) -> tuple[Float64, Mask]:
    """Put the joints of matched predictions in the order of the labelled people.

    Parameters
    ----------
    predicted : PredictedPeople
    matches : (N,) int64
        Of `match_people`.

    Returns
    -------
    xy : (N, 14, 2) float64
    present : (N, 14) bool
        False in the rows of people without a match.
    """
    matched = (matches >= 0)[:, None]
    if not len(predicted):
        return np.zeros((len(matches), NUM_JOINTS, 2)), np.zeros((len(matches), NUM_JOINTS), dtype=bool)
    return predicted.xy[matches], predicted.present[matches] & matched


def pooled_rate(
    counts: JointCounts, joints: Sequence[int] = tuple(Joint), weights: NDArray | None = None
) -> float:
    """Share of right joints among all counted ones of some types.

    Parameters
    ----------
    counts : JointCounts
        Of I photos.
    joints : sequence of int
    weights : (I,), optional
        How often each photo counts; once by default.

    Returns
    -------
    float
        In [0, 1]; nan when no joint is counted.
    """
    photo_weights = weights_or_ones(weights, len(counts.right))
    chosen = list(joints)
    right = float((photo_weights @ counts.right)[chosen].sum())
    counted = float((photo_weights @ counts.counted)[chosen].sum())
    return right / counted if counted else float("nan")
