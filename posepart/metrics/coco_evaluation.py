"""COCO's evaluation for any set of joints, and of boxes: the numbers of pycocotools, to the last digit that counts.

It follows the published rules to the letter, also where they are arguable: joints that a result lacks are compared
at the place that it gives for them, and equal scores stay in the order of the file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from posepart.arrays import Float64, Index, Mask, check_shape
from posepart.metrics.coco_matching import COCO_THRESHOLDS

Kind = Literal["keypoints", "bbox"]

_RECALLS: Float64 = np.linspace(0.0, 1.0, 101)
_SMALL, _MEDIUM, _ALL = 32.0**2, 96.0**2, 1e10  # px^2
_AREAS: dict[str, tuple[float, float]] = {
    "all": (0.0, _ALL),
    "small": (0.0, _SMALL),
    "medium": (_SMALL, _MEDIUM),
    "large": (_MEDIUM, _ALL),
}
_MOST = {"keypoints": 20, "bbox": 100}  # results per photo that count
_TINY = float(np.spacing(1))


@dataclass(frozen=True)
class PhotoToEvaluate:
    """The labels and results of one photo, in the order of their files."""

    boxes: Float64  # (N, 4) x, y, width, height of the labels
    areas: Float64  # (N,) px^2
    crowds: Mask  # (N,)
    joints: Float64  # (N, J, 3) x, y, visibility
    found_boxes: Float64  # (M, 4) x, y, width, height
    found_areas: Float64  # (M,) px^2
    found_joints: Float64  # (M, J, 2) x, y
    scores: Float64  # (M,)

    def __post_init__(self) -> None:
        n, m = len(self.boxes), len(self.scores)
        check_shape("PhotoToEvaluate.boxes", self.boxes, (n, 4))
        check_shape("PhotoToEvaluate.joints", self.joints, (n, None, 3))
        check_shape("PhotoToEvaluate.found_boxes", self.found_boxes, (m, 4))
        check_shape("PhotoToEvaluate.found_joints", self.found_joints, (m, self.joints.shape[1], 2))


def coco_evaluation(photos: Sequence[PhotoToEvaluate], kind: Kind, sigmas: Float64) -> dict[str, float]:
    """COCO's summary.

    Parameters
    ----------
    photos : sequence of PhotoToEvaluate
        In the order of their ids.
    kind : {"keypoints", "bbox"}
    sigmas : (J,) float64
        Of OKS; not needed for boxes.

    Returns
    -------
    dict of str to float
        AP, AP50, AP75, AP by size, AR and so on in [0, 1]; -1 where there is nothing to find, as pycocotools has it.
    """
    ordered = [np.argsort(-photo.scores, kind="mergesort")[: _MOST[kind]] for photo in photos]
    similarities = [
        _similarity(photo, order, kind, sigmas) for photo, order in zip(photos, ordered, strict=True)
    ]
    sizes = ("all", "medium", "large") if kind == "keypoints" else tuple(_AREAS)
    curves = {}
    for size in sizes:
        judged = [
            _judge(photo, order, similarity, _AREAS[size], kind)
            for photo, order, similarity in zip(photos, ordered, similarities, strict=True)
        ]
        for most in (_MOST[kind],) if size != "all" or kind == "keypoints" else (1, 10, _MOST[kind]):
            curves[size, most] = _curve(judged, most)
    precision, recall = curves["all", _MOST[kind]]
    at50, at75 = 0, 5  # places of 0.5 and 0.75 among the thresholds
    found = {"AP": _mean(precision), "AP50": _mean(precision[at50]), "AP75": _mean(precision[at75])}
    found |= {f"AP {size}": _mean(curves[size, _MOST[kind]][0]) for size in sizes[1:]}
    if kind == "bbox":
        found |= {f"AR {most}": _mean(curves["all", most][1]) for most in (1, 10)}
    found["AR"] = _mean(recall)
    if kind == "keypoints":
        found |= {"AR50": _mean(recall[at50]), "AR75": _mean(recall[at75])}
    return found | {f"AR {size}": _mean(curves[size, _MOST[kind]][1]) for size in sizes[1:]}


def _mean(values: Float64) -> float:
    defined = np.atleast_1d(values)[np.atleast_1d(values) > -1]
    return float(defined.mean()) if defined.size else -1.0


def _similarity(photo: PhotoToEvaluate, order: Index, kind: Kind, sigmas: Float64) -> Float64:
    """(M, N) OKS or IoU of the results in order to the labels."""
    if kind == "bbox":
        return _box_iou(photo.found_boxes[order], photo.boxes, photo.crowds)
    variances = (2 * np.asarray(sigmas)) ** 2
    result = np.zeros((len(order), len(photo.boxes)))
    found = photo.found_joints[order]
    for n, (x, y, width, height) in enumerate(photo.boxes):
        labelled = photo.joints[n, :, 2] > 0
        low, high = np.array([x - width, y - height]), np.array([x + 2 * width, y + 2 * height])
        if labelled.any():
            away = (found - photo.joints[n, :, :2])[:, labelled]
        else:
            away = np.maximum(low - found, 0) + np.maximum(found - high, 0)
        scale = (variances[labelled] if labelled.any() else variances) * (photo.areas[n] + _TINY) * 2
        result[:, n] = np.exp(-(away**2).sum(axis=-1) / scale).mean(axis=1)
    return result


def _box_iou(found: Float64, labelled: Float64, crowds: Mask) -> Float64:
    """(M, N) IoU of boxes given by corner and size; for a crowd, the share of the result that lies in it."""
    low = np.maximum(found[:, None, :2], labelled[None, :, :2])
    high = np.minimum(found[:, None, :2] + found[:, None, 2:], labelled[None, :, :2] + labelled[None, :, 2:])
    inter = np.clip(high - low, 0, None).prod(axis=-1)
    own = found[:, 2:].prod(axis=-1)[:, None]
    union = np.where(crowds[None], own, own + labelled[:, 2:].prod(axis=-1)[None] - inter)
    return np.divide(inter, union, out=np.zeros_like(inter), where=inter > 0)


@dataclass(frozen=True)
class _Judged:
    scores: Float64  # (M,)
    hits: Mask  # (T, M)
    ignored: Mask  # (T, M)
    positives: int


def _judge(
    photo: PhotoToEvaluate, order: Index, similarity: Float64, area: tuple[float, float], kind: Kind
) -> _Judged:
    ignore = photo.crowds | (photo.areas < area[0]) | (photo.areas > area[1])
    if kind == "keypoints":
        ignore = ignore | ~(photo.joints[:, :, 2] > 0).any(axis=1)
    by_ignore = np.argsort(ignore, kind="mergesort")
    sorted_ignore, crowds, ious = ignore[by_ignore], photo.crowds[by_ignore], similarity[:, by_ignore]
    matches = np.full((len(COCO_THRESHOLDS), len(order)), -1)
    for row, threshold in zip(matches, COCO_THRESHOLDS, strict=True):
        taken = np.zeros(len(ignore), bool)
        for m in range(len(order)):
            row[m] = _best(ious[m], taken & ~crowds, sorted_ignore, min(threshold, 1 - 1e-10))
            if row[m] >= 0:
                taken[row[m]] = True
    matched = matches >= 0
    ignored = matched & np.append(sorted_ignore, False)[matches]
    outside = (photo.found_areas[order] < area[0]) | (photo.found_areas[order] > area[1])
    return _Judged(photo.scores[order], matched, ignored | (~matched & outside[None]), int((~ignore).sum()))


def _best(ious: Float64, closed: Mask, ignore: Mask, least: float) -> int:
    """The label of highest similarity, the last of equal ones; one that counts before any that is ignored."""
    for group in (~ignore, ignore):
        able = np.flatnonzero(group & ~closed & (ious >= least))
        if len(able):
            return int(able[len(able) - 1 - np.argmax(ious[able][::-1])])
    return -1


def _curve(judged: Sequence[_Judged], most: int) -> tuple[Float64, Float64]:
    """(T, R) precision at each recall, and (T,) the highest recall; -1 without anything to find."""
    count = len(COCO_THRESHOLDS)
    positives = sum(photo.positives for photo in judged)
    if not positives:
        return np.full((count, len(_RECALLS)), -1.0), np.full(count, -1.0)
    scores = np.concatenate([photo.scores[:most] for photo in judged])
    order = np.argsort(-scores, kind="mergesort")
    hits = np.concatenate([photo.hits[:, :most] for photo in judged], axis=1)[:, order]
    ignored = np.concatenate([photo.ignored[:, :most] for photo in judged], axis=1)[:, order]
    true = np.cumsum(hits & ~ignored, axis=1).astype(np.float64)
    false = np.cumsum(~hits & ~ignored, axis=1).astype(np.float64)
    recall = true / positives
    precision = true / (true + false + _TINY)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    padded = np.pad(envelope, ((0, 0), (0, 1)))
    places = [np.searchsorted(row, _RECALLS, side="left") for row in recall]
    curves = np.array([row[place] for row, place in zip(padded, places, strict=True)])
    return curves, recall[:, -1] if recall.shape[1] else np.zeros(count)
