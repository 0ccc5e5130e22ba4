"""How alike two people are: overlap of pose boxes, object keypoint similarity.

Every matrix has predictions as rows and ground truths as columns.
"""

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, Mask
from posepart.geometry.boxes import box_areas, box_iou
from posepart.metrics.people import LabelledPeople, PredictedPeople
from posepart.schema import OKS_SIGMAS, Joint

# A person covers about this share of the own box: the area that OKS divides by where no mask is known
# (the convention of CrowdPose's evaluation).
BODY_SHARE_OF_BOX = 0.53


def pose_boxes(xy: NDArray, present: Mask) -> Float64:
    """(N, 4) xyxy extents of the present joints; zeros for a pose without joints.

    A joint covers its pixel, so the box reaches half a pixel beyond the outermost centres and a pose of one
    joint still overlaps itself.
    """
    mask = present[..., None]
    low = np.where(mask, xy, np.inf).min(axis=1) - 0.5
    high = np.where(mask, xy, -np.inf).max(axis=1) + 0.5
    return np.where(present.any(axis=1, keepdims=True), np.concatenate([low, high], axis=1), 0.0)


def pose_box_iou(predicted: PredictedPeople, truth: LabelledPeople) -> Float64:
    """(M, N) overlap of the pose boxes (Sec. 4.2)."""
    return box_iou(pose_boxes(predicted.xy, predicted.present), pose_boxes(truth.xy, truth.labelled))


def object_keypoint_similarity(
    predicted: PredictedPeople,
    truth: LabelledPeople,
    joints: tuple[Joint, ...] = tuple(Joint),
    areas: NDArray | None = None,
) -> Float64:
    """OKS of COCO: mean over the labelled joints of exp(-d^2 / (2 s^2 (2 sigma)^2)).

    Parameters
    ----------
    predicted, truth : people of one photo.
    joints : the joints that count.
    areas : (N,) s^2, px^2; by default `BODY_SHARE_OF_BOX` of the box area.

    Returns
    -------
    (M, N) float64 in [0, 1]. An absent joint of a prediction contributes 0. For a ground truth without any
    labelled joint, distances are taken to its box doubled about its centre, as COCO does.
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
