"""Average Distance of Keypoints, ADK (Sec. 4.2, Table 2): how far off the joints are; lower is better."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, Index, check_shape
from posepart.metrics.bootstrap import weights_or_ones
from posepart.metrics.pck import head_lengths
from posepart.metrics.people import (
    JOINT_TYPES,
    LabelledPeople,
    PredictedPeople,
    mean_defined,
)
from posepart.metrics.similarity import pose_box_iou
from posepart.schema import NUM_JOINTS


@dataclass(frozen=True)
class JointDistances:
    """Relative distances of I photos."""

    total: Float64  # (I, 14), sums of distance / reference length
    counted: Index  # (I, 14), joints that both the person and the pose have
    labelled: Index  # (I, 14), labelled joints of people with a reference length

    def __post_init__(self) -> None:
        check_shape("JointDistances.total", self.total, (None, NUM_JOINTS))
        check_shape("JointDistances.counted", self.counted, self.total.shape)
        check_shape("JointDistances.labelled", self.labelled, self.total.shape)

    @classmethod
    def empty(cls, images: int = 0) -> "JointDistances":
        """`images` photos without a labelled joint."""
        zeros = np.zeros((images, NUM_JOINTS), np.int64)
        return cls(zeros.astype(np.float64), zeros, zeros)


def merge_distances(photos: Sequence[JointDistances]) -> JointDistances:
    """Join the distances of several sets of photos."""
    photos = [JointDistances.empty(), *photos]
    return JointDistances(
        np.concatenate([p.total for p in photos]),
        np.concatenate([p.counted for p in photos]),
        np.concatenate([p.labelled for p in photos]),
    )


def measure_distances(predicted: PredictedPeople, truth: LabelledPeople) -> JointDistances:
    """Measure the distances in one photo.

    Each person is compared with the one pose whose pose box overlaps most, which several people may share. The unit
    is half the person's forehead-neck distance; people without that distance are left out.
    """
    scales = head_lengths(truth.xy, truth.labelled) / 2
    truth, scales = truth.select(scales > 0), scales[scales > 0]
    labelled = truth.labelled.sum(axis=0)[None].astype(np.int64)
    if not len(truth) or not len(predicted):
        nothing = JointDistances.empty(images=1)
        return JointDistances(nothing.total, nothing.counted, labelled)
    predicted = predicted.select(np.argsort(-predicted.pose_scores, kind="stable"))
    overlap = pose_box_iou(predicted, truth)
    best = overlap.argmax(axis=0)
    both = truth.labelled & predicted.present[best] & (overlap.max(axis=0) > 0)[:, None]
    distances = np.linalg.norm(predicted.xy[best] - truth.xy, axis=-1) / scales[:, None]
    total = np.where(both, distances, 0.0).sum(axis=0)[None]
    return JointDistances(total, both.sum(axis=0)[None].astype(np.int64), labelled)


@dataclass(frozen=True)
class AverageDistance:
    """A row of Table 2, as fractions; the paper prints them times 100."""

    types: dict[str, float]  # the eight columns
    average: float  # their mean
    coverage: float  # share of the labelled joints that were compared: a low distance needs a high coverage


def average_distance(distances: JointDistances, weights: NDArray | None = None) -> AverageDistance:
    """ADK of many photos: for each joint type, the mean over all compared joints, left and right together.

    Parameters
    ----------
    distances : JointDistances
        Of I photos.
    weights : (I,), optional
        How often each photo counts; once by default.

    Returns
    -------
    AverageDistance
        nan for a type that was never compared.
    """
    photo_weights = weights_or_ones(weights, len(distances.total))
    total, counted = photo_weights @ distances.total, photo_weights @ distances.counted
    types = {}
    for name, joints in JOINT_TYPES.items():
        chosen = list(joints)
        number = counted[chosen].sum()
        types[name] = float(total[chosen].sum() / number) if number else float("nan")
    labelled = float((photo_weights @ distances.labelled).sum())
    coverage = float(counted.sum()) / labelled if labelled else float("nan")
    return AverageDistance(types, mean_defined(np.array(list(types.values()))), coverage)
