"""Labels as loose shapes that a group number ties to a person: how LabelMe, CVAT and Label Studio keep them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from posepart.arrays import Float64
from posepart.formats.records import UNKNOWN_PART, Cutout, LabelSet, PersonRecord, PhotoRecord, box_around
from posepart.formats.rle import merged
from posepart.schema import PART_NAMES
from posepart.schema.skeletons import SKELETONS, Skeleton

PERSON = "person"  # label of boxes, and of pixels that show no known part
Group = str | None


@dataclass(frozen=True)
class Joint:
    """A point of a person."""

    label: str  # name of the joint
    xy: tuple[float, float]  # px
    visibility: int = 2  # 1 occluded, 2 visible
    score: float = 1.0  # in [0, 1]


@dataclass
class PhotoShapes:
    """The shapes of a photo; a group of None is nobody's."""

    name: str
    width: int  # px
    height: int  # px
    boxes: list[tuple[Group, Float64, float | None]] = field(default_factory=list)  # (4,) xyxy, and the score
    joints: list[tuple[Group, Joint]] = field(default_factory=list)
    masks: list[tuple[Group, str, Cutout]] = field(
        default_factory=list
    )  # name of the part; pixels of value 1


def assemble(photos: Sequence[PhotoShapes], name: str) -> LabelSet:
    """Put the shapes of every group together to a person.

    Parameters
    ----------
    photos : sequence of PhotoShapes
    name : str
        Of the skeleton, if its joints are those of none that is known.

    Raises
    ------
    ValueError
        A person has two boxes or two joints of one name; or a joint has no group though there are several people.
    """
    skeleton = _skeleton(name, [joint.label for photo in photos for _, joint in photo.joints])
    labels = dict.fromkeys(label for photo in photos for _, label, _ in photo.masks if label != PERSON)
    known = labels.keys() <= set(PART_NAMES)
    parts = PART_NAMES if known else ("background", *labels)
    if len(parts) > UNKNOWN_PART:
        raise ValueError(f"{name}: has masks of {len(parts)} names; {UNKNOWN_PART - 1} are the most")
    return LabelSet(tuple(_photo(photo, skeleton, parts) for photo in photos), skeleton, parts)


def _skeleton(name: str, labels: list[str]) -> Skeleton:
    found = dict.fromkeys(labels)
    known = (skeleton for skeleton in SKELETONS.values() if found.keys() <= set(skeleton.joints))
    return next(known, Skeleton(name, tuple(found)))


def _photo(photo: PhotoShapes, skeleton: Skeleton, parts: tuple[str, ...]) -> PhotoRecord:
    owners = [
        *(group for group, _, _ in photo.boxes),
        *(group for group, _ in photo.joints),
        *(mask[0] for mask in photo.masks),
    ]
    grouped = [group for group in owners if group is not None]
    groups = list(dict.fromkeys(grouped))
    lonely = [(k, box, score) for k, (group, box, score) in enumerate(photo.boxes) if group is None]
    loose = [joint for group, joint in photo.joints if group is None]
    if loose and (groups or len(lonely) > 1):
        raise ValueError(
            f"{photo.name}: the joint {loose[0].label} has no group; give the shapes of each person one number"
        )
    people = [_person(photo, group, skeleton, parts) for group in groups]
    for _, box, score in lonely:
        people.append(PersonRecord(box, np.zeros((len(skeleton.joints), 4)), score, score))
    if loose:
        rows = _rows(photo, loose, skeleton)
        alone = people[0] if people else PersonRecord(box_around(rows, None), rows)
        people = [replace(alone, joints=rows)]
    return PhotoRecord(
        photo.name, photo.width, photo.height, tuple(people), None, _cutout(photo, None, parts)
    )


def _person(photo: PhotoShapes, group: str, skeleton: Skeleton, parts: tuple[str, ...]) -> PersonRecord:
    boxes = [(box, score) for owner, box, score in photo.boxes if owner == group]
    if len(boxes) > 1:
        raise ValueError(f"{photo.name}: the person of group {group} has {len(boxes)} boxes; keep one")
    rows = _rows(photo, [joint for owner, joint in photo.joints if owner == group], skeleton)
    cutout = _cutout(photo, group, parts)
    box, score = boxes[0] if boxes else (box_around(rows, cutout), None)
    return PersonRecord(box, rows, score, score, cutout)


def _rows(photo: PhotoShapes, joints: list[Joint], skeleton: Skeleton) -> Float64:
    rows = np.zeros((len(skeleton.joints), 4))
    for joint in joints:
        place = skeleton.joints.index(joint.label)
        if rows[place, 2]:
            raise ValueError(f"{photo.name}: a person has the joint {joint.label} twice; keep one")
        rows[place] = [*joint.xy, joint.visibility, joint.score]
    return rows


def _cutout(photo: PhotoShapes, group: Group, parts: tuple[str, ...]) -> Cutout | None:
    own = [(label, cutout) for owner, label, cutout in photo.masks if owner == group]
    own.sort(key=lambda pair: pair[0] != PERSON)  # parts lie over the whole person
    found = [
        replace(
            cutout, parts=cutout.parts * np.uint8(UNKNOWN_PART if label == PERSON else parts.index(label))
        )
        for label, cutout in own
    ]
    return merged(found, photo.width, photo.height)


def part_cutouts(cutout: Cutout | None, parts: tuple[str, ...]) -> list[tuple[str, Cutout]]:
    """The name and pixels of each part; those of unknown part are called `PERSON`."""
    found = []
    for part in cutout.ids if cutout is not None else ():
        name = PERSON if part == UNKNOWN_PART else parts[part]
        pixels = cutout.of(part) if cutout is not None else None
        if pixels is not None:
            found.append((name, pixels))
    return found
