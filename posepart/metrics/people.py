"""The people of one photo as arrays: what was labelled and what was found."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, Mask, check_shape
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


@dataclass(frozen=True)
class LabelledPeople:
    """The ground truth of one photo: N people."""

    xy: Float64  # (N, J, 2), photo pixels; J = 14 but in another schema
    labelled: Mask  # (N, J), joints with a label, occluded ones too
    boxes: Float64  # (N, 4) xyxy

    def __post_init__(self) -> None:
        people = len(self.xy)
        check_shape("LabelledPeople.xy", self.xy, (people, None, 2))
        check_shape("LabelledPeople.labelled", self.labelled, self.xy.shape[:2])
        check_shape("LabelledPeople.boxes", self.boxes, (people, 4))

    def __len__(self) -> int:
        return len(self.xy)

    def select(self, rows: NDArray) -> "LabelledPeople":
        """The people of the given indices, or of a mask."""
        return LabelledPeople(self.xy[rows], self.labelled[rows], self.boxes[rows])

    @classmethod
    def from_joints(cls, joints: NDArray, boxes: NDArray | None = None) -> "LabelledPeople":
        """People from joints as data sets store them.

        Parameters
        ----------
        joints : (N, 14, 3)
            x, y and visibility, 0 where a joint is not labelled.
        boxes : (N, 4) xyxy, optional
            Zeros where they are left out: PCK does not use them.
        """
        joints = np.asarray(joints, np.float64)
        check_shape("joints", joints, (None, NUM_JOINTS, 3))
        boxes = np.zeros((len(joints), 4)) if boxes is None else np.asarray(boxes, np.float64)
        return cls(joints[..., :2], joints[..., 2] > 0, boxes)

    @classmethod
    def empty(cls) -> "LabelledPeople":
        """A photo without labelled people."""
        return cls.from_joints(np.zeros((0, NUM_JOINTS, 3)))


@dataclass(frozen=True)
class PredictedPeople:
    """The people found in one photo: M of them."""

    xy: Float64  # (M, 14, 2), photo pixels
    joint_scores: Float64  # (M, 14), 0 for an absent joint
    boxes: Float64  # (M, 4) xyxy
    box_scores: Float64  # (M,), higher is better
    pose_scores: Float64  # (M,), higher is better

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
        """A photo in which nobody was found."""
        joints = np.zeros((0, NUM_JOINTS))
        return cls(np.zeros((0, NUM_JOINTS, 2)), joints, np.zeros((0, 4)), np.zeros(0), np.zeros(0))


def mean_defined(values: NDArray) -> float:
    """Mean of the values that are not nan; nan when there are none."""
    defined = np.asarray(values, dtype=np.float64)
    defined = defined[~np.isnan(defined)]
    return float(defined.mean()) if len(defined) else float("nan")
