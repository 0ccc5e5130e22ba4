"""LabelMe: `NAME.json` per photo; a rectangle, points and masks per person, tied by `group_id`.

The masks are LabelMe's own `mask` shapes, so no pixel is lost to outlines; polygons are read as well. Occluded
joints have the flag `occluded`; the score of a rectangle or point is its description.
"""

import base64
import binascii
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from posepart.formats.coco import SCORE_DIGITS, rounded
from posepart.formats.polygons import polygon_mask
from posepart.formats.reading import files_in, json_of, number_of, numbers_of, size_of
from posepart.formats.records import Cutout, LabelSet, PersonRecord, check_pixels
from posepart.formats.rle import cutout_of
from posepart.formats.shapes import PERSON, Joint, PhotoShapes, assemble, part_cutouts
from posepart.io.files import is_file_name, shown, write_text

_VERSION = "5.5.0"  # of LabelMe, whose form this is


def write(labels: LabelSet, path: Path) -> None:
    """Write the folder."""
    for photo in labels.photos:
        shapes = [_mask(name, mask, None) for name, mask in part_cutouts(photo.nobody, labels.parts)]
        for group, person in enumerate(photo.people, start=1):
            shapes += _shapes(person, group, labels)
        file = path / f"{photo.stem}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        head: dict[str, Any] = {
            "version": _VERSION,
            "flags": {},
            "shapes": shapes,
            "imagePath": photo.name.rpartition("/")[2],
        }
        head |= {"imageData": None, "imageHeight": photo.height, "imageWidth": photo.width}
        write_text(file, json.dumps(head, allow_nan=False, indent=1) + "\n")


def _shapes(person: PersonRecord, group: int, labels: LabelSet) -> list[dict[str, Any]]:
    x0, y0, x1, y1 = rounded(person.box)
    shapes = [_shape(PERSON, [[x0, y0], [x1, y1]], group, "rectangle", score=person.score)]
    for name, (x, y, visibility, score) in zip(labels.skeleton.joints, person.joints, strict=True):
        if visibility:
            known = None if person.score is None else float(score)
            flags = {"occluded": True} if visibility == 1 else {}
            shapes.append(_shape(name, [rounded((x, y))], group, "point", flags, known))
    return shapes + [_mask(name, mask, group) for name, mask in part_cutouts(person.cutout, labels.parts)]


def _shape(
    label: str,
    points: list[list[float]],
    group: int | None,
    kind: str,
    flags: dict[str, bool] | None = None,
    score: float | None = None,
) -> dict[str, Any]:
    described = "" if score is None else f"{round(score, SCORE_DIGITS)}"
    return {
        "label": label,
        "points": points,
        "group_id": group,
        "description": described,
        "shape_type": kind,
        "flags": flags or {},
        "mask": None,
    }


def _mask(label: str, cutout: Cutout, group: int | None) -> dict[str, Any]:
    rows, columns = cutout.parts.shape
    file = BytesIO()
    Image.fromarray(cutout.mask()).save(file, "PNG")
    corners = [
        [cutout.left, cutout.top],
        [cutout.left + columns - 1, cutout.top + rows - 1],
    ]  # both are inside
    return _shape(label, corners, group, "mask") | {"mask": base64.b64encode(file.getvalue()).decode()}


def read(path: Path, images: Path | None = None) -> LabelSet:
    """Read the folder, or one file; the folder of photos is not needed.

    Raises
    ------
    ValueError
        A file is broken, or has a shape of another kind than rectangle, point, mask and polygon.
    """
    files = [path] if path.is_file() else files_in(path, "*.json")
    return assemble([_read(file, path) for file in files], path.name)


def _read(file: Path, root: Path) -> PhotoShapes:
    record = json_of(file)
    if not isinstance(record, dict) or not isinstance(record.get("shapes"), list):
        raise ValueError(f"{file}: expected a file of LabelMe with its shapes")
    try:
        width, height = size_of(record.get("imageWidth"), record.get("imageHeight"))
        check_pixels(str(file), width, height)
        base = (
            str(record.get("imagePath") or file.with_suffix(".jpg").name)
            .replace("\\", "/")
            .rpartition("/")[2]
        )
        if not is_file_name(base):
            raise ValueError("imagePath is the name of no file")
        folder = file.parent.relative_to(root).as_posix() if root.is_dir() else "."
        photo = PhotoShapes(base if folder == "." else f"{folder}/{base}", width, height)
        for shape in record["shapes"]:
            if not isinstance(shape, dict) or not isinstance(shape.get("label"), str):
                raise ValueError("a shape lacks its label")
            _add(photo, shape)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    return photo


def _add(photo: PhotoShapes, shape: dict[str, Any]) -> None:
    label, kind, group = shape["label"], shape.get("shape_type"), shape.get("group_id")
    owner = None if group is None else str(group)
    points = shape.get("points")
    if not isinstance(points, list):
        raise ValueError(f"{label}: a shape lacks its points")
    xy = [numbers_of(point, 2, f"a point of {shown(label)}") for point in points]
    expected = {"rectangle": 2, "point": 1, "mask": 2}.get(str(kind), len(xy))
    if len(xy) != expected:
        raise ValueError(f"{shown(label)}: expected {expected} points of a {kind}, got {len(xy)}")
    if kind == "rectangle":
        box = np.array([*np.min(xy, axis=0), *np.max(xy, axis=0)], np.float64)
        photo.boxes.append((owner, box, _score(shape)))
    elif kind == "point":
        flags = shape.get("flags")
        occluded = isinstance(flags, dict) and bool(flags.get("occluded"))
        score = _score(shape)
        joint = Joint(label, (xy[0][0], xy[0][1]), 1 if occluded else 2, 1.0 if score is None else score)
        photo.joints.append((owner, joint))
    elif kind in ("mask", "polygon"):
        if kind == "mask":
            bits, left, top = _bits(shape), int(xy[0][0]), int(xy[0][1])
            if min(left, top) < 0 or left + bits.shape[1] > photo.width or top + bits.shape[0] > photo.height:
                raise ValueError(f"{shown(label)}: the mask leaves the photo")
            cutout = cutout_of(bits, 1, left, top)
        else:
            cutout = cutout_of(
                polygon_mask([[v for point in xy for v in point]], photo.width, photo.height), 1
            )
        if cutout is not None:
            photo.masks.append((owner, label, cutout))
    else:
        raise ValueError(f"{shown(label)}: is of the kind {shown(str(kind))}, which is not read; delete it")


def _score(shape: dict[str, Any]) -> float | None:
    text = shape.get("description")
    try:
        score = number_of(text, "score") if text else None
    except ValueError:
        return None  # a description in words
    return score if score is not None and 0 <= score <= 1 else None


def _bits(shape: dict[str, Any]) -> Any:
    try:
        with Image.open(BytesIO(base64.b64decode(str(shape.get("mask")))), formats=["PNG"]) as picture:
            return np.array(picture.convert("L")) > 0
    except (OSError, ValueError, binascii.Error, SyntaxError, Image.DecompressionBombError):
        raise ValueError(f"{shown(shape['label'])}: its mask is no PNG in base 64") from None
