"""Writes scenes as a folder of training data: COCO keypoints with part and instance PNGs, as `coco_people` reads it.

Layout::

    DIR/images/NAME.jpg
    DIR/parts/NAME.png, DIR/instances/NAME.png    8-bit indexed, PASCAL VOC palette
    DIR/scenes/NAME.json                          the labels of a scene; written last, marks it complete
    DIR/person_keypoints_train.json               all complete scenes of the folder
    DIR/generator.json                            the settings that the scenes were drawn with
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from posepart.io.files import read_json, write_atomically, write_json
from posepart.io.label_maps import write_label_map
from posepart.schema import JOINT_NAMES, SKELETON, voc_palette

from .scene import SyntheticPerson, SyntheticScene

Record = dict[str, Any]
SMALLEST_HEIGHT = 32  # pixels; smaller people are ignore regions
JPEG_QUALITY = 95
FOLDERS = ("images", "parts", "instances", "scenes")


def prepare_folder(folder: Path, settings: Record) -> None:
    """Make the folder, or check that the scenes in it were drawn with the same settings.

    Parameters
    ----------
    folder : Path
    settings : dict
        Of `generator.json`; values that JSON can hold.

    Raises
    ------
    ValueError
        If it holds scenes of other settings.
    """
    for name in FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    path = folder / "generator.json"
    settings = json.loads(json.dumps(settings))
    if not path.exists():
        write_json(path, settings)
        return
    found = read_json(path)
    if found != settings:
        names = sorted(k for k in {*found, *settings} if found.get(k) != settings.get(k))
        raise ValueError(
            f"{folder} holds scenes drawn with other settings ({', '.join(names)}); choose another folder"
        )


def is_complete(folder: Path, name: str) -> bool:
    """Whether a scene was written completely."""
    return (folder / "scenes" / f"{name}.json").exists()


def person_record(person: SyntheticPerson, value: int) -> Record:
    """The COCO annotation of a person, without ids; `value` is the person's value in the instance map.

    A person less than 32 pixels high, or without a joint in the picture, is an ignore region.
    """
    x0, y0, x1, y1 = (float(v) for v in person.box)
    left, top, right, bottom = (float(v) for v in person.amodal_box)
    inside = person.joints[:, 2] > 0
    keypoints = np.where(inside[:, None], person.joints, 0).round(2)
    record: Record = {
        "category_id": 1,
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "amodal_bbox": [round(v, 2) for v in (left, top, right - left, bottom - top)],
        "area": person.area,
        "iscrowd": 0,
        "keypoints": [n for x, y, v in keypoints.tolist() for n in (round(x, 2), round(y, 2), int(v))],
        "num_keypoints": int(inside.sum()),
        "joints_from": "exact",
        "instance_value": value,
        "pose_family": person.family,
    }
    if y1 - y0 < SMALLEST_HEIGHT or not inside.any():
        record |= {"iscrowd": 1, "ignore_reason": "small" if inside.any() else "no_joint"}
    return record


def write_scene(folder: Path, name: str, scene: SyntheticScene) -> None:
    """Write a scene; its record is written last and marks it complete."""
    picture = Image.fromarray(scene.image)
    write_atomically(
        folder / "images" / f"{name}.jpg",
        lambda file: picture.save(file, "JPEG", quality=JPEG_QUALITY, subsampling=0),
    )
    write_label_map(folder / "parts" / f"{name}.png", scene.parts, voc_palette())
    write_label_map(folder / "instances" / f"{name}.png", scene.instances, voc_palette())
    height, width = scene.parts.shape
    record: Record = {
        "image": {
            "file_name": f"{name}.jpg",
            "width": width,
            "height": height,
            "source": "synthetic",
            "parts_from": "exact",
            "boxes_complete": True,
            "seed": scene.seed,
        },
        "annotations": [person_record(person, k) for k, person in enumerate(scene.people, 1)],
    }
    write_json(folder / "scenes" / f"{name}.json", record)


def write_annotations(folder: Path) -> int:
    """Collect all complete scenes in person_keypoints_train.json, and return their number."""
    images: list[Record] = []
    annotations: list[Record] = []
    for path in sorted((folder / "scenes").glob("*.json")):
        record = read_json(path)
        images.append({"id": len(images) + 1, **record["image"]})
        for annotation in record["annotations"]:
            annotations.append({"id": len(annotations) + 1, "image_id": len(images), **annotation})
    category = {
        "id": 1,
        "name": "person",
        "supercategory": "person",
        "keypoints": list(JOINT_NAMES),
        "skeleton": [[int(a) + 1, int(b) + 1] for a, b, _ in SKELETON],
    }
    whole: Record = {
        "info": {"description": "synthetic people, 14 joints, 7-class parts, exact labels"},
        "images": images,
        "annotations": annotations,
        "categories": [category],
    }
    write_json(folder / "person_keypoints_train.json", whole)
    return len(images)
