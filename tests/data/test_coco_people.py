"""Reader of the COCO people layout."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from posepart.data.coco_people import read_coco_people
from posepart.data.sample import LabelledPerson, Sample
from posepart.schema import JOINT_NAMES, Joint


def annotation(**changes: Any) -> dict[str, Any]:
    keypoints = [0] * 42
    keypoints[3 * Joint.NECK : 3 * Joint.NECK + 3] = [12, 7, 2]
    return {"id": 1, "image_id": 5, "bbox": [10, 5, 20, 30], "keypoints": keypoints, "iscrowd": 0, **changes}


def write_folder(folder: Path, annotations: list[dict[str, Any]], split: str = "train", **image: Any) -> Path:
    data = {
        "images": [{"id": 5, "file_name": "a.jpg", "width": 40, "height": 50, **image}],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person", "keypoints": list(JOINT_NAMES)}],
    }
    (folder / f"person_keypoints_{split}.json").write_text(json.dumps(data))
    return folder


def test_a_photo_without_people(tmp_path: Path) -> None:
    (sample,) = read_coco_people(write_folder(tmp_path, []))
    assert sample.people == ()
    assert sample.ignore_boxes.shape == (0, 4)
    assert (sample.width, sample.height) == (40, 50)
    assert (sample.part_path, sample.instance_path, sample.parts_from) == (None, None, "none")
    assert sample.read_parts() is None
    assert sample.read_instances() is None


def test_boxes_and_joints(tmp_path: Path) -> None:
    (sample,) = read_coco_people(
        write_folder(tmp_path, [annotation(joints_from="teacher", instance_value=4)])
    )
    (person,) = sample.people
    assert person.box.tolist() == [10, 5, 30, 35]  # xywh in the file, xyxy here
    assert person.joints is not None
    assert person.joints[Joint.NECK].tolist() == [12, 7, 2]
    assert person.joints[:, 2].sum() == 2
    assert (person.joints_from, person.instance) == ("teacher", 4)


def test_a_person_without_joint_labels(tmp_path: Path) -> None:
    people = [
        annotation(joints_from="none"),
        annotation(id=2, keypoints=[0] * 42),
        annotation(id=3, instance_value=None),
    ]
    (sample,) = read_coco_people(write_folder(tmp_path, people))
    assert [p.joints is None for p in sample.people] == [True, True, False]
    assert sample.people[2].instance == 0


def test_crowds_are_ignore_boxes(tmp_path: Path) -> None:
    crowd = annotation(id=2, iscrowd=1, bbox=[0, 0, 5, 6])
    (sample,) = read_coco_people(write_folder(tmp_path, [annotation(), crowd]))
    assert len(sample.people) == 1
    assert sample.ignore_boxes.tolist() == [[0, 0, 5, 6]]
    assert sample.unchecked.tolist() == [False]


def test_people_that_only_a_detector_saw_are_marked(tmp_path: Path) -> None:
    seen = annotation(id=2, iscrowd=1, ignore_reason="detector", bbox=[0, 0, 5, 6])
    small = annotation(id=3, iscrowd=1, ignore_reason="small", bbox=[7, 7, 5, 6])
    (sample,) = read_coco_people(write_folder(tmp_path, [annotation(), seen, small]))
    assert sample.ignore_boxes.tolist() == [[0, 0, 5, 6], [7, 7, 12, 13]]
    assert sample.unchecked.tolist() == [True, False]
    with pytest.raises(ValueError, match=r"Sample.unchecked: expected shape \(2\), got \(1,\)"):
        replace(sample, unchecked=np.ones(1, bool))


def test_optional_fields_and_maps(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "instances").mkdir()
    (tmp_path / "images").mkdir()
    labels = np.array([[0, 6], [255, 2]], np.uint8)
    indexed = Image.fromarray(labels)
    indexed.putpalette([7] * 768)
    indexed.save(tmp_path / "parts" / "a.png")
    Image.fromarray(labels).save(tmp_path / "instances" / "a.png")
    Image.new("RGB", (40, 50), (255, 0, 0)).save(tmp_path / "images" / "a.jpg", quality=95)
    folder = write_folder(
        tmp_path, [annotation()], "val", source="lab", parts_from="derived", boxes_complete=False
    )
    (sample,) = read_coco_people(folder, "val")
    assert (sample.source, sample.parts_from, sample.boxes_complete) == ("lab", "derived", False)
    np.testing.assert_array_equal(sample.read_parts(), labels)
    np.testing.assert_array_equal(sample.read_instances(), labels)
    assert sample.read_image().shape == (50, 40, 3)
    assert sample.read_image()[0, 0, 0] > 240


def test_a_colour_part_map_is_refused(tmp_path: Path, sample_of: Callable[..., Sample]) -> None:
    sample = sample_of(np.zeros((4, 4, 3), np.uint8), [], np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(ValueError, match=r"photo_parts\.png: expected an 8-bit indexed or grey PNG .* RGB"):
        sample.read_parts()


def test_wrong_number_of_joints_is_refused(sample_of: Callable[..., Sample]) -> None:
    person = LabelledPerson(np.zeros(4, np.float32), np.zeros((17, 3), np.float32))
    with pytest.raises(ValueError, match=r"joints of posepart: expected shape \(14, 3\), got \(17, 3\)"):
        sample_of(np.zeros((4, 4, 3), np.uint8), [person])


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"person_keypoints_val\.json: no such file; check the folder"):
        read_coco_people(tmp_path, "val")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00"])
def test_no_json(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "person_keypoints_train.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"person_keypoints_train\.json: not a JSON file"):
        read_coco_people(tmp_path)


@pytest.mark.parametrize("data", [{"images": []}, [], {"categories": [], "images": []}])
def test_no_coco(tmp_path: Path, data: object) -> None:
    (tmp_path / "person_keypoints_train.json").write_text(json.dumps(data))
    with pytest.raises(ValueError, match=r"lacks .*annotations.*; expected COCO keypoints format"):
        read_coco_people(tmp_path)


@pytest.mark.parametrize("categories", [[], [{"keypoints": ["nose", "left_eye", "right_eye"]}], [{}]])
def test_other_joints(tmp_path: Path, categories: list[dict[str, Any]]) -> None:
    data = {"images": [], "annotations": [], "categories": categories}
    (tmp_path / "person_keypoints_train.json").write_text(json.dumps(data))
    with pytest.raises(ValueError, match=r"expected \('forehead', 'neck', 'left_shoulder'\)\.\.\. \(14"):
        read_coco_people(tmp_path)


@pytest.mark.parametrize(
    "broken", [{"keypoints": [1, 2, 3]}, {"bbox": [1, 2, 3]}, {"keypoints": None}, {"bbox": None}]
)
def test_a_broken_annotation_is_named(tmp_path: Path, broken: dict[str, Any]) -> None:
    folder = write_folder(tmp_path, [annotation(id=77, **broken)])
    with pytest.raises(ValueError, match=r"person_keypoints_train\.json: annotation 77"):
        read_coco_people(folder)


def test_an_annotation_without_keypoints_is_a_person_without_joints(tmp_path: Path) -> None:
    only_box = annotation()
    del only_box["keypoints"]
    (sample,) = read_coco_people(write_folder(tmp_path, [only_box]))
    assert sample.people[0].joints is None


def test_the_real_people(shared: Path) -> None:
    folder = shared / "data" / "people"
    if not folder.is_dir():
        pytest.skip("needs people/ in the data folder")
    samples = read_coco_people(folder, "val")
    listed = json.loads((folder / "person_keypoints_val.json").read_text(encoding="utf-8"))
    assert len(samples) == len(listed["images"]) > 0
    with_parts = next(s for s in samples if s.part_path is not None)
    parts = with_parts.read_parts()
    assert parts is not None
    assert parts.shape == (with_parts.height, with_parts.width)
    assert set(np.unique(parts)) <= {0, 1, 2, 3, 4, 5, 6, 255}
