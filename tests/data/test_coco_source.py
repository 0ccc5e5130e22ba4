"""Any COCO file: joints by name or by a map, photos where tools put them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from posepart.cli.main import main
from posepart.data.coco_source import CocoSource
from posepart.data.readers import find_layout, read_samples, splits_of
from posepart.schema import Joint


def write_file(path: Path, photo: Path, joints: list[str], points: list[list[int]], **others: Any) -> Path:
    for folder in (path.parent, photo.parent):
        folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 48)).save(photo)
    person = {"id": 0, "image_id": 0, "category_id": 1, "bbox": [1, 2, 30, 40]}
    person |= {"keypoints": [n for row in points for n in row], "iscrowd": 0, "area": 500}
    categories = [
        {"id": 0, "name": "gymnasts"},
        {"id": 1, "name": "gymnast", "keypoints": joints, "skeleton": []},
    ]
    image = {"id": 0, "file_name": photo.name, "width": 64, "height": 48} | others
    path.write_text(json.dumps({"images": [image], "annotations": [person], "categories": categories}))
    return path


NAMES, POINTS = ["LeftShoulder", "r_shoulder", "spine"], [[10, 11, 2], [20, 13, 1], [15, 30, 2]]


def test_joints_are_matched_by_name(tmp_path: Path) -> None:
    path = write_file(tmp_path / "labels.json", tmp_path / "a.png", NAMES, POINTS)
    (sample,) = read_samples(path, "val")
    joints = sample.people[0].joints
    assert joints is not None
    np.testing.assert_array_equal(joints[Joint.LEFT_SHOULDER], [10, 11, 2])
    np.testing.assert_array_equal(joints[Joint.RIGHT_SHOULDER], [20, 13, 1])
    np.testing.assert_array_equal(joints[Joint.NECK], [15, 12, 1])  # between the shoulders, and as visible
    assert (joints[:, 2] > 0).sum() == 3
    assert splits_of(path) == ("train",)


def test_a_map_tells_the_others(tmp_path: Path) -> None:
    path = write_file(tmp_path / "labels.json", tmp_path / "photos" / "a.png", NAMES, POINTS)
    (sample,) = read_samples(CocoSource(path, tmp_path / "photos", {"neck": "spine"}), "val")
    joints = sample.people[0].joints
    assert joints is not None
    np.testing.assert_array_equal(joints[Joint.NECK], [15, 30, 2])


@pytest.mark.parametrize(
    ("file", "photo"),
    [
        ("annotations/person_keypoints_default.json", "images/default/a.png"),  # CVAT
        ("annotations/person_keypoints_default.json", "images/a.png"),
        ("labels.json", "images/a.png"),
        ("train/_annotations.coco.json", "train/a.png"),  # Roboflow
    ],
)
def test_photos_are_found(file: str, photo: str, tmp_path: Path) -> None:
    path = write_file(tmp_path / file, tmp_path / photo, NAMES, POINTS)
    (sample,) = read_samples(path, "train")
    assert sample.image_path == tmp_path / photo


def test_a_folder_of_roboflow(tmp_path: Path) -> None:
    for folder in ("train", "valid"):
        write_file(tmp_path / folder / "_annotations.coco.json", tmp_path / folder / "a.png", NAMES, POINTS)
    assert find_layout(tmp_path).name == "Roboflow"
    assert splits_of(tmp_path) == ("train", "val")
    assert read_samples(tmp_path, "val")[0].image_path == tmp_path / "valid" / "a.png"


def test_check_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_file(tmp_path / "labels.json", tmp_path / "photos" / "a.png", NAMES, POINTS)
    arguments = ["data", "check", str(path), "--images", str(tmp_path / "photos"), "--joints", "neck=spine"]
    assert main(arguments) == 0
    assert "nothing is wrong" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "is not near it; name the folder with --images DIR"),
        (["--images", "nowhere"], "nowhere: no such folder"),
        (["--joints", "neck"], "expected pairs such as neck=spine_top"),
        (["--joints", "tail=spine"], "tail is no joint"),
        (["--joints", "neck=tail"], "has no joint tail; it has LeftShoulder"),
    ],
)
def test_refused(
    options: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_file(tmp_path / "labels.json", tmp_path / "photos" / "a.png", NAMES, POINTS)
    assert main(["data", "check", str(path), *options]) in (1, 2)
    said = capsys.readouterr()
    assert sentence in said.out + said.err


def test_joints_that_nobody_knows(tmp_path: Path) -> None:
    path = write_file(tmp_path / "labels.json", tmp_path / "a.png", ["a", "b", "c"], POINTS)
    with pytest.raises(ValueError, match=r"none of its joints is known \(a, b, c \.\.\.\)"):
        read_samples(path, "val")
