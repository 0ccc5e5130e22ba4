"""Scores that mean what they say: monotone maps from the raw scores of a result to probabilities.

A model set may hold `calibration.safetensors`, fitted on labelled photos by `experiments/calibrate.py`. It changes
what a result reports and nothing else: the CRF, pose NMS and the order of the people use the raw scores. A set
without it reports raw scores.

- Joint: the probability that a joint which was found lies within 0.2 torso diameters of its true place.
- Pose: the probability that a person is there and its joints have an OKS of at least 0.5.
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

SMALLEST = 1e-6  # a joint that was found keeps a score above 0


@dataclass(frozen=True)
class PlattMap:
    """The probability of a score s in [0, 1] is sigmoid(slope * logit(s) + intercept) (Platt 1999).

    A slope of 1 and an intercept of 0 leave scores as they are.
    """

    slope: float
    intercept: float

    def __post_init__(self) -> None:
        if not (np.isfinite([self.slope, self.intercept]).all() and self.slope > 0):
            raise ValueError(
                f"a rising map needs a slope above 0, got {self.slope:g} (and {self.intercept:g})"
            )

    def __call__(self, scores: NDArray) -> Float64:
        clipped = np.clip(np.asarray(scores, np.float64), SMALLEST, 1 - SMALLEST)
        return 1 / (1 + np.exp(-self.slope * np.log(clipped / (1 - clipped)) - self.intercept))


@dataclass(frozen=True)
class IsotonicMap:
    """Linear between knots. knots: (K,) scores, rising. values: (K,) probabilities, rising: no order is lost."""

    knots: Float64
    values: Float64

    def __post_init__(self) -> None:
        both = np.stack([self.knots, self.values])
        rising = (np.diff(self.knots) > 0).all() and (np.diff(self.values) >= 0).all()
        if both.shape[1] < 2 or not (rising and both.min() >= 0 and both.max() <= 1):
            raise ValueError(
                "a rising map needs at least 2 rising knots in [0, 1] and rising values in [0, 1]"
            )

    def __call__(self, scores: NDArray) -> Float64:
        return np.interp(np.asarray(scores, np.float64), self.knots, self.values)


ScoreMap = PlattMap | IsotonicMap
RAW: ScoreMap = PlattMap(1.0, 0.0)


@dataclass(frozen=True)
class Calibration:
    """joint: of joint scores. pose: of pose scores as `pose_unit_scores` makes them."""

    joint: ScoreMap = RAW
    pose: ScoreMap = RAW


def pose_unit_scores(scores: NDArray) -> Float64:
    """Pose scores (sums of 14 log unaries, Sec. 4.1) on the scale of one joint: exp(score / 14), in [0, 1]."""
    return np.exp(np.minimum(np.asarray(scores, np.float64), 0) / NUM_JOINTS)


def calibrate(scene: Scene, calibration: Calibration | None) -> Scene:
    """The result with calibrated joint scores and confidences; people keep their order and `Pose.score`."""
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
    """What `to_arrays` made.

    Raises
    ------
    ValueError: when an array is missing, unknown or of another shape, or a map does not rise.
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
    """The calibration of a model set, None where it has none.

    Raises
    ------
    ValueError: when its file is damaged or holds something else, or was fitted for other pose weights.
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
