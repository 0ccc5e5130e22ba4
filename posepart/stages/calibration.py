"""Calibrated scores: monotone maps from the raw scores of a result to probabilities.

A model set may hold `calibration.safetensors`, fitted on labelled photos by `experiments/calibrate.py`. It changes
only the scores that a result reports: the CRF, pose NMS and the order of the people use the raw scores. Without it,
the raw scores are reported. The calibrated score is

- of a joint: the probability that a joint which was found lies within 0.2 torso diameters of its true place;
- of a pose: the probability that a person is there and that its joints have an OKS of at least 0.5.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64
from posepart.models.model_set import Card, ModelSet
from posepart.models.weight_files import read_tensors
from posepart.schema import NUM_JOINTS
from posepart.structures import Person, Scene

SMALLEST = (
    1e-6  # scores are clipped to [SMALLEST, 1 - SMALLEST]; a joint that was found keeps a score above 0
)


@dataclass(frozen=True)
class PlattMap:
    """The probability of a score s in [0, 1] is sigmoid(slope * logit(s) + intercept) (Platt 1999)."""

    slope: float  # above 0; 1 and an intercept of 0 change nothing
    intercept: float

    def __post_init__(self) -> None:
        if not (np.isfinite([self.slope, self.intercept]).all() and self.slope > 0):
            raise ValueError(
                f"a rising map needs a slope above 0, got {self.slope:g} (and {self.intercept:g})"
            )

    def __call__(self, scores: NDArray) -> Float64:
        """Probabilities of scores of any shape."""
        clipped = np.clip(np.asarray(scores, np.float64), SMALLEST, 1 - SMALLEST)
        return 1 / (1 + np.exp(-self.slope * np.log(clipped / (1 - clipped)) - self.intercept))


@dataclass(frozen=True)
class IsotonicMap:
    """The probability of a score is interpolated linearly between knots."""

    knots: Float64  # (K,) scores, strictly rising
    values: Float64  # (K,) probabilities at the knots, never falling

    def __post_init__(self) -> None:
        both = np.stack([self.knots, self.values])
        rising = (np.diff(self.knots) > 0).all() and (np.diff(self.values) >= 0).all()
        if both.shape[1] < 2 or not (rising and both.min() >= 0 and both.max() <= 1):
            raise ValueError(
                "a rising map needs at least 2 rising knots in [0, 1] and rising values in [0, 1]"
            )

    def __call__(self, scores: NDArray) -> Float64:
        """Probabilities of scores of any shape."""
        return np.interp(np.asarray(scores, np.float64), self.knots, self.values)


ScoreMap = PlattMap | IsotonicMap
RAW: ScoreMap = PlattMap(1.0, 0.0)


@dataclass(frozen=True)
class Calibration:
    """The maps of one model."""

    joint: ScoreMap = RAW  # of joint scores
    pose: ScoreMap = RAW  # of pose scores on the scale of `pose_unit_scores`


def pose_unit_scores(scores: NDArray) -> Float64:
    """Pose scores, sums of 14 log joint scores (Sec. 4.1), on the scale of one joint: exp(score / 14), in [0, 1]."""
    return np.exp(np.minimum(np.asarray(scores, np.float64), 0) / NUM_JOINTS)


def calibrate(scene: Scene, calibration: Calibration | None) -> Scene:
    """The result with calibrated joint scores and confidences.

    People keep their order and `Pose.log_score`. Without a calibration the result is returned unchanged.
    """
    if calibration is None:
        return scene
    return replace(scene, people=tuple(_calibrated(person, calibration) for person in scene.people))


def _calibrated(person: Person, calibration: Calibration) -> Person:
    pose = person.pose
    probabilities = np.clip(calibration.joint(pose.joint_scores), SMALLEST, 1)
    scores = np.where(pose.present, probabilities, 0).astype(np.float32)
    confidence = float(calibration.pose(pose_unit_scores(np.array(pose.log_score))))
    return replace(person, pose=replace(pose, joint_scores=scores), confidence=confidence)


def to_arrays(calibration: Calibration) -> dict[str, Float64]:
    """The arrays of a weight file: `joint.platt`, (2,), or `joint.isotonic`, (2, K); likewise `pose`."""
    arrays = {}
    for name, score_map in (("joint", calibration.joint), ("pose", calibration.pose)):
        if isinstance(score_map, PlattMap):
            arrays[f"{name}.platt"] = np.array([score_map.slope, score_map.intercept])
        else:
            arrays[f"{name}.isotonic"] = np.stack([score_map.knots, score_map.values])
    return arrays


def from_arrays(arrays: Mapping[str, NDArray]) -> Calibration:
    """The inverse of `to_arrays`.

    Raises
    ------
    ValueError
        If an array is missing, unknown or of another shape, or a map does not rise.
    """
    maps: dict[str, ScoreMap] = {}
    for key, array in arrays.items():
        name, _, kind = key.partition(".")
        values = np.asarray(array, np.float64)
        if kind == "platt" and values.shape == (2,):
            maps[name] = PlattMap(float(values[0]), float(values[1]))
        elif kind == "isotonic" and values.ndim == 2 and len(values) == 2:
            maps[name] = IsotonicMap(values[0], values[1])
        else:
            raise ValueError(f"no calibration: {key} of shape {values.shape}; fit it again")
    if sorted(maps) != ["joint", "pose"]:
        raise ValueError(f"no calibration: expected maps of joint and pose, got {sorted(maps)}; fit it again")
    return Calibration(maps["joint"], maps["pose"])


def load_calibration(model: ModelSet) -> Calibration | None:
    """The calibration of a model set, or None if it has none.

    Raises
    ------
    ValueError
        If its file is damaged, holds something else, or was fitted for other pose weights.
    """
    if "calibration" not in model.cards:
        return None
    path = model.path("calibration")
    fitted_for = model.cards["calibration"].pose_sha256
    if fitted_for is not None and fitted_for != model.cards.get("pose", Card()).sha256:
        raise ValueError(
            f"{path}: was fitted for other pose weights; fit it again with experiments/calibrate.py, or delete it"
        )
    try:
        return from_arrays({name: tensor.numpy() for name, tensor in read_tensors(path).items()})
    except ValueError as error:
        raise ValueError(str(error) if str(path) in str(error) else f"{path}: {error}") from error
