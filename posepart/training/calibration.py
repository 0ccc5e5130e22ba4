"""Fits maps from scores to probabilities, and measures them on photos to which they were not fitted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from posepart.geometry.boxes import box_iou
from posepart.metrics.bootstrap import Interval, bootstrap_interval
from posepart.metrics.calibration import expected_calibration_error
from posepart.metrics.coco_matching import match_poses
from posepart.metrics.collect import scored_joints
from posepart.metrics.judged import EXACT_ORIGINS, JudgedPhoto
from posepart.schema import LIMB_JOINTS
from posepart.stages.calibration import (
    RAW,
    SMALLEST,
    Calibration,
    IsotonicMap,
    PlattMap,
    ScoreMap,
    pose_unit_scores,
)

POSE_OKS = 0.5  # least OKS of a right pose
SAME_PERSON = 0.5  # least box IoU at which a pose is taken as one of a labelled person
_RAMP = 1e-3  # slope added to an isotonic map, so that distinct scores stay distinct


@dataclass(frozen=True)
class Outcomes:
    """Scores of joints or poses, and whether these are right."""

    photos: int  # how many
    images: NDArray[np.int64]  # (S,), in 0..photos-1
    scores: NDArray[np.float64]  # (S,), in [0, 1]
    right: NDArray[np.bool_]  # (S,)


def joint_outcomes(photos: Sequence[JudgedPhoto]) -> Outcomes:
    """Outcomes of the limb joints found; a joint is right within 0.2 torso diameters.

    Only people whose joints were labelled by a human, or are exact, count.
    """
    joints = scored_joints(photos)
    return Outcomes(joints.photos, joints.images, joints.scores, joints.right)


def pose_outcomes(photos: Sequence[JudgedPhoto]) -> Outcomes:
    """Outcomes of poses, on photos with people whose joints were labelled by a human or are exact.

    A pose is right if its OKS with a labelled person is at least 0.5. A pose that matches nobody is wrong if
    everybody in the photo is labelled, or if its box overlaps that of a person with labelled joints. Other poses are
    left out, as they may show a person without a label.
    """
    images, scores, right = [np.zeros(0, np.int64)], [np.zeros(0)], [np.zeros(0, bool)]
    chosen = [p for p in photos if p.people_from(*EXACT_ORIGINS).any()]
    for index, photo in enumerate(chosen):
        posed = photo.predicted.select(np.asarray(photo.predicted.present.any(axis=1)))
        order = np.argsort(-posed.pose_scores, kind="stable")
        posed = posed.select(order)
        exact = photo.people_from(*EXACT_ORIGINS) & photo.truth.labelled[:, list(LIMB_JOINTS)].any(axis=1)
        judged = match_poses(
            posed,
            photo.truth,
            counted=exact,
            ignore_regions=photo.ignore_boxes,
            thresholds=np.array([POSE_OKS]),
        )
        overlap = box_iou(posed.boxes, photo.truth.boxes[exact]).max(axis=1, initial=0)[: len(judged.scores)]
        known = judged.hits[0] | (photo.boxes_complete | (overlap >= SAME_PERSON)) & ~judged.ignored[0]
        images.append(np.full(int(known.sum()), index, dtype=np.int64))
        scores.append(pose_unit_scores(judged.scores[known]))
        right.append(judged.hits[0][known])
    return Outcomes(len(chosen), np.concatenate(images), np.concatenate(scores), np.concatenate(right))


def fit_platt(scores: NDArray, right: NDArray[np.bool_]) -> ScoreMap:
    """Logistic regression on the log-odds of the scores; the raw scores if higher ones are not right more often."""
    if len({*right.tolist()}) < 2:
        return RAW
    clipped = np.clip(np.asarray(scores, np.float64), SMALLEST, 1 - SMALLEST)
    model = LogisticRegression(C=10.0).fit(np.log(clipped / (1 - clipped))[:, None], right)
    slope, intercept = float(model.coef_[0, 0]), float(model.intercept_[0])
    return PlattMap(slope, intercept) if slope > 0 else RAW


def fit_isotonic(scores: NDArray, right: NDArray[np.bool_]) -> ScoreMap:
    """Isotonic regression with a small slope added, so that distinct scores stay distinct."""
    if len({*right.tolist()}) < 2:
        return RAW
    # a right and a wrong outcome at either end keep the map of a few samples from reaching 0 and 1
    padded = np.concatenate([[0, 0, 1, 1], np.asarray(scores, np.float64)])
    outcomes = np.concatenate([[0, 1, 0, 1], np.asarray(right, np.float64)])
    model = IsotonicRegression(y_min=0, y_max=1).fit(padded, outcomes)
    # the knots must differ in the single precision of weight files
    knots, first = np.unique(model.X_thresholds_.astype(np.float32), return_index=True)
    values = ((1 - _RAMP) * model.y_thresholds_[first] + _RAMP * knots).astype(np.float32)
    return IsotonicMap(knots.astype(np.float64), values.astype(np.float64))


def fit_none(scores: NDArray, right: NDArray[np.bool_]) -> ScoreMap:
    """The raw scores."""
    return RAW


FITS: dict[str, Callable[[NDArray, NDArray[np.bool_]], ScoreMap]] = {
    "raw": fit_none,
    "platt": fit_platt,
    "isotonic": fit_isotonic,
}


def cross_fitted(
    outcomes: Outcomes, method: str, folds: int = 5, repeats: int = 10, seed: int = 0
) -> NDArray[np.float64]:
    """Probabilities of outcomes, by maps that were fitted to other photos.

    Parameters
    ----------
    outcomes : Outcomes
        S outcomes.
    method : str
        A key of `FITS`.
    folds : int
        Number of parts into which each repeat divides the photos.
    repeats : int
        R.
    seed : int
        Of the divisions.

    Returns
    -------
    (R, S) float64
    """
    random = np.random.default_rng(seed)
    probabilities = np.zeros((repeats, len(outcomes.scores)))
    for row in probabilities:
        fold_of = random.permutation(outcomes.photos) % folds
        for fold in range(folds):
            held_out = fold_of[outcomes.images] == fold
            score_map = FITS[method](outcomes.scores[~held_out], outcomes.right[~held_out])
            row[held_out] = score_map(outcomes.scores[held_out])
    return probabilities


def fit_calibration(photos: Sequence[JudgedPhoto]) -> tuple[Calibration, dict[str, dict[str, Any]]]:
    """Fit maps of joint and pose scores, each by the method with the least cross-fitted error, raw scores included.

    Returns
    -------
    Calibration
    dict
        For "joint" and "pose": the method, how many scores there are, and the calibration error of the raw scores
        (`error_raw`) and of the maps (`error`). Without scores, they stay raw and there is no entry.
    """
    maps: dict[str, ScoreMap] = {"joint": RAW, "pose": RAW}
    report: dict[str, dict[str, Any]] = {}
    for name, outcomes in (("joint", joint_outcomes(photos)), ("pose", pose_outcomes(photos))):
        if not len(outcomes.scores):
            continue
        once = np.ones(outcomes.photos, np.int64)
        errors = {method: _error(outcomes, cross_fitted(outcomes, method), once) for method in FITS}
        method = min(errors, key=lambda known: errors[known])
        maps[name] = FITS[method](outcomes.scores, outcomes.right)
        report[name] = {
            "method": method,
            "samples": len(outcomes.scores),
            "error_raw": round(errors["raw"], 4),
            "error": round(errors[method], 4),
        }
    return Calibration(maps["joint"], maps["pose"]), report


def calibration_error(outcomes: Outcomes, probabilities: NDArray, replicates: int = 1000) -> Interval:
    """Expected calibration error of probabilities (S,) or (R, S), with its bootstrap interval over photos.

    With R repeats, it is the mean over them.
    """
    return bootstrap_interval(
        lambda weights: _error(outcomes, probabilities, weights), outcomes.photos, replicates
    )


def error_change(outcomes: Outcomes, before: NDArray, after: NDArray, replicates: int = 1000) -> Interval:
    """Paired difference of the calibration errors, after minus before; below 0 the map helps."""
    return bootstrap_interval(
        lambda weights: _error(outcomes, after, weights) - _error(outcomes, before, weights),
        outcomes.photos,
        replicates,
    )


def chance_error(outcomes: Outcomes, draws: int = 200, seed: int = 0) -> float:
    """The mean calibration error that chance alone causes if the scores are the true probabilities."""
    random = np.random.default_rng(seed)
    lucky = random.random((draws, len(outcomes.scores))) < outcomes.scores
    return float(np.mean([expected_calibration_error(outcomes.scores, right) for right in lucky]))


def _error(outcomes: Outcomes, probabilities: NDArray, weights: NDArray[np.int64]) -> float:
    counts = weights[outcomes.images]
    rows = np.atleast_2d(probabilities)
    return float(np.mean([expected_calibration_error(p, outcomes.right, weights=counts) for p in rows]))
