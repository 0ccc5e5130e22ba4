"""Scored detections pooled over photos, and the area under their precision-recall curve."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, Mask, check_shape

Interpolation = Literal["all_points", "coco"]

COCO_RECALLS: Float64 = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True)
class Detections:
    """Detections of I photos, judged.

    scores: (D,) float64. kinds: (D,) int64 in 0..K-1, what was detected (a joint, a part). images: (D,) int64
    in 0..I-1. hits, ignored: (T, D) bool, one row per threshold; an ignored detection counts neither way.
    positives: (I, K) int64, ground truths.
    """

    scores: Float64
    kinds: NDArray[np.int64]
    images: NDArray[np.int64]
    hits: Mask
    ignored: Mask
    positives: NDArray[np.int64]

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
        """No detections in `images` photos without ground truth."""
        index, judged = np.zeros(0, np.int64), np.zeros((thresholds, 0), bool)
        return cls(np.zeros(0), index, index, judged, judged, np.zeros((images, kinds), np.int64))


def merge_detections(photos: Sequence[Detections]) -> Detections:
    """The detections of several sets of photos as one; the photos are numbered on."""
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
    """The detections as judged at one of their thresholds."""
    rows = slice(threshold, threshold + 1)
    return replace(detections, hits=detections.hits[rows], ignored=detections.ignored[rows])


@dataclass(frozen=True)
class PrecisionRecall:
    """Curves of one kind at T thresholds: one point per distinct score, from the highest down.

    precision, recall: (T, P) float64. scores: (P,) float64.
    """

    precision: Float64
    recall: Float64
    scores: Float64


def precision_recall(
    detections: Detections, kind: int = 0, weights: NDArray | None = None
) -> PrecisionRecall:
    """The curves of one kind. Detections of equal score enter together, so their order never matters.

    Parameters
    ----------
    kind : one of `Detections.kinds`.
    weights : (I,) how often each photo counts (a bootstrap sample); by default once.
    """
    photo_weights = np.ones(len(detections.positives)) if weights is None else np.asarray(weights)
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
    """(T, P) the highest precision at each point's recall or at a higher one: what the area is taken under."""
    return np.maximum.accumulate(curves.precision[:, ::-1], axis=1)[:, ::-1]


def area_under_curves(curves: PrecisionRecall, interpolation: Interpolation = "all_points") -> Float64:
    """(T,) average precision: of every recall step (PASCAL VOC 2010+, poseval), or at 101 recalls (COCO)."""
    envelope = interpolated_precision(curves)
    if interpolation == "all_points":
        return np.sum(np.diff(curves.recall, axis=1, prepend=0.0) * envelope, axis=1)
    padded = np.pad(envelope, ((0, 0), (0, 1)))
    first = [np.searchsorted(recall, COCO_RECALLS, side="left") for recall in curves.recall]
    return np.array([row[f].mean() for row, f in zip(padded, first, strict=True)])


def average_precision(
    detections: Detections, weights: NDArray | None = None, interpolation: Interpolation = "all_points"
) -> Float64:
    """Average precision per threshold and kind.

    Returns
    -------
    (T, K) float64 in [0, 1]; nan for a kind without ground truth, 0 where nothing of it was found.
    """
    kinds = detections.positives.shape[1]
    photo_weights = np.ones(len(detections.positives)) if weights is None else np.asarray(weights)
    result = np.full((len(detections.hits), kinds), np.nan)
    for kind in np.flatnonzero(photo_weights @ detections.positives > 0):
        curves = precision_recall(detections, int(kind), photo_weights)
        result[:, kind] = area_under_curves(curves, interpolation)
    return result


@dataclass(frozen=True)
class OperatingPoint:
    """What a user sees when everything at or above one score is shown."""

    recall: float
    precision: float
    false_per_photo: float


def operating_point(
    detections: Detections, score: float = -np.inf, weights: NDArray | None = None, threshold: int = 0
) -> OperatingPoint:
    """Recall, precision and false detections per photo, all kinds together; nan where nothing is defined."""
    photo_weights = np.ones(len(detections.positives)) if weights is None else np.asarray(weights)
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
