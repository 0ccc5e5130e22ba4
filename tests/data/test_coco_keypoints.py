"""COCO as it is distributed: 17 joints, photos in SPLIT2017."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from posepart.data.coco_keypoints import from_coco_joints, read_coco_keypoints
from posepart.data.readers import read_samples, splits_of
from posepart.schema import COCO_JOINT_NAMES, CocoJoint, Joint


def coco(**joints: tuple[float, float, float]) -> NDArray[np.float32]:
    """(17, 3) joints; those that are not named are not labelled."""
    rows = np.zeros((17, 3), np.float32)
    for name, joint in joints.items():
        rows[CocoJoint[name.upper()]] = joint
    return rows


SHOULDERS = {"left_shoulder": (10.0, 40.0, 2.0), "right_shoulder": (30.0, 40.0, 2.0)}
EYES = {"left_eye": (18.0, 20.0, 2.0), "right_eye": (22.0, 20.0, 2.0)}


def test_nothing_labelled() -> None:
    assert not from_coco_joints(coco()).any()


def test_limbs_keep_place_and_visibility() -> None:
    joints = from_coco_joints(coco(left_wrist=(3, 4, 1), right_ankle=(5, 6, 2), left_hip=(7, 7, 0)))
    assert joints[Joint.LEFT_WRIST].tolist() == [3, 4, 1]
    assert joints[Joint.RIGHT_ANKLE].tolist() == [5, 6, 2]
    assert joints[:, 2].sum() == 3
    assert not joints[Joint.LEFT_HIP].any()


def test_neck_between_the_shoulders() -> None:
    assert from_coco_joints(coco(**SHOULDERS))[Joint.NECK].tolist() == [20, 40, 2]
    hidden = {**SHOULDERS, "right_shoulder": (30.0, 44.0, 1.0)}
    assert from_coco_joints(coco(**hidden))[Joint.NECK].tolist() == [20, 42, 1]
    one_shoulder = from_coco_joints(coco(left_shoulder=(10, 40, 2), **EYES))
    assert not one_shoulder[[Joint.NECK, Joint.FOREHEAD]].any()


@pytest.mark.parametrize(
    ("face", "forehead"),
    [
        # 20 px from the neck to the eyes; the ears 12 px apart: 4 px above the eyes
        ({**EYES, "left_ear": (14, 22, 2), "right_ear": (26, 22, 2)}, [20, 16, 2]),
        # seen from the side the ears are 1 px apart: as for 10 px; wide apart: as for 17 px
        ({**EYES, "left_ear": (20, 22, 2), "right_ear": (21, 22, 2)}, [20, 20 - 10 / 3, 2]),
        ({**EYES, "left_ear": (0, 22, 2), "right_ear": (40, 22, 2)}, [20, 20 - 17 / 3, 2]),
        # without both ears: the middle of that range, 13.5 px
        (EYES, [20, 15.5, 2]),
        ({**EYES, "left_eye": (18, 20, 1)}, [20, 15.5, 1]),
        ({"right_eye": (20, 20, 2)}, [20, 15.5, 2]),
        # no eye: the middle of the ears, which are 12 px apart and 18 px from the neck
        ({"left_ear": (14, 22, 2), "right_ear": (26, 22, 2)}, [20, 18, 1]),
        ({"nose": (20, 30, 2)}, [20, 27.75, 1]),
    ],
)
def test_forehead(face: dict[str, tuple[float, float, float]], forehead: list[float]) -> None:
    joints = from_coco_joints(coco(**SHOULDERS, **face))
    np.testing.assert_allclose(joints[Joint.FOREHEAD], forehead, rtol=1e-6)


def test_a_face_on_the_neck_gives_no_forehead() -> None:
    assert not from_coco_joints(coco(**SHOULDERS, nose=(20, 40, 2)))[Joint.FOREHEAD].any()


def annotation(**changes: Any) -> dict[str, Any]:
    keypoints = coco(**SHOULDERS).ravel().tolist()
    return {"id": 1, "image_id": 5, "bbox": [1, 2, 3, 4], "keypoints": keypoints, "iscrowd": 0, **changes}


def write_coco(folder: Path, annotations: list[dict[str, Any]], **image: Any) -> Path:
    data = {
        "images": [{"id": 5, "file_name": "000005.jpg", "width": 40, "height": 50, **image}],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO_JOINT_NAMES)}],
    }
    (folder / "annotations").mkdir()
    (folder / "val2017").mkdir()
    (folder / "annotations" / "person_keypoints_val2017.json").write_text(json.dumps(data))
    return folder


def test_a_photo_without_people(tmp_path: Path) -> None:
    (sample,) = read_coco_keypoints(write_coco(tmp_path, []), "val")
    assert (sample.people, sample.boxes_complete, sample.part_path) == ((), True, None)
    assert sample.image_path == tmp_path / "val2017" / "000005.jpg"
    assert (sample.width, sample.height, sample.source) == (40, 50, "coco")


def test_people_and_crowds(tmp_path: Path) -> None:
    people = [
        annotation(),
        annotation(id=2, keypoints=[0] * 51),
        annotation(id=3, iscrowd=1, bbox=[0, 0, 5, 6]),
    ]
    (sample,) = read_coco_keypoints(write_coco(tmp_path, people), "val")
    first, second = sample.people
    assert first.box.tolist() == [1, 2, 4, 6]
    assert first.joints is not None
    assert first.joints[Joint.NECK].tolist() == [20, 40, 2]
    assert (first.joints_from, second.joints, second.joints_from) == ("human", None, "none")
    assert sample.ignore_boxes.tolist() == [[0, 0, 5, 6]]


def test_part_maps_beside_the_photos(tmp_path: Path) -> None:
    folder = write_coco(tmp_path, [annotation(instance_value=3)])
    for name in ("parts", "instances"):
        (folder / name).mkdir()
        (folder / name / "000005.png").touch()
    (sample,) = read_coco_keypoints(folder, "val")
    assert sample.part_path == folder / "parts" / "000005.png"
    assert sample.instance_path == folder / "instances" / "000005.png"
    assert (sample.parts_from, sample.people[0].instance) == ("human", 3)


def test_files_elsewhere(tmp_path: Path) -> None:
    folder = write_coco(tmp_path, [])
    (folder / "annotations" / "person_keypoints_val2017.json").rename(
        folder / "person_keypoints_val2017.json"
    )
    (folder / "val2017").rename(folder / "images")
    (sample,) = read_coco_keypoints(folder, "val")
    assert sample.image_path == folder / "images" / "000005.jpg"


def test_no_folder_of_photos(tmp_path: Path) -> None:
    folder = write_coco(tmp_path, [])
    (folder / "val2017").rmdir()
    with pytest.raises(
        ValueError, match=r"has no folder of photos; put them in one of val2017, images/val2017"
    ):
        read_coco_keypoints(folder, "val")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"annotations/person_keypoints_train2017\.json: no such file"):
        read_coco_keypoints(tmp_path)


@pytest.mark.parametrize(
    ("annotations", "image", "told"),
    [
        ([annotation(keypoints=[0] * 42)], {}, "annotation 1: expected 51 finite numbers as keypoints"),
        ([annotation(bbox=[1, 2, "3", 4])], {}, "annotation 1: expected 4 finite numbers as bbox"),
        ([annotation(), annotation()], {}, "annotations: the id 1 occurs 2 times; give each its own"),
        ([annotation(image_id=6)], {}, "annotation 1: no image has the id 6"),
        ([], {"width": 0}, r"image 5 \(000005\.jpg\): expected its width and height in pixels, got 0 and 50"),
        ([], {"file_name": None}, "image 5: lacks its id or file_name"),
    ],
)
def test_broken_records_are_named(
    tmp_path: Path, annotations: list[dict[str, Any]], image: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValueError, match=rf"person_keypoints_val2017\.json: {told}"):
        read_coco_keypoints(write_coco(tmp_path, annotations, **image), "val")


@pytest.mark.parametrize(
    ("labels", "photos", "split"),
    [
        ("annotations/person_keypoints_default.json", "images/default", "default"),  # CVAT, Datumaro
        ("annotations/person_keypoints_val2014.json", "val2014", "val2014"),
        ("annotations/person_keypoints_val2017.json", "val2017", "val"),
        ("annotations/person_keypoints_val2017.json", "images", "val"),
    ],
)
def test_where_tools_put_labels_and_photos(tmp_path: Path, labels: str, photos: str, split: str) -> None:
    folder = write_coco(tmp_path, [annotation()])
    (written,) = (folder / "annotations").glob("*.json")
    written.rename(folder / labels)
    for place in ("train2017", "val2017", "images"):
        if (folder / place).is_dir():
            (folder / place).rmdir()
    (folder / photos).mkdir(parents=True)
    assert split in splits_of(folder)
    (sample,) = read_samples(folder, split)
    assert sample.image_path.parent == folder / photos
    assert (sample.image_id, sample.name) == (5, sample.image_path.name)
