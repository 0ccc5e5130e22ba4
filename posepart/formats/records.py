"""What all formats have in common: photos with people, each with box, joints, scores and the pixels of its parts.

Coordinates are pixels of the upright photo, pixel centres at whole numbers. Every writer takes a `LabelSet` and
every reader gives one, so that any format can be turned into any other.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from posepart.arrays import Float64, Ids, Mask, check_shape
from posepart.data.coco_source import converted_joints
from posepart.io.photos import MAX_PIXELS
from posepart.schema import IGNORE, PART_NAMES
from posepart.schema.skeletons import POSEPART14, Skeleton

UNKNOWN_PART = IGNORE  # a pixel of a person that shows no part which the file knows


@dataclass(frozen=True)
class Cutout:
    """Part ids in a window of the photo; 0 where the person is not."""

    left: int  # px, of the first column
    top: int  # px, of the first row
    parts: Ids  # (h, w), ids of `LabelSet.parts`, or `UNKNOWN_PART`

    def __post_init__(self) -> None:
        check_shape("Cutout.parts", self.parts, (None, None))

    @property
    def ids(self) -> list[int]:
        """The part ids that occur, `UNKNOWN_PART` last."""
        return [int(part) for part in np.unique(self.parts) if part]

    @property
    def area(self) -> int:
        """How many pixels the person has."""
        return int(np.count_nonzero(self.parts))

    def paste(self, onto: Ids, value: int | None = None) -> None:
        """Put the pixels into a map as large as the photo: their part ids, or one value."""
        rows, columns = self.parts.shape
        window = onto[self.top : self.top + rows, self.left : self.left + columns]
        inside = self.parts[: window.shape[0], : window.shape[1]]
        window[inside > 0] = inside[inside > 0] if value is None else value

    def of(self, part: int) -> "Cutout | None":
        """The pixels of one part, in a window as small as can be; None without any."""
        return cut_out(np.where(self.parts == part, self.parts, np.uint8(0)), self.left, self.top)

    def mask(self) -> Mask:
        """(h, w) bool, where the person is in the window."""
        return self.parts > 0


def cut_out(ids: Ids, left: int = 0, top: int = 0) -> Cutout | None:
    """The smallest window that holds all pixels of a map which are not 0; None if there are none.

    Parameters
    ----------
    ids : (h, w) uint8
    left, top : int
        px, where the map lies in the photo.
    """
    rows, columns = np.flatnonzero(ids.any(axis=1)), np.flatnonzero(ids.any(axis=0))
    if not len(rows):
        return None
    window = ids[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Cutout(left + int(columns[0]), top + int(rows[0]), np.array(window, dtype=np.uint8))


@dataclass(frozen=True)
class PersonRecord:
    """One person, labelled or predicted."""

    box: Float64  # (4,) xyxy
    joints: Float64  # (J, 4) x, y, visibility, score; all are 0 for an absent joint
    score: float | None = None  # probability that the person is right, in [0, 1]; None for labels
    rank: float | None = None  # what COCO results are sorted by, higher is better; None for labels
    cutout: Cutout | None = None  # the person's pixels
    is_region: bool = False  # a crowd or ignore region rather than one person

    def __post_init__(self) -> None:
        check_shape("PersonRecord.box", self.box, (4,))
        check_shape("PersonRecord.joints", self.joints, (None, 4))

    @property
    def present(self) -> Mask:
        """(J,) bool, the joints that are there; the visibility is 1 for occluded, 2 for visible ones."""
        return self.joints[:, 2] > 0

    @property
    def xywh(self) -> tuple[float, float, float, float]:
        """The box as x and y of its corner, width and height."""
        x0, y0, x1, y1 = (float(value) for value in self.box)
        return x0, y0, x1 - x0, y1 - y0


@dataclass(frozen=True)
class PhotoRecord:
    """A photo with its people."""

    name: str  # path below the folder of photos, with "/"
    width: int  # px, of the upright photo; 0 if the file does not tell
    height: int  # px
    people: tuple[PersonRecord, ...]
    image_id: int | str | None = None  # as the data set gives it
    nobody: Cutout | None = None  # pixels with a part, but of nobody

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return self.name.rpartition(".")[0] if "." in self.name.rpartition("/")[2] else self.name

    def part_map(self) -> Ids:
        """(H, W) part ids; where people overlap, those of the later one. Pixels of unknown part are `IGNORE`."""
        ids = np.zeros((self.height, self.width), np.uint8)
        for cutout in (self.nobody, *(person.cutout for person in self.people)):
            if cutout is not None:
                cutout.paste(ids)
        return ids

    def person_map(self) -> Ids:
        """(H, W) uint8, 0 = nobody, k = `people[k - 1]`; where people overlap, the later one.

        Raises
        ------
        ValueError
            There are more than 254 people, for whom 8 bits have no numbers (255 stands for pixels to ignore).
        """
        if len(self.people) >= IGNORE:
            raise ValueError(
                f"{self.name}: has {len(self.people)} people, a PNG of people holds {IGNORE - 1} at most"
            )
        ids = np.zeros((self.height, self.width), np.uint8)
        for number, person in enumerate(self.people, start=1):
            if person.cutout is not None:
                person.cutout.paste(ids, number)
        return ids


@dataclass(frozen=True)
class LabelSet:
    """The content of a file or folder."""

    photos: Iterable[PhotoRecord]  # can be gone through several times
    skeleton: Skeleton = POSEPART14
    parts: tuple[str, ...] = PART_NAMES  # names by id; id 0 is the background
    notes: tuple[str, ...] = ()  # what was left out or taken unusually

    def with_skeleton(self, target: Skeleton) -> "LabelSet":
        """The same people with the joints of another skeleton."""
        if target.joints == self.skeleton.joints:
            return replace(self, skeleton=target)
        return replace(self, photos=_Converted(self.photos, self.skeleton, target), skeleton=target)


@dataclass(frozen=True)
class _Converted:
    """Photos whose people get the joints of another skeleton when they are asked for."""

    photos: Iterable[PhotoRecord]
    source: Skeleton
    target: Skeleton

    def __iter__(self) -> Iterator[PhotoRecord]:
        for photo in self.photos:
            people = (
                replace(person, joints=converted_joints(person.joints, self.source, self.target))
                for person in photo.people
            )
            yield replace(photo, people=tuple(people))


def check_pixels(where: str, width: int, height: int) -> None:
    """Refuse a photo that is too large to have masks of.

    Raises
    ------
    ValueError
        With `where` and the size.
    """
    if width * height > MAX_PIXELS:
        raise ValueError(
            f"{where}: {width} x {height} pixels are more than the limit of {MAX_PIXELS // 10**6} megapixels; "
            "correct the size, or shrink the photo"
        )


def joint_rows(xy: Float64, visibility: Float64, scores: Float64 | None = None) -> Float64:
    """Rows of x, y, visibility and score, with 0 for joints of visibility 0.

    Parameters
    ----------
    xy : (J, 2)
    visibility : (J,)
    scores : (J,), optional
        1 for every joint that is there by default.
    """
    present = np.asarray(visibility) > 0
    found = np.ones(len(present)) if scores is None else np.asarray(scores, np.float64)
    rows = np.column_stack([np.asarray(xy, np.float64).reshape(-1, 2), visibility, found])
    return np.where(present[:, None], rows, 0.0)


def box_around(joints: Float64, cutout: Cutout | None) -> Float64:
    """The box of a person for whom the file has none: that of the pixels, or else of the joints.

    Returns
    -------
    (4,) float64 xyxy
        Zeros for a person with neither.
    """
    if cutout is not None:
        rows, columns = cutout.parts.shape
        return np.array([cutout.left, cutout.top, cutout.left + columns, cutout.top + rows], np.float64)
    xy = joints[joints[:, 2] > 0, :2]
    return np.concatenate([xy.min(axis=0), xy.max(axis=0)]) if len(xy) else np.zeros(4)
