"""Similarity of people: overlap of pose boxes, and object keypoint similarity (OKS).

The rows of a matrix are predictions, its columns ground truths.
"""

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, Mask
from posepart.geometry.boxes import box_areas, box_iou
from posepart.metrics.people import LabelledPeople, PredictedPeople
from posepart.schema import OKS_SIGMAS, Joint

# CrowdPose's convention: the share of a box that its person covers, for the area in OKS where no mask is known.
BODY_SHARE_OF_BOX = 0.53


def pose_boxes(xy: NDArray, present: Mask) -> Float64:
    """Boxes around the present joints.

    A joint covers its pixel, so the box reaches half a pixel beyond the outermost centres, and a pose of one joint
    still overlaps itself.

    Parameters
    ----------
    xy : (N, 14, 2), px
    present : (N, 14) bool

    Returns
    -------
    (N, 4) float64 xyxy
        Zeros for a pose without joints.
    """
    mask = present[..., None]
    low = np.where(mask, xy, np.inf).min(axis=1) - 0.5
    high = np.where(mask, xy, -np.inf).max(axis=1) + 0.5
    return np.where(present.any(axis=1, keepdims=True), np.concatenate([low, high], axis=1), 0.0)


def pose_box_iou(predicted: PredictedPeople, truth: LabelledPeople) -> Float64:
    """(M, N) intersection over union of the pose boxes (Sec. 4.2)."""
    return box_iou(pose_boxes(predicted.xy, predicted.present), pose_boxes(truth.xy, truth.labelled))


def object_keypoint_similarity(
    predicted: PredictedPeople,
    truth: LabelledPeople,
    joints: tuple[Joint, ...] = tuple(Joint),
    areas: NDArray | None = None,
) -> Float64:
    """OKS of COCO: the mean over the labelled joints of exp(-d^2 / (2 s^2 (2 sigma)^2)).

    Parameters
    ----------
    predicted : PredictedPeople
        M people of a photo.
    truth : LabelledPeople
        N people of the same photo.
    joints : tuple of Joint
        The joints that count.
    areas : (N,), px^2, optional
        s^2; by default `BODY_SHARE_OF_BOX` of the box area.

    Returns
    -------
    (M, N) float64 in [0, 1]
        An absent joint of a prediction contributes 0. For a ground truth without a labelled joint, distances are
        measured to its box, extended by its width and height on every side, as COCO does.
    """
    chosen = np.array(joints, dtype=np.int64)
    areas = box_areas(truth.boxes) * BODY_SHARE_OF_BOX if areas is None else areas
    labelled = truth.labelled[:, chosen]
    points = predicted.xy[:, None, chosen]
    to_joint = points - truth.xy[None, :, chosen]
    sides = truth.boxes[:, 2:] - truth.boxes[:, :2]
    low, high = (truth.boxes[:, :2] - sides)[None, :, None], (truth.boxes[:, 2:] + sides)[None, :, None]
    to_box = np.maximum(low - points, 0) + np.maximum(points - high, 0)
    unlabelled = np.asarray(~labelled.any(axis=1))
    squared = np.where(unlabelled[None, :, None, None], to_box, to_joint).astype(np.float64)
    squared = (squared**2).sum(axis=-1)
    variances = (2 * OKS_SIGMAS[chosen]) ** 2
    exponent = squared / variances / (areas[None, :, None] + np.spacing(1)) / 2
    similarity = np.exp(-exponent) * predicted.present[:, None, chosen]
    counted = labelled | unlabelled[:, None]
    return (similarity * counted[None]).sum(axis=-1) / np.maximum(counted.sum(axis=1), 1)[None]
