"""The JSON file of COCO keypoints, read and checked, and the maps beside it: for every layout that has them.

People are the annotations of one category: the one that has the expected joints. A value that is written unusually
but means one thing only is taken (384.0 for 384, a byte order mark, backslashes in file names, "0" and "1" for
`iscrowd`); a value that cannot be right is refused.
"""

import reprlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from posepart.arrays import LARGEST, Float32
from posepart.io.files import LONGEST_NAME, is_file_name, read_json, shown

Record = dict[str, Any]
ImageId = int | str

_CROWD = {0: False, 1: True, "0": False, "1": True, None: False}


@dataclass(frozen=True)
class CocoFile:
    """A file that was checked; the values of its records are normalised."""

    path: Path
    images: list[Record]  # in the order of the file
    annotations: dict[ImageId, list[Record]]  # the people of each image, by its id
    category: ImageId | None  # id of the category that people have; None if the file does not tell
    left_out: int  # annotations of other categories
    people: Record  # that category: its name, and the names and links of its joints

    @property
    def remarks(self) -> list[str]:
        """Sentences about what a reader of the file may not expect."""
        found = []
        if self.left_out:
            found.append(
                f"{self.path}: {self.left_out} annotations are left out, of other categories than that of people "
                f"(category_id {self.category})"
            )
        people = [annotation for image in self.annotations.values() for annotation in image]
        crowds = sum(bool(a["iscrowd"] and any(a.get("keypoints", ())[2::3])) for a in people)
        if crowds:
            found.append(
                f"{self.path}: {crowds} ignore regions (iscrowd 1) have joints; set iscrowd 0 where they are single "
                "people"
            )
        return found


def read_coco_file(path: Path, joints: tuple[str, ...] | None) -> CocoFile:
    """Read and check a file.

    Parameters
    ----------
    path : Path
    joints : tuple of str, optional
        The names of the joints that its people must have, in order; None for any joints, also none. Then people are
        those of the one category with joints, or of that called person.

    Raises
    ------
    ValueError
        The file is absent, not JSON, or has other joints; or an image or annotation in it is broken.
    """
    try:
        data = read_json(path)
    except FileNotFoundError as error:
        raise ValueError(f"{path}: no such file; check the folder and the split") from error
    except ValueError as error:
        raise ValueError(f"{path}: not a JSON file ({error})") from error
    lists = ("images", "annotations", "categories")
    missing = [key for key in lists if not (isinstance(data, dict) and isinstance(data.get(key), list))]
    if missing:
        raise ValueError(f"{path}: lacks {', '.join(missing)}; expected COCO keypoints format")
    for kind in lists:
        for number, record in enumerate(data[kind], start=1):
            if not isinstance(record, dict):
                raise ValueError(
                    f"{path}: {kind}: entry {number} is no record; expected COCO keypoints format"
                )
    people_are = _category(path, data["categories"], joints)
    own_id = people_are.get("id")
    category = own_id if isinstance(own_id, int | str) else None
    joints = _names(people_are)
    images = [_image(path, image) for image in data["images"]]
    people = [
        a for a in data["annotations"] if category is None or a.get("category_id", category) == category
    ]
    annotations = [_annotation(path, annotation, len(joints)) for annotation in people]
    for kind, records in (("images", images), ("annotations", annotations)):
        _check_ids(path, kind, records)
    _check_units(path, images, annotations)
    by_image = _by_image(path, images, annotations)
    return CocoFile(path, images, by_image, category, len(data["annotations"]) - len(people), people_are)


def _by_image(
    path: Path, images: Sequence[Record], annotations: Sequence[Record]
) -> dict[ImageId, list[Record]]:
    found: dict[ImageId, list[Record]] = {image["id"]: [] for image in images}
    for annotation in annotations:
        wanted, where = annotation["image_id"], f"{path}: annotation {shown(annotation.get('id'))}"
        if wanted not in found:
            twin = next((image for image in found if str(image) == str(wanted)), None)
            if twin is not None:
                raise ValueError(
                    f"{where}: image_id is the {_kind(wanted)} {shown(wanted)!r}, the id of the image the "
                    f"{_kind(twin)} {shown(twin)!r}; write both the same way"
                )
            raise ValueError(
                f"{where}: no image has the id {shown(wanted)}; add the image or delete the annotation"
            )
        found[wanted].append(annotation)
    return found


def _kind(value: ImageId) -> str:
    return "text" if isinstance(value, str) else "number"


def box_of(annotation: Record) -> Float32:
    """The box of an annotation, (4,) xyxy."""
    x, y, width, height = annotation["bbox"]
    return np.array([x, y, x + width, y + height], dtype=np.float32)


def label_maps_of(folder: Path, image: Record) -> tuple[Path | None, Path | None]:
    """The part map and the instance map of an image, each None where `folder` has none.

    `parts/` and `instances/` mirror the folder of photos: the maps of `cam0/0001.jpg` are `parts/cam0/0001.png` and
    `instances/cam0/0001.png`.
    """
    name = Path(image["file_name"]).with_suffix(".png")
    parts, instances = (folder / kind / name for kind in ("parts", "instances"))
    return parts if parts.exists() else None, instances if instances.exists() else None


def joints_of(annotation: Record, count: int) -> Float32:
    """The joints of an annotation, (count, 3) x, y, visibility; zeros where it has no keypoints."""
    keypoints = annotation.get("keypoints", [0] * (3 * count))
    return np.array(keypoints, dtype=np.float32).reshape(count, 3)


