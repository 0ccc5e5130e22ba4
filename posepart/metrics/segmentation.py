"""Part segmentation scores from pooled confusion matrices, of whole photos or by person size (Tables 3, 4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, Index, check_shape
from posepart.geometry.boxes import box_areas
from posepart.metrics.bootstrap import weights_or_ones
from posepart.metrics.people import mean_defined
from posepart.schema import IGNORE, NUM_PARTS

SIZE_NAMES = ("XS", "S", "M", "L")
# px, square root of the box area; Xia et al. follow HAZN (2016) and print no limits, and these are not verified
SIZE_EDGES = (80.0, 140.0, 220.0)


def confusion_matrix(truth: NDArray, predicted: NDArray, classes: int = NUM_PARTS) -> Index:
    """Count pixels by true and predicted class.

    Parameters
    ----------
    truth : (H, W)
        Ids below `classes`, or `schema.IGNORE`, whose pixels do not count.
    predicted : (H, W)
        Ids below `classes`.
    classes : int
        C.

    Returns
    -------
    (C, C) int64
        The rows are the truth.

    Raises
    ------
    ValueError
        The sizes differ, as label maps are never resized here, or an id is out of range.
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
    """Scores in [0, 1]; nan where undefined."""

    iou: Float64  # (C,), nan for a class that is neither labelled nor predicted
    miou: float  # the mean of these, background included
    pixel_accuracy: float  # share of right pixels
    mean_accuracy: float  # mean recall of the labelled classes


def segmentation_scores(confusion: NDArray) -> SegmentationScores:
    """Score one pooled confusion matrix (C, C), whose rows are the truth."""
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
    """Score the pooled confusion matrices (I, C, C) of I photos, each counted `weights` (I,) times."""
    check_shape("confusions", confusions, (None, None, None))
    photo_weights = weights_or_ones(weights, len(confusions))
    return segmentation_scores(np.tensordot(photo_weights, confusions, axes=1))


def check_size_edges(edges: Sequence[float]) -> None:
    """Refuse what are not the three edges between the four sizes of people.

    Raises
    ------
    ValueError
        They are not three numbers above 0, rising.
    """
    if len(edges) != len(SIZE_NAMES) - 1 or not all(a < b for a, b in pairwise((0.0, *edges))):
        told = " ".join(f"{edge:g}" for edge in edges)
        raise ValueError(
            f"edges between sizes of people: expected three rising numbers above 0, such as 80 140 220, got {told}"
        )


def size_bucket(boxes: NDArray, edges: tuple[float, ...] = SIZE_EDGES) -> Index:
    """(N,) size buckets of (N, 4) xyxy boxes by the square root of the area; an edge is in the smaller bucket."""
    return np.searchsorted(np.array(edges), np.sqrt(box_areas(boxes)), side="left").astype(np.int64)


def confusion_by_size(
    truth: NDArray,
    predicted: NDArray,
    boxes: NDArray,
    people: NDArray | None = None,
    instances: NDArray | None = None,
    edges: tuple[float, ...] = SIZE_EDGES,
    classes: int = NUM_PARTS,
) -> Index:
    """Count pixels of one photo by true and predicted class and by the size of the person (Table 4).

    A person's pixels are those of its box, without the pixels of other people where these are known.

    Parameters
    ----------
    truth, predicted : (H, W)
        Part maps, as in `confusion_matrix`.
    boxes : (N, 4) xyxy
    people : (H, W), optional
        Person values, 0 for nobody; together with `instances`.
    instances : (N,), optional
        The value of each person.
    edges : tuple of float, px
        Upper edges of all size buckets but the last.
    classes : int
        C.

    Returns
    -------
    (len(edges) + 1, C, C) int64
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
