"""Which layout a folder has."""

import json
from pathlib import Path

import pytest

from posepart.data.readers import find_layout, read_samples, splits_of
from posepart.schema import COCO_JOINT_NAMES, JOINT_NAMES


def write_coco_file(path: Path, joints: tuple[str, ...]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = {"id": 1, "file_name": "a.jpg", "width": 4, "height": 5}
    path.write_text(
        json.dumps({"images": [image], "annotations": [], "categories": [{"keypoints": list(joints)}]})
    )


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nowhere: no such folder"):
        read_samples(tmp_path / "nowhere", "train")


def test_an_empty_folder_is_told_the_layouts(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"not a data set .*people: .*COCO: .*PASCAL-Person-Part: "):
        read_samples(tmp_path, "train")


def test_people(tmp_path: Path) -> None:
    write_coco_file(tmp_path / "person_keypoints_train.json", JOINT_NAMES)
    write_coco_file(tmp_path / "person_keypoints_extra.json", JOINT_NAMES)
    assert find_layout(tmp_path).name == "people"
    assert splits_of(tmp_path) == ("extra", "train")
    assert read_samples(tmp_path, "train")[0].image_path == tmp_path / "images" / "a.jpg"


@pytest.mark.parametrize(
    "place", ["annotations/person_keypoints_val2017.json", "person_keypoints_val2017.json"]
)
def test_coco(tmp_path: Path, place: str) -> None:
    write_coco_file(tmp_path / place, COCO_JOINT_NAMES)
    (tmp_path / "val2017").mkdir()
    assert find_layout(tmp_path).name == "COCO"
    assert splits_of(tmp_path) == ("val",)
    assert read_samples(tmp_path, "val")[0].image_path == tmp_path / "val2017" / "a.jpg"


def test_pascal(tmp_path: Path) -> None:
    (tmp_path / "JPEGImages").mkdir()
    for split in ("train", "val"):
        (tmp_path / f"{split}_id.txt").touch()
    assert find_layout(tmp_path).name == "PASCAL-Person-Part"
    assert splits_of(tmp_path) == ("train", "val")
    assert read_samples(tmp_path, "val") == []


def test_unknown_split(tmp_path: Path) -> None:
    write_coco_file(tmp_path / "person_keypoints_train.json", JOINT_NAMES)
    with pytest.raises(ValueError, match="has no split 'val'; there are train"):
        read_samples(tmp_path, "val")
