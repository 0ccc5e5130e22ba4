"""COCO's matching of detections to ground truths, and the two scores that build on it: box AP and OKS-AP."""

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, Index, Mask
from posepart.geometry.boxes import box_coverage, box_iou
from posepart.metrics.average_precision import Detections, average_precision
from posepart.metrics.people import LabelledPeople, PredictedPeople, mean_defined
from posepart.metrics.similarity import object_keypoint_similarity
from posepart.schema import LIMB_JOINTS, Joint

COCO_THRESHOLDS: Float64 = np.linspace(0.5, 0.95, 10)
MAX_BOXES = 100  # boxes per photo that count, as in COCO's detection task
MAX_POSES = 20  # poses per photo that count, as in COCO's keypoint task


def match_detections(
    similarity: NDArray,
    scores: NDArray,
    ignored: Mask,
    repeatable: Mask,
    thresholds: NDArray,
) -> Index:
    """Match greedily in the order of scores, each ground truth once.

    Parameters
    ----------
    similarity : (M, N)
        Of detections to ground truths.
    scores : (M,)
    ignored : (N,) bool
        Ground truths that count neither way.
    repeatable : (N,) bool
        Ground truths that may be matched several times.
    thresholds : (T,)
        The least similarity of a match.

    Returns
    -------
    (T, M) int64
        Index of the ground truth, or -1. A ground truth that counts is preferred to an ignored one. Detections of
        equal score are matched in the order of their best similarity, so that their order never matters.
    """
    matches = np.full((len(thresholds), len(scores)), -1, dtype=np.int64)
    if not similarity.size:
        return matches
    order = np.lexsort((-similarity.max(axis=1), -np.asarray(scores)))
    for row, threshold in zip(matches, thresholds, strict=True):
        least = min(threshold, 1 - 1e-10)
        free = np.ones(similarity.shape[1], dtype=bool)
        for detection in order:
            near = (similarity[detection] >= least) & free
            near = near & ~ignored if (near & ~ignored).any() else near
            if near.any():
                row[detection] = best = int(np.argmax(np.where(near, similarity[detection], -np.inf)))
                free[best] = bool(repeatable[best])
    return matches


def _judge(
    similarity: NDArray, scores: NDArray, ignored: Mask, repeatable: Mask, thresholds: NDArray
) -> Detections:
    matches = match_detections(similarity, scores, ignored, repeatable, thresholds)
    on_ignored = (matches >= 0) & np.append(ignored, False)[matches]
    zeros = np.zeros(len(scores), dtype=np.int64)
    positives = np.array([[int((~ignored).sum())]], dtype=np.int64)
    hits = (matches >= 0) & ~on_ignored
    return Detections(np.asarray(scores, np.float64), zeros, zeros, hits, on_ignored, positives)


def _best(scores: NDArray, at_most: int) -> Index:
    return np.argsort(-np.asarray(scores), kind="stable")[:at_most]


def match_boxes(
    predicted: NDArray,
    scores: NDArray,
    truth: NDArray,
    ignore_regions: NDArray,
    thresholds: NDArray = COCO_THRESHOLDS,
) -> Detections:
    """Judge the person boxes of one photo.

    Parameters
    ----------
    predicted : (M, 4) xyxy
    scores : (M,)
    truth : (N, 4) xyxy
    ignore_regions : (R, 4) xyxy
        COCO's rule for crowds: a box that matches no person, and of which the threshold's share lies in a region,
        counts neither way.
    thresholds : (T,)
    """
    kept = _best(scores, MAX_BOXES)
    predicted, scores = predicted[kept], scores[kept]
    similarity = np.concatenate([box_iou(predicted, truth), box_coverage(predicted, ignore_regions)], axis=1)
    ignored = np.arange(similarity.shape[1]) >= len(truth)
    return _judge(similarity, scores, ignored, ignored, thresholds)


def match_poses(
    predicted: PredictedPeople,
    truth: LabelledPeople,
    joints: tuple[Joint, ...] = LIMB_JOINTS,
    counted: Mask | None = None,
    areas: NDArray | None = None,
    ignore_regions: NDArray | None = None,
    thresholds: NDArray = COCO_THRESHOLDS,
) -> Detections:
    """Judge the poses of one photo by OKS, ranked by `PredictedPeople.pose_scores`.

    Parameters
    ----------
    predicted : PredictedPeople
    truth : LabelledPeople
        N people.
    joints : tuple of Joint
        The joints that count.
    counted : (N,) bool, optional
        People that count. The others are ignored, and so are people without a labelled joint.
    areas : (N,), px^2, optional
        See `object_keypoint_similarity`.
    ignore_regions : (R, 4) xyxy, optional
        Poses inside one count neither way.
    thresholds : (T,)
    """
    predicted = predicted.select(_best(predicted.pose_scores, MAX_POSES))
    regions = np.zeros((0, 4)) if ignore_regions is None else np.asarray(ignore_regions, dtype=np.float64)
    unlabelled = ~truth.labelled[:, list(joints)].any(axis=1)
    ignored = unlabelled if counted is None else unlabelled | ~counted
    ignored = np.append(ignored, np.ones(len(regions), dtype=bool))
    repeatable = np.arange(len(ignored)) >= len(truth)
    similarity = np.concatenate(
        [
            object_keypoint_similarity(predicted, truth, joints, areas),
            object_keypoint_similarity(predicted, _regions_as_people(regions), joints),
        ],
        axis=1,
    )
    return _judge(similarity, predicted.pose_scores, ignored, repeatable, thresholds)


def _regions_as_people(regions: NDArray) -> LabelledPeople:
    joints = len(Joint)
    return LabelledPeople(
        np.zeros((len(regions), joints, 2)), np.zeros((len(regions), joints), dtype=bool), regions
    )


def coco_average_precision(detections: Detections, weights: NDArray | None = None) -> dict[str, float]:
    """COCO's AP (the mean over the thresholds), AP50 and AP75.

    Parameters
    ----------
    detections : Detections
        Judged at `COCO_THRESHOLDS`.
    weights : (I,), optional
        How often each photo counts; once by default.

    Returns
    -------
    dict of str to float
        "ap", "ap50" and "ap75" in [0, 1]; nan without ground truth.

    Raises
    ------
    ValueError
        The number of thresholds is another.
    """
    if len(detections.hits) != len(COCO_THRESHOLDS):
        raise ValueError(
            f"expected detections judged at the {len(COCO_THRESHOLDS)} COCO thresholds, "
            f"got {len(detections.hits)}: match with thresholds=COCO_THRESHOLDS"
        )
    per_threshold = average_precision(detections, weights, interpolation="coco")[:, 0]
    at = {round(float(t), 2): float(v) for t, v in zip(COCO_THRESHOLDS, per_threshold, strict=True)}
    return {"ap": mean_defined(per_threshold), "ap50": at[0.5], "ap75": at[0.75]}
