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
    joints = [f"{joint}_{column}" for joint in labels.skeleton.joints for column in _JOINT]
    table.writerow([*_PHOTO, *_PERSON, *joints, *(f"{part}_pixels" for part in labels.parts[1:])])
    for photo in labels.photos:
        head = [photo.name, photo.width, photo.height, "" if photo.image_id is None else photo.image_id]
        people = [person for person in photo.people if not person.is_region]
        for number, person in enumerate(people, start=1):
            score = "" if person.score is None else round(person.score, SCORE_DIGITS)
            counts = np.bincount(
                np.zeros(0, np.uint8) if person.cutout is None else person.cutout.parts.ravel(), minlength=256
            )
            pixels = counts[1 : len(labels.parts)].tolist()
            table.writerow([*head, number, *rounded(person.xywh), score, *_joint_columns(person), *pixels])
        if not people:
            table.writerow(head)
    write_text(path, text.getvalue())


def _joint_columns(person: PersonRecord) -> list[object]:
    columns: list[object] = []
    for x, y, visibility, score in person.joints:
        place = rounded((x, y), COORDINATE_DIGITS)
        columns += (
            [*place, int(visibility), round(float(score), SCORE_DIGITS)] if visibility else [""] * len(_JOINT)
        )
    return columns


def read(path: Path, images: Path | None = None) -> LabelSet:
    """Read the table; the folder of photos is not needed.

    Raises
    ------
    ValueError
        It cannot be read or lacks a column.
    """
    try:
        rows = list(csv.reader(StringIO(read_text(path))))
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except (csv.Error, ValueError) as error:
        raise ValueError(f"{path}: not a CSV file ({error})") from None
    header = rows[0] if rows else []
    if tuple(header[: len(_PHOTO) + len(_PERSON)]) != _PHOTO + _PERSON:
        raise ValueError(f"{path}: expected the columns {', '.join(_PHOTO + _PERSON)}, and then joints")
    joints = tuple(name.removesuffix("_visibility") for name in header if name.endswith("_visibility"))
    photos: dict[str, PhotoRecord] = {}
    for line, row in enumerate(rows[1:], start=2):
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
    columns = [[number_of(cells[f"{joint}_{c}"] or 0, f"{joint}_{c}") for c in _JOINT] for joint in joints]
    rows = np.array(columns, np.float64).reshape(-1, len(_JOINT))
    score = number_of(cells["score"], "score") if cells["score"] else None
    return PersonRecord(
        np.array([x, y, x + width, y + height]), joint_rows(rows[:, :2], rows[:, 2], rows[:, 3]), score, score
    )
