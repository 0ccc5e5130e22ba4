"""The frozen dataclasses that pass between stages.

The frames that they are in are those of `geometry.frames`.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float32, check_shape
from posepart.geometry.frames import Affine
from posepart.schema import NUM_JOINTS, NUM_PARTS


@dataclass(frozen=True)
class PersonBoxes:
    """People found in a photo, best first.

    xyxy: (N, 4) float32, photo frame. scores: (N,) float32 in [0, 1].
    """

    xyxy: Float32
    scores: Float32

    def __post_init__(self) -> None:
        check_shape("PersonBoxes.xyxy", self.xyxy, (None, 4))
        check_shape("PersonBoxes.scores", self.scores, (len(self.xyxy),))

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def empty(cls) -> "PersonBoxes":
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))


@dataclass(frozen=True)
class Crop:
    """A person box rescaled to a fixed square.

    image: (S, S, 3) uint8 RGB. affine: photo -> crop. box: (4,) float32 xyxy, photo frame.
    """

    image: NDArray[np.uint8]
    affine: Affine
    box: Float32

    def __post_init__(self) -> None:
        check_shape("Crop.image", self.image, (None, None, 3))
        check_shape("Crop.box", self.box, (4,))


@dataclass(frozen=True)
class PoseMaps:
    """Output of the Pose FCN for one crop (Pj and Pn of Sec. 3).

    joints: (14, h, w) float32 in [0, 1]. offsets: (14, 13, 2, h, w) float32, crop pixels: `offsets[j, k]` is
    the predicted (dx, dy) from a joint j at that cell to joint `schema.NEIGHBOURS[j, k]`. stride: crop
    pixels per cell.
    """

    joints: Float32
    offsets: Float32
    stride: float

    def __post_init__(self) -> None:
        check_shape("PoseMaps.joints", self.joints, (NUM_JOINTS, None, None))
        h, w = self.joints.shape[1:]
        check_shape("PoseMaps.offsets", self.offsets, (NUM_JOINTS, NUM_JOINTS - 1, 2, h, w))


@dataclass(frozen=True)
class PartMaps:
    """Output of a Part FCN for one crop (Ps of Sec. 3).

    scores: (7, h, w) float32, probabilities that sum to one over the classes. stride: crop pixels per cell.
    """

    scores: Float32
    stride: float

    def __post_init__(self) -> None:
        check_shape("PartMaps.scores", self.scores, (NUM_PARTS, None, None))


@dataclass(frozen=True)
class Candidates:
    """Joint proposals of one crop (or of a whole photo): the nodes of the CRF.

    xy: (N, 2) float32, crop frame. joint: (N,) int64, the type whose map proposed it. scores: (N, 14) float32,
    the score of every type at xy. offsets: (N, 14, 14, 2) float32, crop pixels: `offsets[i, l, m]` is the
    predicted vector from candidate i, taken as joint l, to that person's joint m (zero for m = l).
    """

    xy: Float32
    joint: NDArray[np.int64]
    scores: Float32
    offsets: Float32

    def __post_init__(self) -> None:
        n = len(self.joint)
        check_shape("Candidates.joint", self.joint, (None,))
        check_shape("Candidates.xy", self.xy, (n, 2))
        check_shape("Candidates.scores", self.scores, (n, NUM_JOINTS))
        check_shape("Candidates.offsets", self.offsets, (n, NUM_JOINTS, NUM_JOINTS, 2))

    def __len__(self) -> int:
        return len(self.joint)

    @classmethod
    def empty(cls) -> "Candidates":
        return cls(
            np.zeros((0, 2), np.float32),
            np.zeros(0, np.int64),
            np.zeros((0, NUM_JOINTS), np.float32),
            np.zeros((0, NUM_JOINTS, NUM_JOINTS, 2), np.float32),
        )


@dataclass(frozen=True)
class Certificate:
    """What the ILP solver vouches for: the optimum lies in [bound, energy]."""

    energy: float = 0.0
    bound: float = 0.0
    gap: float = 0.0
    status: str = "optimal"
    seconds: float = 0.0


@dataclass(frozen=True)
class Pose:
    """The joints of one person.

    xy: (14, 2) float32; rows of absent joints are 0. joint_scores: (14,) float32 in [0, 1], 0 for absent joints.
    log_score: sum over joints of the log unary score (Sec. 4.1), higher is better.
    """

    xy: Float32
    joint_scores: Float32
    log_score: float

    def __post_init__(self) -> None:
        check_shape("Pose.xy", self.xy, (NUM_JOINTS, 2))
        check_shape("Pose.joint_scores", self.joint_scores, (NUM_JOINTS,))

    @property
    def present(self) -> NDArray[np.bool_]:
        """(14,) bool: which joints were found."""
        return self.joint_scores > 0


@dataclass(frozen=True)
class Grouping:
    """All poses that the CRF assembled from one crop's candidates, in the candidates' frame."""

    poses: tuple[Pose, ...]
    certificate: Certificate


@dataclass(frozen=True)
class Person:
    """One person of the result, in the photo frame.

    pose: joints in photo pixels; its joint scores are probabilities when the model is calibrated. box: (4,)
    float32 xyxy. box_score: the detector's, in [0, 1]. confidence: the probability that the pose is right (see
    `posepart.stages.calibration`), None when the model is not calibrated.
    """

    pose: Pose
    box: Float32
    box_score: float
    certificate: Certificate
    confidence: float | None = None

    def __post_init__(self) -> None:
        check_shape("Person.box", self.box, (4,))


@dataclass(frozen=True)
class Scene:
    """The result for one photo: people, best first (see `pose_nms.keep_order`), and what each pixel is.

    part_map: (H, W) uint8, `schema.Part` ids. person_map: (H, W) uint8, 0 = nobody, k = people[k - 1].
    model: name of the model that made it. seconds: wall time by stage.
    """

    people: tuple[Person, ...]
    part_map: NDArray[np.uint8]
    person_map: NDArray[np.uint8]
    model: str
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_shape("Scene.part_map", self.part_map, (None, None))
        check_shape("Scene.person_map", self.person_map, self.part_map.shape)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the photo, px."""
        height, width = self.part_map.shape
        return width, height

    def person_parts(self, index: int) -> NDArray[np.uint8]:
        """(H, W) uint8: the part map of `people[index]` alone."""
        return np.where(self.person_map == index + 1, self.part_map, np.uint8(0))
