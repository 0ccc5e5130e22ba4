"""The JSON file of COCO keypoints, read and checked, and the maps beside it: for every layout that has them."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from posepart.arrays import Float32

Record = dict[str, Any]


@dataclass(frozen=True)
class CocoFile:
    """A file that was checked."""

    images: list[Record]  # in the order of the file
    annotations: dict[int, list[Record]]  # of each image, by its id


def read_coco_file(path: Path, joints: tuple[str, ...]) -> CocoFile:
    """Read and check a file.

    Parameters
    ----------
    path : Path
    joints : tuple of str
        The names of the joints that its people must have, in order.

    Raises
    ------
    ValueError
        The file is absent, not JSON, or has other joints; or an image or annotation in it is broken.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ValueError(f"{path}: no such file; check the folder and the split") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a JSON file ({error})") from error
    lists = ("images", "annotations", "categories")
    missing = [key for key in lists if not (isinstance(data, dict) and isinstance(data.get(key), list))]
    if missing:
        raise ValueError(f"{path}: lacks {', '.join(missing)}; expected COCO keypoints format")
    _check_joints(path, data["categories"], joints)
    for image in data["images"]:
        _check_image(path, image)
    for annotation in data["annotations"]:
        _check_annotation(path, annotation, len(joints))
    for kind in ("images", "annotations"):
        _check_ids(path, kind, data[kind])
    return CocoFile(data["images"], _by_image(path, data["images"], data["annotations"]))


def _by_image(path: Path, images: list[Record], annotations: list[Record]) -> dict[int, list[Record]]:
    found: dict[int, list[Record]] = {image["id"]: [] for image in images}
    for annotation in annotations:
        if annotation["image_id"] not in found:
            raise ValueError(
                f"{path}: annotation {annotation.get('id')}: no image has the id {annotation['image_id']}; "
                "add the image or delete the annotation"
            )
        found[annotation["image_id"]].append(annotation)
    return found


def box_of(annotation: Record) -> Float32:
    """The box of an annotation, (4,) xyxy."""
    x, y, width, height = annotation["bbox"]
    return np.array([x, y, x + width, y + height], dtype=np.float32)


def label_maps_of(folder: Path, image: Record) -> tuple[Path | None, Path | None]:
    """The part map and the instance map of an image, each None where `folder` has none."""
    name = f"{Path(image['file_name']).stem}.png"
    parts, instances = (folder / kind / name for kind in ("parts", "instances"))
    return parts if parts.exists() else None, instances if instances.exists() else None


def joints_of(annotation: Record, count: int) -> Float32:
    """The joints of an annotation, (count, 3) x, y, visibility; zeros where it has no keypoints."""
    keypoints = annotation.get("keypoints", [0] * (3 * count))
    return np.array(keypoints, dtype=np.float32).reshape(count, 3)


def _check_joints(path: Path, categories: list[Record], joints: tuple[str, ...]) -> None:
    names = tuple(categories[0].get("keypoints", ())) if categories else ()
    if names != joints:
        raise ValueError(
            f"{path}: has {len(names)} joints {names[:3]}..., expected {joints[:3]}... ({len(joints)}, in the "
            "order of posepart/schema; a file with COCO's 17 joints has its place in annotations/)"
        )


def _check_ids(path: Path, kind: str, records: list[Record]) -> None:
    ids = Counter(record["id"] for record in records if "id" in record)
    for number, count in ids.most_common(1):
        if count > 1:
            raise ValueError(f"{path}: {kind}: the id {number} occurs {count} times; give each its own")


def _check_image(path: Path, image: Record) -> None:
    sizes = [image.get(key) for key in ("width", "height")]
    if not isinstance(image.get("file_name"), str) or "id" not in image:
        raise ValueError(f"{path}: image {image.get('id')}: lacks its id or file_name; add them")
    if not all(isinstance(size, int) and size > 0 for size in sizes):
        raise ValueError(
            f"{path}: image {image['id']} ({image['file_name']}): expected its width and height in pixels, "
            f"got {sizes[0]} and {sizes[1]}"
        )


def _check_annotation(path: Path, annotation: Record, joints: int) -> None:
    lengths = {"bbox": 4, "keypoints": 3 * joints}
    for key, length in lengths.items():
        values = annotation.get(key, [0] * length if key == "keypoints" else None)
        if not isinstance(values, list) or len(values) != length or not _are_numbers(values):
            raise ValueError(
                f"{path}: annotation {annotation.get('id')}: expected {length} numbers as {key}, got {values}"
            )
    if "image_id" not in annotation:
        raise ValueError(f"{path}: annotation {annotation.get('id')}: lacks image_id")


def _are_numbers(values: list[Any]) -> bool:
    return all(isinstance(value, int | float) for value in values)
