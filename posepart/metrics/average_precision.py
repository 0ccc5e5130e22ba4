"""Scored detections pooled over photos, and the area under their precision-recall curve."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, Index, Mask, check_shape
from posepart.metrics.bootstrap import weights_or_ones

Interpolation = Literal["all_points", "coco"]

COCO_RECALLS: Float64 = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True)
class Detections:
    """Judged detections of K kinds (joints, parts) in I photos."""

    scores: Float64  # (D,)
    kinds: Index  # (D,) in 0..K-1, what was detected
    images: Index  # (D,) in 0..I-1
    hits: Mask  # (T, D), one row per threshold
    ignored: Mask  # (T, D), detections that count neither way
    positives: Index  # (I, K), number of ground truths

    def __post_init__(self) -> None:
        count = len(self.scores)
        check_shape("Detections.scores", self.scores, (None,))
        check_shape("Detections.kinds", self.kinds, (count,))
        check_shape("Detections.images", self.images, (count,))
        check_shape("Detections.hits", self.hits, (None, count))
        check_shape("Detections.ignored", self.ignored, self.hits.shape)
        check_shape("Detections.positives", self.positives, (None, None))

    @classmethod
    def empty(cls, kinds: int = 1, thresholds: int = 1, images: int = 0) -> "Detections":
        """`images` photos without detections and without ground truth."""
        index, judged = np.zeros(0, np.int64), np.zeros((thresholds, 0), bool)
        return cls(np.zeros(0), index, index, judged, judged, np.zeros((images, kinds), np.int64))


def merge_detections(photos: Sequence[Detections]) -> Detections:
    """Join the detections of several sets of photos, whose numbers continue."""
    if not photos:
        return Detections.empty()
    first = np.cumsum([0] + [len(p.positives) for p in photos[:-1]])
    return Detections(
        np.concatenate([p.scores for p in photos]),
        np.concatenate([p.kinds for p in photos]),
        np.concatenate([p.images + f for p, f in zip(photos, first, strict=True)]).astype(np.int64),
        np.concatenate([p.hits for p in photos], axis=1),
        np.concatenate([p.ignored for p in photos], axis=1),
        np.concatenate([p.positives for p in photos]),
    )


def at_threshold(detections: Detections, threshold: int) -> Detections:
    """Keep the judgement at one of the thresholds, given by its index."""
    rows = slice(threshold, threshold + 1)
    return replace(detections, hits=detections.hits[rows], ignored=detections.ignored[rows])


@dataclass(frozen=True)
class PrecisionRecall:
    """Curves of one kind at T thresholds: one point for each distinct score, from the highest down."""

    precision: Float64  # (T, P)
    recall: Float64  # (T, P)
    scores: Float64  # (P,)


def precision_recall(
    detections: Detections, kind: int = 0, weights: NDArray | None = None
) -> PrecisionRecall:
    """Compute the curves of one kind. Detections of equal score enter together, so their order never matters.

    Parameters
    ----------
    detections : Detections
    kind : int
        One of `Detections.kinds`.
    weights : (I,), optional
        How often each photo counts; once by default.
    """
    photo_weights = weights_or_ones(weights, len(detections.positives))
    positives = float(photo_weights @ detections.positives[:, kind])
    chosen = np.flatnonzero(detections.kinds == kind)
    chosen = chosen[np.argsort(-detections.scores[chosen], kind="stable")]
    scores = detections.scores[chosen]
    counts = photo_weights[detections.images[chosen]] * ~detections.ignored[:, chosen]
    last_of_ties = np.flatnonzero(np.append(scores[1:] != scores[:-1], True)[: len(scores)])
    true = np.cumsum(counts * detections.hits[:, chosen], axis=1)[:, last_of_ties].astype(np.float64)
    total = np.cumsum(counts, axis=1)[:, last_of_ties]
    precision = np.divide(true, total, out=np.zeros_like(true), where=total > 0)
    recall = true / positives if positives else np.full_like(true, np.nan)
    return PrecisionRecall(precision, recall, scores[last_of_ties])


def interpolated_precision(curves: PrecisionRecall) -> Float64:
    """(T, P) the highest precision at each point's recall or a higher one: the curve whose area is measured."""
    return np.maximum.accumulate(curves.precision[:, ::-1], axis=1)[:, ::-1]


def area_under_curves(curves: PrecisionRecall, interpolation: Interpolation = "all_points") -> Float64:
    """(T,) average precision, over every step of recall (PASCAL VOC 2010+, poseval) or at 101 recalls (COCO)."""
    envelope = interpolated_precision(curves)
    if interpolation == "all_points":
        return np.sum(np.diff(curves.recall, axis=1, prepend=0.0) * envelope, axis=1)
    padded = np.pad(envelope, ((0, 0), (0, 1)))
    first = [np.searchsorted(recall, COCO_RECALLS, side="left") for recall in curves.recall]
    return np.array([row[f].mean() for row, f in zip(padded, first, strict=True)])


def average_precision(
    detections: Detections, weights: NDArray | None = None, interpolation: Interpolation = "all_points"
) -> Float64:
    """Average precision for each threshold and kind.

    Parameters
    ----------
    detections : Detections
    weights : (I,), optional
        How often each photo counts; once by default.
    interpolation : {"all_points", "coco"}
        See `area_under_curves`.

    Returns
    -------
    (T, K) float64 in [0, 1]
        nan for a kind without ground truth, 0 for one that was never found.
    """
    kinds = detections.positives.shape[1]
    photo_weights = weights_or_ones(weights, len(detections.positives))
    result = np.full((len(detections.hits), kinds), np.nan)
    for kind in np.flatnonzero(photo_weights @ detections.positives > 0):
        curves = precision_recall(detections, int(kind), photo_weights)
        result[:, kind] = area_under_curves(curves, interpolation)
    return result


@dataclass(frozen=True)
class OperatingPoint:
    """What a user sees when all detections at or above one score are shown; nan where undefined."""

    recall: float
    precision: float
    false_per_photo: float  # false detections per photo


def operating_point(
    detections: Detections, score: float = -np.inf, weights: NDArray | None = None, threshold: int = 0
) -> OperatingPoint:
    """Compute the operating point of all kinds together.

    Parameters
    ----------
    detections : Detections
    score : float
        The least score of what is shown; all by default.
    weights : (I,), optional
        How often each photo counts; once by default.
    threshold : int
        Index of one of the thresholds.
    """
    photo_weights = weights_or_ones(weights, len(detections.positives))
    counts = photo_weights[detections.images] * (
        ~detections.ignored[threshold] & (detections.scores >= score)
    )
    true = float(counts @ detections.hits[threshold])
    false = float(counts.sum()) - true
    positives = float((photo_weights @ detections.positives).sum())
    photos = float(photo_weights.sum())
    return OperatingPoint(
        true / positives if positives else np.nan,
        true / (true + false) if true + false else np.nan,
        false / photos if photos else np.nan,
    )
