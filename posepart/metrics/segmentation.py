"""Pooled part segmentation scores from one confusion matrix, whole photos or by person size (Tables 3, 4)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, check_shape
from posepart.geometry.boxes import box_areas
from posepart.metrics.people import mean_defined
from posepart.schema import IGNORE, NUM_PARTS

SIZE_NAMES = ("XS", "S", "M", "L")
SIZE_EDGES = (80.0, 140.0, 220.0)  # px, square root of the person's box area (as HAZN; unverified)


def confusion_matrix(truth: NDArray, predicted: NDArray, classes: int = NUM_PARTS) -> NDArray[np.int64]:
    """Count pixels by true and predicted class.

    Parameters
    ----------
    truth : (H, W) ids below `classes`, or `schema.IGNORE`, whose pixels do not count.
    predicted : (H, W) ids below `classes`.

    Returns
    -------
    (C, C) int64, rows are the truth.

    Raises
    ------
    ValueError: when the sizes differ (a label map is never resized here) or an id is out of range.
    """
    check_shape("predicted part map", predicted, truth.shape)
    counted = truth != IGNORE
    rows, columns = truth[counted].astype(np.int64), predicted[counted].astype(np.int64)
    for name, ids in (("true", rows), ("predicted", columns)):
        if len(ids) and not 0 <= ids.min() <= ids.max() < classes:
            raise ValueError(
                f"{name} part map: expected ids 0..{classes - 1}, got {ids.min()}..{ids.max()}: "
                "convert the labels to this schema first"
            )
    return np.bincount(rows * classes + columns, minlength=classes**2).reshape(classes, classes)


@dataclass(frozen=True)
class SegmentationScores:
    """Scores in [0, 1]; nan where nothing is defined.

    iou: (C,) per class, nan for a class that is neither labelled nor predicted. miou: their mean, background
    included. pixel_accuracy: share of right pixels. mean_accuracy: mean recall of the labelled classes.
    """

    iou: Float64
    miou: float
    pixel_accuracy: float
    mean_accuracy: float


def segmentation_scores(confusion: NDArray) -> SegmentationScores:
    """Scores of one pooled (C, C) confusion matrix, rows the truth."""
    counts = np.asarray(confusion, dtype=np.float64)
    right, labelled, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    undefined = np.full(len(counts), np.nan)
    union = labelled + predicted - right
    iou = np.divide(right, union, out=undefined.copy(), where=union > 0)
    recall = np.divide(right, labelled, out=undefined, where=labelled > 0)
    pixels = counts.sum()
    accuracy = float(right.sum() / pixels) if pixels else float("nan")
    return SegmentationScores(iou, mean_defined(iou), accuracy, mean_defined(recall))


def pooled_scores(confusions: NDArray, weights: NDArray | None = None) -> SegmentationScores:
    """Scores of (I, C, C) confusion matrices of I photos, pooled, each photo counted `weights` times."""
    check_shape("confusions", confusions, (None, None, None))
    photo_weights = np.ones(len(confusions)) if weights is None else np.asarray(weights)
    return segmentation_scores(np.tensordot(photo_weights, confusions, axes=1))


def size_bucket(boxes: NDArray, edges: tuple[float, ...] = SIZE_EDGES) -> NDArray[np.int64]:
    """(N,) bucket of (N, 4) xyxy boxes by the square root of the area; an edge belongs to the smaller one."""
    return np.searchsorted(np.array(edges), np.sqrt(box_areas(boxes)), side="left").astype(np.int64)


def confusion_by_size(
    truth: NDArray,
    predicted: NDArray,
    boxes: NDArray,
    people: NDArray | None = None,
    instances: NDArray | None = None,
    edges: tuple[float, ...] = SIZE_EDGES,
    classes: int = NUM_PARTS,
) -> NDArray[np.int64]:
    """Confusion matrices of one photo by the size of the person.

    A person's pixels are those of the own box, less the pixels of other people where `instances` tells them.

    Parameters
    ----------
    truth, predicted : (H, W) part maps as for `confusion_matrix`.
    boxes : (N, 4) xyxy.
    people : (H, W) person values, 0 for nobody. instances : (N,) the value of each person. Both or neither.
    edges : upper edges of all buckets but the last, px.

    Returns
    -------
    (len(edges) + 1, C, C) int64.
    """
    result = np.zeros((len(edges) + 1, classes, classes), dtype=np.int64)
    height, width = truth.shape
    for index, (box, bucket) in enumerate(zip(boxes, size_bucket(boxes, edges), strict=True)):
        x0, y0 = (int(v) for v in np.clip(np.ceil(box[:2]), 0, [width, height]))
        x1, y1 = (int(v) for v in np.clip(np.floor(box[2:]) + 1, 0, [width, height]))
        region = truth[y0:y1, x0:x1]
        if people is not None and instances is not None:
            values = people[y0:y1, x0:x1]
            region = np.where((values == 0) | (values == instances[index]), region, IGNORE)
        result[bucket] += confusion_matrix(region, predicted[y0:y1, x0:x1], classes)
    return result
