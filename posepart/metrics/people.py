"""The people of one photo as arrays: what was labelled and what was found."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, Mask
from posepart.schema import NUM_JOINTS, Joint

# The seven groups of the paper's Table 1 and the eight joint types of its Table 2.
JOINT_GROUPS: dict[str, tuple[Joint, ...]] = {
    "head": (Joint.FOREHEAD, Joint.NECK),
    **{
        name.lower(): (Joint[f"LEFT_{name}"], Joint[f"RIGHT_{name}"])
        for name in ("SHOULDER", "ELBOW", "WRIST", "HIP", "KNEE", "ANKLE")
    },
}
UPPER_BODY_GROUPS: tuple[str, ...] = ("head", "shoulder", "elbow", "wrist")
JOINT_TYPES: dict[str, tuple[Joint, ...]] = {
    "forehead": (Joint.FOREHEAD,),
    "neck": (Joint.NECK,),
    **{name: joints for name, joints in JOINT_GROUPS.items() if name != "head"},
}


def check_shape(name: str, array: NDArray, shape: tuple[int | None, ...]) -> None:
    """Refuse an array whose shape does not match; None stands for any length.

    Raises
    ------
    ValueError: naming the array, the expected and the actual shape.
    """
    if array.ndim != len(shape) or any(s not in (None, n) for s, n in zip(shape, array.shape, strict=True)):
        wanted = "(" + ", ".join("_" if s is None else str(s) for s in shape) + ")"
        raise ValueError(f"{name}: expected shape {wanted}, got {array.shape}")


@dataclass(frozen=True)
class LabelledPeople:
    """The ground truth of one photo.

    xy: (N, 14, 2) float64, photo pixels. labelled: (N, 14) bool, joints with a label (occluded ones too).
    boxes: (N, 4) float64 xyxy.
    """

    xy: Float64
    labelled: Mask
    boxes: Float64

    def __post_init__(self) -> None:
        people = len(self.xy)
        check_shape("LabelledPeople.xy", self.xy, (people, NUM_JOINTS, 2))
        check_shape("LabelledPeople.labelled", self.labelled, (people, NUM_JOINTS))
        check_shape("LabelledPeople.boxes", self.boxes, (people, 4))

    def __len__(self) -> int:
        return len(self.xy)

    def select(self, rows: NDArray) -> "LabelledPeople":
        """The people of the given indices, or of a mask."""
        return LabelledPeople(self.xy[rows], self.labelled[rows], self.boxes[rows])

    @classmethod
    def empty(cls) -> "LabelledPeople":
        return cls(np.zeros((0, NUM_JOINTS, 2)), np.zeros((0, NUM_JOINTS), bool), np.zeros((0, 4)))


@dataclass(frozen=True)
class PredictedPeople:
    """The people found in one photo.

    xy: (M, 14, 2) float64, photo pixels. joint_scores: (M, 14) float64, 0 for an absent joint.
    boxes: (M, 4) float64 xyxy. box_scores, pose_scores: (M,) float64, higher is better.
    """

    xy: Float64
    joint_scores: Float64
    boxes: Float64
    box_scores: Float64
    pose_scores: Float64

    def __post_init__(self) -> None:
        people = len(self.xy)
        check_shape("PredictedPeople.xy", self.xy, (people, NUM_JOINTS, 2))
        check_shape("PredictedPeople.joint_scores", self.joint_scores, (people, NUM_JOINTS))
        check_shape("PredictedPeople.boxes", self.boxes, (people, 4))
        check_shape("PredictedPeople.box_scores", self.box_scores, (people,))
        check_shape("PredictedPeople.pose_scores", self.pose_scores, (people,))

    def __len__(self) -> int:
        return len(self.xy)

    @property
    def present(self) -> Mask:
        """(M, 14) bool: which joints were found."""
        return self.joint_scores > 0

    def select(self, rows: NDArray) -> "PredictedPeople":
        """The people of the given indices, or of a mask."""
        return PredictedPeople(
            self.xy[rows],
            self.joint_scores[rows],
            self.boxes[rows],
            self.box_scores[rows],
            self.pose_scores[rows],
        )

    @classmethod
    def empty(cls) -> "PredictedPeople":
        joints = np.zeros((0, NUM_JOINTS))
        return cls(np.zeros((0, NUM_JOINTS, 2)), joints, np.zeros((0, 4)), np.zeros(0), np.zeros(0))


def mean_defined(values: NDArray) -> float:
    """Mean of the values that are not nan; nan when there are none."""
    defined = np.asarray(values, dtype=np.float64)
    defined = defined[~np.isnan(defined)]
    return float(defined.mean()) if len(defined) else float("nan")
