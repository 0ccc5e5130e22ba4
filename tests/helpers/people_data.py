"""A small labelled data set on disk, with perfect, empty and poor results for it."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from posepart.data.coco_people import read_coco_people
from posepart.data.sample import Sample
from posepart.metrics.similarity import pose_boxes
from posepart.schema import JOINT_NAMES, NUM_PARTS, Joint
from posepart.structures import Certificate, Person, Pose, Scene

# Torso diagonals 50 px, forehead to neck 20 px.
STANDING = np.array(
    [
        [0, 0],
        [0, 20],
        [15, 30],
        [-15, 30],
        [25, 50],
        [-25, 50],
        [30, 70],
        [-30, 70],
        [15, 70],
        [-15, 70],
        [15, 110],
        [-15, 110],
        [15, 150],
        [-15, 150],
    ],
    dtype=np.float64,
)

WIDTH, HEIGHT = 320, 200
SOURCES = ("lsp_extended", "coco", "coco", "pelota", "coco")
PLACES: tuple[list[tuple[int, int]], ...] = (
    [(60, 20)],
    [(60, 20), (160, 25), (250, 30)],
    [(100, 30), (180, 20)],
    [(90, 22)],
    [],
)


def write_people(folder: Path) -> list[Sample]:
    """Five photos: a gymnast, a group of three, a group of two, one person, nobody. Parts and instances too."""
    for name in ("images", "parts", "instances"):
        (folder / name).mkdir()
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (source, places) in enumerate(zip(SOURCES, PLACES, strict=True), start=1):
        name = f"photo_{number}"
        parts, instances = np.zeros((HEIGHT, WIDTH), np.uint8), np.zeros((HEIGHT, WIDTH), np.uint8)
        for index, (x, y) in enumerate(places, start=1):
            joints = np.concatenate([STANDING + np.array([x, y]), np.full((14, 1), 2)], axis=1)
            box = pose_boxes(joints[None, :, :2], np.ones((1, 14), bool))[0]
            for part in range(1, NUM_PARTS):
                rows = slice(y + 25 * (part - 1), y + 25 * part)
                parts[rows, x - 15 : x + 15], instances[rows, x - 15 : x + 15] = part, index
            annotations.append(
                {"id": len(annotations) + 1, "image_id": number, "category_id": 1, "iscrowd": 0}
                | {"bbox": [float(v) for v in (*box[:2], *(box[2:] - box[:2]))], "joints_from": "human"}
                | {"keypoints": joints.ravel().tolist(), "num_keypoints": 14, "instance_value": index}
            )
        Image.new("RGB", (WIDTH, HEIGHT)).save(folder / "images" / f"{name}.jpg")
        for kind, ids in (("parts", parts), ("instances", instances)):
            Image.fromarray(ids).save(folder / kind / f"{name}.png")
        images.append(
            {"id": number, "file_name": f"{name}.jpg", "width": WIDTH, "height": HEIGHT}
            | {"source": source, "parts_from": "derived", "boxes_complete": source != "lsp_extended"}
        )
    content = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person", "keypoints": list(JOINT_NAMES), "skeleton": []}],
    }
    (folder / "person_keypoints_val.json").write_text(json.dumps(content))
    return read_coco_people(folder, "val")


def perfect_scene(sample: Sample, reverse: bool = False) -> Scene:
    """What a model without fault would return, its people in either order."""
    people, person_map = [], np.zeros((HEIGHT, WIDTH), np.uint8)
    instances, parts = sample.read_instances(), sample.read_parts()
    assert instances is not None and parts is not None
    for number, person in enumerate(sample.people[:: -1 if reverse else 1], start=1):
        assert person.joints is not None
        pose = Pose(person.joints[:, :2].copy(), np.full(14, 1.0, np.float32), -1.0)
        people.append(Person(pose, person.box, 0.9, Certificate.none("made up")))
        person_map[instances == person.instance] = number
    return Scene(tuple(people), parts.copy(), person_map, "perfect")


def empty_scene(sample: Sample) -> Scene:
    """What a blind model would return."""
    nothing = np.zeros((HEIGHT, WIDTH), np.uint8)
    return Scene((), nothing, nothing.copy(), "empty")


def poor_scene(sample: Sample) -> Scene:
    """The perfect one with every left wrist 30 px off, half of the score, and heads taken for torsos."""
    scene = perfect_scene(sample)
    people = []
    for person in scene.people:
        xy = person.pose.xy.copy()
        xy[Joint.LEFT_WRIST] += (30, 0)
        scores = np.where(np.arange(14) == Joint.LEFT_WRIST, 0.5, 1.0).astype(np.float32)
        people.append(Person(Pose(xy, scores, -2.0), person.box, 0.9, Certificate.none("made up")))
    part_map = np.where(scene.part_map == 1, 2, scene.part_map).astype(np.uint8)
    return Scene(tuple(people), part_map, scene.person_map, "poor")


def numbered(sample: Sample, file_name: str) -> Sample:
    """The sample as if its photo had another name."""
    path = sample.image_path.with_name(file_name)
    return dataclasses.replace(sample, image_path=path, name=file_name, image_id=None)
