"""The frozen records that pass between the stages of Figure 2.

Their frames (photo, crop, map) are those of `geometry.frames`; boxes are (x0, y0, x1, y1). Every record of a
collection may be empty: a photo without people is an ordinary input.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from posepart.arrays import Float32, Ids, Index, Mask, Rgb, check_shape
from posepart.geometry.frames import Affine
from posepart.schema import NUM_JOINTS, NUM_PARTS


@dataclass(frozen=True)
class PersonBoxes:
    """People found in a photo, best first."""

    xyxy: Float32  # (N, 4), photo frame
    scores: Float32  # (N,), in [0, 1]
    left_out: int = 0  # further people who were found, but not kept: there were more than `max_people`

    def __post_init__(self) -> None:
        check_shape("PersonBoxes.xyxy", self.xyxy, (None, 4))
        check_shape("PersonBoxes.scores", self.scores, (len(self.xyxy),))

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def empty(cls) -> "PersonBoxes":
        """No people."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))


@dataclass(frozen=True)
class Crop:
    """A person box rescaled to a fixed square (Sec. 3)."""

    image: Rgb  # (S, S, 3); (0, 0, 3) in evidence that was read back from a file
    affine: Affine  # photo -> crop
    box: Float32  # (4,) xyxy, photo frame
    score: float = 1.0  # of the box, in [0, 1]; 1 for a labelled box

    def __post_init__(self) -> None:
        check_shape("Crop.image", self.image, (None, None, 3))
        check_shape("Crop.box", self.box, (4,))


class NeighbourOffsets(Protocol):
    """Pn of Sec. 3 for one crop: the predicted vectors from a joint to the other joints of the same person.

    All of them are many megabytes, of which little is ever read; whoever predicts them makes them when asked.
    """

    def at(self, xy: NDArray) -> Float32:
        """The offsets at points, interpolated between cells; beyond the outermost cells their values continue.

        Parameters
        ----------
        xy : (N, 2)
            Crop frame.

        Returns
        -------
        (N, 14, 14, 2) float32
            Crop pixels; entry [i, l, m] leads from point i, taken as joint l, to joint m; zero for m = l.
        """
        ...

    def maps(self) -> Float32:
        """The offsets at every cell.

        Returns
        -------
        (14, 13, 2, h, w) float32
            Crop pixels; entry [j, k, :, y, x] leads from joint j, if it is at cell (x, y), to joint
            `schema.NEIGHBOURS[j, k]`.
        """
        ...


@dataclass(frozen=True)
class PoseMaps:
    """Output of the Pose FCN for one crop: Pj and Pn of Sec. 3."""

    joints: Float32  # (14, h, w), in [0, 1]
    offsets: NeighbourOffsets  # crop pixels
    stride: float  # crop pixels per cell

    def __post_init__(self) -> None:
        check_shape("PoseMaps.joints", self.joints, (NUM_JOINTS, None, None))


@dataclass(frozen=True)
class PartMaps:
    """Output of a Part FCN for one crop: Ps of Sec. 3."""

    scores: Float32  # (7, h, w), probabilities that sum to one over the classes
    stride: float  # crop pixels per cell

    def __post_init__(self) -> None:
        check_shape("PartMaps.scores", self.scores, (NUM_PARTS, None, None))


@dataclass(frozen=True)
class Candidates:
    """Joint proposals of one crop, or of a whole photo: the nodes of the CRF.

    `offsets[i, l, m]` is the predicted vector from candidate i, taken as joint l, to joint m of the same person
    (zero for m = l).
    """

    xy: Float32  # (N, 2), crop frame
    joint: Index  # (N,), the type whose map proposed the candidate
    scores: Float32  # (N, 14), the score of every type at xy
    offsets: Float32  # (N, 14, 14, 2), crop pixels

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
        """No proposals."""
        return cls(
            np.zeros((0, 2), np.float32),
            np.zeros(0, np.int64),
            np.zeros((0, NUM_JOINTS), np.float32),
            np.zeros((0, NUM_JOINTS, NUM_JOINTS, 2), np.float32),
        )


@dataclass(frozen=True)
class Evidence:
    """What the networks predict for one crop; the input of the CRF."""

    crop: Crop
    candidates: Candidates  # crop frame
    parts: PartMaps  # of the first stage


TIME_LIMIT = "time_limit"  # status of a certificate when the search was stopped before it had a proof


@dataclass(frozen=True)
class Certificate:
    """What the ILP solver guarantees (Sec. 3.1): the minimum of Eq. (1) lies in [bound, energy]."""

    energy: float  # nats, of the whole crop
    bound: float  # nats, a lower bound of the optimum
    gap: float  # energy - bound
    status: str  # "optimal", "time_limit", or why there is no guarantee
    seconds: float = 0.0  # of the solver

    @classmethod
    def none(cls, reason: str) -> "Certificate":
        """No guarantee: nothing was solved, and `status` says why."""
        return cls(0.0, 0.0, 0.0, reason)


