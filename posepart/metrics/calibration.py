"""Reliability of scores: whether a score of 0.8 is right 80 % of the time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, Mask, check_shape


@dataclass(frozen=True)
class Reliability:
    """Scores against outcomes in B bins of equal width over [0, 1]."""

    edges: Float64  # (B + 1,)
    count: Float64  # (B,) samples, weighted
    score: Float64  # (B,) mean score, nan in an empty bin
    accuracy: Float64  # (B,) share of right samples, nan in an empty bin


def reliability(scores: NDArray, right: Mask, bins: int = 15, weights: NDArray | None = None) -> Reliability:
    """Bin scores and outcomes.

    Parameters
    ----------
    scores : (N,) in [0, 1]
    right : (N,) bool
    bins : int
    weights : (N,), optional
        How often each sample counts; once by default.

    Raises
    ------
    ValueError
        A score is outside [0, 1], or the lengths differ.
    """
    scores = np.asarray(scores, dtype=np.float64)
    check_shape("right", np.asarray(right), scores.shape)
    if len(scores) and not (scores.min() >= 0 and scores.max() <= 1):
        raise ValueError(f"scores: expected probabilities in [0, 1], got {scores.min():g}..{scores.max():g}")
    sample_weights = np.ones(len(scores)) if weights is None else np.asarray(weights, dtype=np.float64)
    index = np.minimum((scores * bins).astype(np.int64), bins - 1)
    count, score, accuracy = (
        np.bincount(index, weights=sample_weights * values, minlength=bins).astype(np.float64)
        for values in (np.ones(len(scores)), scores, np.asarray(right, dtype=np.float64))
    )
    empty = np.full(bins, np.nan)
    return Reliability(
        np.linspace(0, 1, bins + 1),
        count,
        np.divide(score, count, out=empty.copy(), where=count > 0),
        np.divide(accuracy, count, out=empty, where=count > 0),
    )


def expected_calibration_error(
    scores: NDArray, right: Mask, bins: int = 15, weights: NDArray | None = None
) -> float:
    """Expected calibration error: the mean gap between score and accuracy over the bins, weighted by their counts.

    Parameters as in `reliability`; nan without samples.
    """
    curve = reliability(scores, right, bins, weights)
    filled = curve.count > 0
    if not filled.any():
        return float("nan")
    gaps = np.abs(curve.score - curve.accuracy)[filled]
    return float(np.average(gaps, weights=curve.count[filled]))
