"""A `Scene` as a picture, files, COCO, a table and a few lines: the work behind its methods."""

import importlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from posepart.arrays import Rgb
from posepart.draw import draw_overlay
from posepart.formats import coco, csv_table
from posepart.formats.known import skeleton_named
from posepart.formats.records import LabelSet
from posepart.formats.results import photo_of_scene
from posepart.io.results import PhotoInfo, write_result
from posepart.schema import PART_NAMES
from posepart.structures import Person, Scene

_GREY = 110  # what is drawn on without the photo
_NOTEBOOK_SIDE = 900  # px, of the picture in a notebook
_SHOWN = 12  # people that a description names


def plot(scene: Scene, photo: Rgb | None, max_side: int) -> Image.Image:
    """See `Scene.plot`."""
    if photo is None:
        photo = scene.photo
    if photo is None:
        photo = np.full((*scene.part_map.shape, 3), _GREY, np.uint8)
    return Image.fromarray(draw_overlay(photo, scene, max_side))


def as_png(scene: Scene) -> bytes:
    """The picture that a notebook shows."""
    file = BytesIO()
    plot(scene, None, _NOTEBOOK_SIDE).save(file, "PNG")
    return file.getvalue()


def save(scene: Scene, folder: str | Path, name: str) -> Path:
    """See `Scene.save`."""
    name = name or Path(scene.file_name).stem
    if name in ("", "..") or Path(name).name != name:
        raise ValueError(f"name: expected the name of the result files, without folders, got {name!r}")
    folder = Path(folder)
    overlay = None if scene.photo is None else draw_overlay(scene.photo, scene)
    info = PhotoInfo(name, scene.file_name or name, *scene.size)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return write_result(scene, info, folder, overlay=overlay)
    except OSError as error:
        raise ValueError(f"{folder}: cannot be written ({error.strerror}); choose another folder") from None


def to_coco(scene: Scene, image_id: int, skeleton: str) -> dict[str, Any]:
    """See `Scene.to_coco`."""
    return coco.coco_record(_labels(scene, image_id, skeleton))


def to_dataframe(scene: Scene, skeleton: str) -> Any:
    """See `Scene.to_dataframe`."""
    pandas = _optional("pandas")
    labels = _labels(scene, None, skeleton)
    rows = [row for photo in labels.photos for row in csv_table.rows(photo, len(labels.parts))]
    return pandas.DataFrame(rows, columns=csv_table.columns(labels)).drop(columns="image_id")


def to_supervision(scene: Scene, skeleton: str) -> Any:
    """See `Scene.to_supervision`."""
    supervision = _optional("supervision")
    (photo,) = _labels(scene, None, skeleton).photos
    people = photo.people
    joints = len(skeleton_named(skeleton).joints)
    rows = np.array([person.joints for person in people], np.float32).reshape(-1, joints, 4)
    scores = np.array([person.score for person in people], np.float32)
    numbers = np.arange(1, len(people) + 1, dtype=np.uint8)
    classes = np.zeros(len(people), int)
    detections = supervision.Detections(
        xyxy=np.array([person.box for person in people], np.float32).reshape(-1, 4),
        mask=scene.person_map == numbers[:, None, None],
        confidence=scores,
        class_id=classes,
        data={"class_name": np.array(["person"] * len(people), dtype=str)},
    )
    key_points = supervision.KeyPoints(
        xy=rows[..., :2],
        class_id=classes,
        keypoint_confidence=rows[..., 3],
        detection_confidence=scores,
        visible=rows[..., 2] > 0,
    )
    return detections, key_points


def _labels(scene: Scene, image_id: int | None, skeleton: str) -> LabelSet:
    photo = photo_of_scene(scene, scene.file_name or "photo", image_id)
    return LabelSet((photo,)).with_skeleton(skeleton_named(skeleton))


def _optional(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ValueError(f"this needs the package {package} ({error}): run `pip install {package}`") from None


def described(scene: Scene) -> str:
    """A few lines: how many people, and what was found of each."""
    width, height = scene.size
    count = len(scene.people)
    head = f"Scene of {scene.file_name or 'a photo'}, {width} x {height} px: "
    head += f"{count or 'no'} {'person' if count == 1 else 'people'} ({scene.model})"
    lines = [_line(scene, index, person) for index, person in enumerate(scene.people[:_SHOWN])]
    more = [f"  and {count - _SHOWN} more"] if count > _SHOWN else []
    return "\n".join([head, *lines, *more])


def _line(scene: Scene, index: int, person: Person) -> str:
    x0, y0, x1, y1 = (round(float(value)) for value in person.box)
    score = person.box_score if person.confidence is None else person.confidence
    present = person.pose.present
    parts = np.unique(scene.part_map[scene.person_map == index + 1])
    shown = ", ".join(PART_NAMES[part] for part in parts if 0 < part < len(PART_NAMES))
    found = f"{int(present.sum())} of {len(present)} joints"
    return (
        f"  {index + 1}. score {score:.2f}, box ({x0}, {y0}) to ({x1}, {y1}), {found}; {shown or 'no parts'}"
    )