def _category(path: Path, categories: Sequence[Record], joints: tuple[str, ...] | None) -> Record:
    """The category of people: the one that has the joints, or any one with joints."""
    named = [category for category in categories if category.get("keypoints")]
    if joints is None:
        return _any_category(path, named or list(categories))
    fitting = [category for category in named if _names(category) == joints]
    if len(fitting) > 1:
        people = ", ".join(str(category.get("name")) for category in fitting)
        raise ValueError(
            f"{path}: several categories have these joints ({people}); keep the one of people, or give the others a "
            "file of their own"
        )
    if fitting:
        return fitting[0]
    names = _names(named[0]) if named else ()
    raise ValueError(
        f"{path}: has {len(names)} joints {names[:3]}..., expected {joints[:3]}... ({len(joints)}, in the "
        "order of posepart/schema; a file with COCO's 17 joints has its place in annotations/)"
    )


def _any_category(path: Path, candidates: Sequence[Record]) -> Record:
    called_so = [c for c in candidates if str(c.get("name")).casefold() in ("person", "people", "human")]
    found = candidates if len(candidates) == 1 else called_so
    if len(found) != 1:
        names = ", ".join(str(shown(str(c.get("name")))) for c in candidates[:8])
        raise ValueError(
            f"{path}: which category is that of people? Expected one with keypoints, or one called person, got "
            f"{names or 'none'}; keep one of them"
        )
    if not all(isinstance(name, str) for name in _names(found[0])):
        raise ValueError(f"{path}: the keypoints of a category are its joints' names; write them as texts")
    return found[0]


def _names(category: Record) -> tuple[Any, ...]:
    return tuple(category["keypoints"]) if isinstance(category.get("keypoints"), list) else ()


def _check_ids(path: Path, kind: str, records: Sequence[Record]) -> None:
    ids = Counter(record["id"] for record in records if isinstance(record.get("id"), int | str))
    for number, count in ids.most_common(1):
        if count > 1:
            raise ValueError(
                f"{path}: {kind}: the id {shown(number)} occurs {count} times; give each its own"
            )


def _image(path: Path, image: Record) -> Record:
    name, number = image.get("file_name"), image.get("id")
    if not isinstance(name, str) or not name or isinstance(number, bool) or not isinstance(number, int | str):
        raise ValueError(f"{path}: image {shown(number)}: lacks its id or file_name; add them")
    name = name.replace("\\", "/")
    if not is_file_name(name):
        raise ValueError(
            f"{path}: image {shown(number)}: file_name: a part of more than {LONGEST_NAME} bytes, or with a "
            "zero byte, is the name of no file"
        )
    width, height = (_whole(image.get(key)) for key in ("width", "height"))
    if width is None or height is None:
        raise ValueError(
            f"{path}: image {shown(number)} ({shown(name)}): expected its width and height in pixels, "
            f"got {reprlib.repr(image.get('width'))} and {reprlib.repr(image.get('height'))}"
        )
    _check_texts(f"{path}: image {shown(number)}", image, ("source", "parts_from"))
    return {**image, "file_name": name, "width": width, "height": height}


def _whole(value: object) -> int | None:
    """A number of pixels, None for anything that is none; 384.0 is 384."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < LARGEST:
        return None
    return int(value) if value == int(value) and value > 0 else None


def _annotation(path: Path, annotation: Record, joints: int) -> Record:
    where = f"{path}: annotation {shown(annotation.get('id'))}"
    for key, length in {"bbox": 4, "keypoints": 3 * joints}.items():
        values = annotation.get(key)
        if key == "keypoints" and key not in annotation:
            continue
        if not isinstance(values, list) or len(values) != length or not all(_is_number(v) for v in values):
            raise ValueError(
                f"{where}: expected {length} finite numbers as {key}, got {reprlib.repr(values)}"
            )
    if not isinstance(annotation.get("image_id"), int | str):
        raise ValueError(f"{where}: lacks image_id")
    crowd = annotation.get("iscrowd")
    if not isinstance(crowd, int | str | None) or crowd not in _CROWD:
        raise ValueError(f"{where}: expected 0 or 1 as iscrowd, got {reprlib.repr(crowd)}")
    instance = annotation.get("instance_value") or 0
    if instance not in range(256):  # 3.0 is, too
        raise ValueError(f"{where}: expected 0..255 as instance_value, got {reprlib.repr(instance)}")
    _check_texts(where, annotation, ("joints_from",))
    return {**annotation, "iscrowd": _CROWD[crowd], "instance_value": int(instance)}


def _check_texts(where: str, record: Record, keys: Sequence[str]) -> None:
    for key in keys:
        if not isinstance(record.get(key, ""), str):
            raise ValueError(f"{where}: expected a text as {key}, got {reprlib.repr(record[key])}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST


def _check_units(
    path: Path, images: Sequence[Mapping[str, Any]], annotations: Sequence[Mapping[str, Any]]
) -> None:
    """Refuse labels in shares of the photo's sides: no box of the file is larger than a pixel."""
    small = [max(map(abs, annotation["bbox"])) <= 1 for annotation in annotations]
    if small and all(small) and any(max(image["width"], image["height"]) > 2 for image in images):
        raise ValueError(
            f"{path}: all boxes lie within one pixel, as if they were shares of the photo's sides; write boxes and "
            "joints in pixels"
        )
