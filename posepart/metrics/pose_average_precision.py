"""Multi-person mean average precision (Sec. 4.2, Table 1).

Poses are matched to people. Then every joint is a detection of its type: a hit if it lies within half a head size of
the matched person's joint, else a false positive. All joints of unmatched poses are false positives. The average
precision of a joint type is the area under the whole precision-recall curve.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, Index, Mask, check_shape
from posepart.geometry.boxes import box_coverage, box_iou
from posepart.metrics.average_precision import Detections, average_precision
from posepart.metrics.people import (
    JOINT_GROUPS,
    UPPER_BODY_GROUPS,
    LabelledPeople,
    PredictedPeople,
    mean_defined,
)
from posepart.metrics.similarity import pose_box_iou, pose_boxes
from posepart.schema import NUM_JOINTS

Matching = Literal["pckh", "pose_box"]

HIT_DISTANCE = 0.5  # of the head size: DeepCut, MPII multi-person, PoseTrack
OVERLAP = 0.5  # least overlap of an ignored pose with a person or region that cannot be judged


def _normalised_distances(predicted: PredictedPeople, truth: LabelledPeople, sizes: NDArray) -> Float64:
    """(M, N, 14) distances in head sizes; inf where a joint is absent or not labelled."""
    distances = np.linalg.norm(predicted.xy[:, None] - truth.xy[None], axis=-1)
    compared = predicted.present[:, None] & truth.labelled[None]
    return np.where(compared, distances / sizes[None, :, None], np.inf)


def _mutual_best(agreement: NDArray, tie_break: NDArray) -> Index:
    """Match each prediction to its best person, then each person to its best prediction.

    Parameters
    ----------
    agreement : (M, N)
        An agreement of 0 is no match.
    tie_break : (M, N)
        Decides between equal agreements, higher first.

    Returns
    -------
    (M,) int64
        Index of the person, or -1.
    """
    matches = np.full(len(agreement), -1, dtype=np.int64)
    if not agreement.size:
        return matches
    best = np.where(agreement == agreement.max(axis=1, keepdims=True), tie_break, -np.inf).argmax(axis=1)
    for person in np.unique(best):
        rivals = np.flatnonzero(best == person)
        strength = agreement[rivals, person]
        winner = rivals[np.lexsort((-tie_break[rivals, person], -strength))[0]]
        if strength.max() > 0:
            matches[winner] = person
    return matches


def match_poses_to_people(
    predicted: PredictedPeople, truth: LabelledPeople, sizes: NDArray, matching: Matching = "pckh"
) -> Index:
    """Find the person with whom each pose is compared.

    Parameters
    ----------
    predicted : PredictedPeople
        M poses.
    truth : LabelledPeople
        N people.
    sizes : (N,), px
        Head sizes, as in `judge_joints`.
    matching : {"pckh", "pose_box"}
        A person's pose is the one that hits the largest share of the person's labelled joints ("pckh": DeepCut,
        MPII, poseval), or the one whose pose box overlaps most ("pose_box": Xia et al.).

    Returns
    -------
    (M,) int64
        Index of the person, or -1.
    """
    distances = _normalised_distances(predicted, truth, sizes)
    hits = distances <= HIT_DISTANCE
    share = hits.sum(axis=2) / np.maximum(truth.labelled.sum(axis=1), 1)[None]
    closeness = -np.where(hits, distances, HIT_DISTANCE).mean(axis=2)
    if matching == "pckh":
        return _mutual_best(share, closeness)
    return _mutual_best(pose_box_iou(predicted, truth), share)


def judge_joints(
    predicted: PredictedPeople,
    truth: LabelledPeople,
    sizes: NDArray,
    matching: Matching = "pckh",
    ignore_regions: NDArray | None = None,
) -> Detections:
    """Judge the joints of one photo.

    Parameters
    ----------
    predicted : PredictedPeople
    truth : LabelledPeople
        N people.
    sizes : (N,), px
        Head sizes, such as `pck.head_lengths`. People whose size is nan or 0 cannot be judged: their joints are not
        counted, and poses that match nobody else and overlap their box or pose box are ignored.
    matching : {"pckh", "pose_box"}
        See `match_poses_to_people`.
    ignore_regions : (R, 4) xyxy, optional
        Poses that match nobody and of which the greater part lies in one are ignored.

    Returns
    -------
    Detections
        Its kinds are the joint types; it has one threshold.
    """
    check_shape("sizes", sizes, (len(truth),))
    measurable = np.isfinite(sizes) & (sizes > 0)
    counted, uncounted = truth.select(measurable), truth.select(~measurable)
    order = np.argsort(-predicted.pose_scores, kind="stable")
    predicted = predicted.select(order)
    matches = match_poses_to_people(predicted, counted, sizes[measurable], matching)
    distances = _normalised_distances(predicted, counted, sizes[measurable])
    padded = np.concatenate([distances, np.full((len(predicted), 1, NUM_JOINTS), np.inf)], axis=1)
    hits = padded[np.arange(len(predicted)), matches] <= HIT_DISTANCE
    ignored = _on_uncounted(predicted, uncounted, ignore_regions) & (matches < 0)
    rows, kinds = np.nonzero(predicted.present)
    return Detections(
        predicted.joint_scores[rows, kinds],
        kinds.astype(np.int64),
        np.zeros(len(rows), dtype=np.int64),
        hits[rows, kinds][None],
        ignored[rows][None],
        counted.labelled.sum(axis=0)[None].astype(np.int64),
    )


def _on_uncounted(
    predicted: PredictedPeople, uncounted: LabelledPeople, ignore_regions: NDArray | None
) -> Mask:
    """(M,) bool: poses that lie on people or in regions that cannot be judged."""
    boxes = pose_boxes(predicted.xy, predicted.present)
    overlaps = [pose_box_iou(predicted, uncounted), box_iou(boxes, uncounted.boxes)]
    if ignore_regions is not None:
        overlaps.append(box_coverage(boxes, ignore_regions))
    return np.asarray((np.concatenate(overlaps, axis=1) >= OVERLAP).any(axis=1))


@dataclass(frozen=True)
class PoseAveragePrecision:
    """A row of Table 1, in [0, 1]."""

    joints: Float64  # (14,)
    groups: dict[str, float]  # the seven columns
    upper_body: float  # the mean of head, shoulder, elbow and wrist
    total: float  # mAP, the mean of the seven groups


def table_1_row(joints: NDArray) -> PoseAveragePrecision:
    """Group the values of 14 joints as the paper does; means leave out values that are nan."""
    groups = {name: mean_defined(joints[list(members)]) for name, members in JOINT_GROUPS.items()}
    upper = mean_defined(np.array([groups[name] for name in UPPER_BODY_GROUPS]))
    return PoseAveragePrecision(joints, groups, upper, mean_defined(np.array(list(groups.values()))))


def pose_average_precision(detections: Detections, weights: NDArray | None = None) -> PoseAveragePrecision:
    """Mean average precision of the judged joints of I photos, each counted `weights` (I,) times."""
    return table_1_row(average_precision(detections, weights)[0])
