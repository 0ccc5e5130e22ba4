"""Reader of COCO-keypoints annotations with part and instance PNGs beside the images.

Layout::

    DIR/images/NAME.jpg
    DIR/parts/NAME.png                       optional, indexed part ids, 255 = ignore
    DIR/instances/NAME.png                   optional, indexed person values
    DIR/person_keypoints_{split}.json        COCO keypoints format, one category with our 14 joints

Extra annotation fields are optional: image `source`, `parts_from`, `boxes_complete`; annotation `joints_from`,
`instance_value`. `iscrowd: 1` marks an ignore region; with `ignore_reason: "detector"` it is the box of one
person whom a detector found and nobody checked.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from posepart.data.sample import LabelledPerson, Sample
from posepart.schema import JOINT_NAMES, NUM_JOINTS


def read_coco_people(folder: Path, split: str = "train") -> list[Sample]:
    """The samples of one split, in the order of the file.

    Raises
    ------
    ValueError: when the annotation file is absent, is not JSON, has other joints, or a broken annotation.
    """
    path = Path(folder) / f"person_keypoints_{split}.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ValueError(
            f"{path}: no such file; a data folder holds person_keypoints_{split}.json"
        ) from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a JSON file ({error})") from error
    _check_joints(path, data)
    for annotation in data["annotations"]:
        _check_annotation(path, annotation)
    by_image: dict[int, list[dict[str, Any]]] = {}
    for annotation in data["annotations"]:
        by_image.setdefault(annotation["image_id"], []).append(annotation)
    return [_sample(Path(folder), image, by_image.get(image["id"], [])) for image in data["images"]]


def _check_joints(path: Path, data: dict[str, Any]) -> None:
    missing = [key for key in ("images", "annotations", "categories") if key not in data]
    if missing:
        raise ValueError(f"{path}: lacks {', '.join(missing)}; expected COCO keypoints format")
    names = tuple(data["categories"][0].get("keypoints", ())) if data["categories"] else ()
    if names != JOINT_NAMES:
        raise ValueError(
            f"{path}: has joints {names[:3]}..., expected {JOINT_NAMES[:3]}... (14, schema order)"
        )


def _check_annotation(path: Path, annotation: dict[str, Any]) -> None:
    lengths = {"bbox": 4, "keypoints": 3 * NUM_JOINTS}
    for key, length in lengths.items():
        values = annotation.get(key, [0] * length if key == "keypoints" else None)
        if not isinstance(values, list) or len(values) != length:
            raise ValueError(
                f"{path}: annotation {annotation.get('id')}: expected {length} numbers as {key}, got {values}"
            )
    if "image_id" not in annotation:
        raise ValueError(f"{path}: annotation {annotation.get('id')}: lacks image_id")


def _xyxy(bbox: list[float]) -> np.ndarray:
    x, y, w, h = bbox
    return np.array([x, y, x + w, y + h], dtype=np.float32)


def _person(annotation: dict[str, Any]) -> LabelledPerson:
    keypoints = annotation.get("keypoints", [0] * (3 * NUM_JOINTS))
    joints = np.array(keypoints, dtype=np.float32).reshape(NUM_JOINTS, 3)
    origin = annotation.get("joints_from", "human")
    return LabelledPerson(
        box=_xyxy(annotation["bbox"]),
        joints=None if origin == "none" or not (joints[:, 2] > 0).any() else joints,
        joints_from=origin,
        instance=annotation.get("instance_value") or 0,
    )


def _sample(folder: Path, image: dict[str, Any], annotations: list[dict[str, Any]]) -> Sample:
    stem = Path(image["file_name"]).stem
    part_path, instance_path = folder / "parts" / f"{stem}.png", folder / "instances" / f"{stem}.png"
    ignored = [a for a in annotations if a.get("iscrowd")]
    return Sample(
        image_path=folder / "images" / image["file_name"],
        width=image["width"],
        height=image["height"],
        people=tuple(_person(a) for a in annotations if not a.get("iscrowd")),
        ignore_boxes=np.array([_xyxy(a["bbox"]) for a in ignored], dtype=np.float32).reshape(-1, 4),
        boxes_complete=bool(image.get("boxes_complete", True)),
        part_path=part_path if part_path.exists() else None,
        instance_path=instance_path if instance_path.exists() else None,
        parts_from=image.get("parts_from", "human") if part_path.exists() else "none",
        source=image.get("source", ""),
        unchecked=np.array([a.get("ignore_reason") == "detector" for a in ignored], bool),
    )