@dataclass(frozen=True)
class Pose:
    """The joints of one person."""

    xy: Float32  # (14, 2); rows of absent joints are 0
    joint_scores: Float32  # (14,), in [0, 1]; 0 for absent joints
    log_score: float  # sum over the joints of the log score (Secs. 3.1, 4.1); higher is better

    def __post_init__(self) -> None:
        check_shape("Pose.xy", self.xy, (NUM_JOINTS, 2))
        check_shape("Pose.joint_scores", self.joint_scores, (NUM_JOINTS,))

    @property
    def present(self) -> Mask:
        """(14,) bool: which joints were found."""
        return self.joint_scores > 0


@dataclass(frozen=True)
class Grouping:
    """All poses that an assembler made of one crop's candidates, in their frame, best score first."""

    poses: tuple[Pose, ...]
    certificate: Certificate


@dataclass(frozen=True)
class Choice:
    """The people of one crop, in its frame (Sec. 3.1)."""

    own: Pose | None  # the person the box is of; None if there is no such pose
    extra: tuple[Pose, ...]  # further people of the crop, for whom the detector has no box

    @property
    def drawn(self) -> tuple[Pose, ...]:
        """The poses that the second stage sees: that of the box, or, without one, all further people."""
        return self.extra if self.own is None else (self.own,)


@dataclass(frozen=True)
class Person:
    """One person of the result, in the photo frame."""

    pose: Pose  # joint scores are probabilities if the model is calibrated
    box: Float32  # (4,) xyxy
    box_score: float  # the detector's, in [0, 1]
    certificate: Certificate
    confidence: float | None = None  # probability that the pose is right; None without a calibration

    def __post_init__(self) -> None:
        check_shape("Person.box", self.box, (4,))


@dataclass(frozen=True, repr=False)
class Scene:
    """The result for one photo: its people, best first, and what each pixel shows."""

    people: tuple[Person, ...]
    part_map: Ids  # (H, W), `schema.Part` ids
    person_map: Ids  # (H, W), 0 = nobody, k = people[k - 1]
    model: str  # name of the model that made it
    seconds: dict[str, float] = field(default_factory=dict)  # wall time by stage
    photo: Rgb | None = field(
        default=None, compare=False
    )  # (H, W, 3), the array that was predicted; None if not kept
    file_name: str = ""  # of the photo, without folders; empty if it came as an array

    def __post_init__(self) -> None:
        check_shape("Scene.part_map", self.part_map, (None, None))
        check_shape("Scene.person_map", self.person_map, self.part_map.shape)
        if self.photo is not None:
            check_shape("Scene.photo", self.photo, (*self.part_map.shape, 3))

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the photo, px."""
        height, width = self.part_map.shape
        return width, height

    def person_parts(self, index: int) -> Ids:
        """The part map of `people[index]` alone, (H, W) uint8."""
        return np.where(self.person_map == index + 1, self.part_map, np.uint8(0))

    # These do their work far above the records, in `views`: the one module that is imported upwards.

    def plot(self, photo: Rgb | None = None, max_side: int = 2000) -> Image.Image:
        """The result drawn on `photo`, or the photo that was predicted, or grey; at most `max_side` px long."""
        from posepart import views

        return views.plot(self, photo, max_side)

    def save(self, folder: str | Path, name: str = "") -> Path:
        """Write NAME.json and the PNGs into a folder, as `posepart predict` does; the path of NAME.json.

        `name` is by default that of the photo file. Without one, a `ValueError` is raised.
        """
        from posepart import views

        return views.save(self, folder, name)

    def to_coco(self, image_id: int = 1, skeleton: str = "posepart14") -> dict[str, Any]:
        """The content of a COCO file; its joints are posepart14, coco17 or openpose18, here and below."""
        from posepart import views

        return views.to_coco(self, image_id, skeleton)

    def to_dataframe(self, skeleton: str = "posepart14") -> Any:
        """A pandas `DataFrame` with a row per person; a `ValueError` if pandas is not installed."""
        from posepart import views

        return views.to_dataframe(self, skeleton)

    def to_supervision(self, skeleton: str = "posepart14") -> Any:
        """`Detections` with masks, and `KeyPoints`, of supervision; errors as in `to_dataframe`."""
        from posepart import views

        return views.to_supervision(self, skeleton)

    def __repr__(self) -> str:
        from posepart import views

        return views.described(self)

    def _repr_png_(self) -> bytes:
        from posepart import views

        return views.as_png(self)
