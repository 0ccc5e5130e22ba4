"""CSV: one row per person with photo, box, scores, joints and the number of pixels of every part; no masks.

A photo without people has a row whose `person` is empty.
"""

import csv
from io import StringIO
from pathlib import Path

import numpy as np

from posepart.formats.coco import COORDINATE_DIGITS, SCORE_DIGITS, rounded
from posepart.formats.reading import number_of, size_of
from posepart.formats.records import LabelSet, PersonRecord, PhotoRecord, joint_rows
from posepart.io.files import read_text, shown, write_text
from posepart.schema.skeletons import Skeleton

_PHOTO = ("photo", "width", "height", "image_id")
_PERSON = ("person", "box_x", "box_y", "box_width", "box_height", "score")
_JOINT = ("x", "y", "visibility", "score")


def write(labels: LabelSet, path: Path) -> None:
    """Write the table."""
    text = StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns(labels))
    for photo in labels.photos:
        table.writerows(rows(photo, len(labels.parts)) or [_head(photo)])
    write_text(path, text.getvalue())


def columns(labels: LabelSet) -> list[str]:
    """The names of the columns."""
    joints = [f"{joint}_{column}" for joint in labels.skeleton.joints for column in _JOINT]
    return [*_PHOTO, *_PERSON, *joints, *(f"{part}_pixels" for part in labels.parts[1:])]


def rows(photo: PhotoRecord, parts: int) -> list[list[object]]:
    """A row per person; None where there is no value.

    Parameters
    ----------
    photo : PhotoRecord
    parts : int
        How many parts there are, with the background.
    """
    found: list[list[object]] = []
    for number, person in enumerate((one for one in photo.people if not one.is_region), start=1):
        score = None if person.score is None else round(person.score, SCORE_DIGITS)
        seen = np.zeros(0, np.uint8) if person.cutout is None else person.cutout.parts.ravel()
        pixels = np.bincount(seen, minlength=256)[1:parts].tolist()
        found.append([*_head(photo), number, *rounded(person.xywh), score, *_joint_columns(person), *pixels])
    return found


def _head(photo: PhotoRecord) -> list[object]:
    return [photo.name, photo.width, photo.height, photo.image_id]


def _joint_columns(person: PersonRecord) -> list[object]:
    cells: list[object] = []
    for x, y, visibility, score in person.joints:
        place = rounded((x, y), COORDINATE_DIGITS)
        cells += (
            [*place, int(visibility), round(float(score), SCORE_DIGITS)]
            if visibility
            else [None] * len(_JOINT)
        )
    return cells


def read(path: Path, images: Path | None = None) -> LabelSet:
    """Read the table; the folder of photos is not needed.

    Raises
    ------
    ValueError
        It cannot be read or lacks a column.
    """
    try:
        lines = list(csv.reader(StringIO(read_text(path))))
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except (csv.Error, ValueError) as error:
        raise ValueError(f"{path}: not a CSV file ({error})") from None
    header = lines[0] if lines else []
    if tuple(header[: len(_PHOTO) + len(_PERSON)]) != _PHOTO + _PERSON:
        raise ValueError(f"{path}: expected the columns {', '.join(_PHOTO + _PERSON)}, and then joints")
    joints = tuple(name.removesuffix("_visibility") for name in header if name.endswith("_visibility"))
    photos: dict[str, PhotoRecord] = {}
    for line, row in enumerate(lines[1:], start=2):
        cells = dict(zip(header, [*row, *[""] * (len(header) - len(row))], strict=False))
        try:
            size = size_of(cells["width"], cells["height"])
            people = (_person(cells, joints),) if cells["person"] else ()
        except (KeyError, ValueError) as error:
            reason = f"lacks {error}" if isinstance(error, KeyError) else str(error)
            raise ValueError(f"{path}: line {line}: {reason}") from None
        name, given = cells["photo"], cells["image_id"]
        if not name:
            raise ValueError(f"{path}: line {line}: has no name of a photo, {shown(name)!r}")
        earlier = photos[name].people if name in photos else ()
        number = int(given) if given.isascii() and given.isdigit() else given or None
        photos[name] = PhotoRecord(name, *size, (*earlier, *people), number)
    return LabelSet(tuple(photos.values()), Skeleton(path.name, joints), ("background",))


def _person(cells: dict[str, str], joints: tuple[str, ...]) -> PersonRecord:
    x, y, width, height = (number_of(cells[name], name) for name in _PERSON[1:5])
    found = [[number_of(cells[f"{joint}_{c}"] or 0, f"{joint}_{c}") for c in _JOINT] for joint in joints]
    xyvs = np.array(found, np.float64).reshape(-1, len(_JOINT))
    score = number_of(cells["score"], "score") if cells["score"] else None
    return PersonRecord(
        np.array([x, y, x + width, y + height]), joint_rows(xyvs[:, :2], xyvs[:, 2], xyvs[:, 3]), score, score
    )
