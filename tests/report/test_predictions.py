import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import people_data
from helpers.fixtures import Data
from helpers.people_data import STANDING
from numpy.typing import ArrayLike

from posepart.report.predictions import stored_predictions
from posepart.schema import COCO_LIMB_JOINTS, LIMB_JOINTS, CocoJoint, Joint
from posepart.structures import Scene


def entry(joints: ArrayLike, **others: Any) -> dict[str, Any]:
    return {"image_id": 1, "category_id": 1, "score": 0.7, "keypoints": np.ravel(joints).tolist(), **others}


def scene_of(entries: list[dict[str, Any]], data: Data, tmp_path: Path) -> Scene:
    folder, samples = data
    path = tmp_path / "theirs.json"
    path.write_text(json.dumps(entries))
    predictions = stored_predictions(path, folder, "val")
    assert not predictions.parts
    return predictions.scene(samples[0])


def test_no_entries(data: Data, tmp_path: Path) -> None:
    scene = scene_of([], data, tmp_path)
    assert scene.people == ()
    assert scene.size == (people_data.WIDTH, people_data.HEIGHT)


def test_a_person_by_hand(data: Data, tmp_path: Path) -> None:
    joints = np.column_stack([STANDING + 100, np.full(14, 0.25)])
    joints[Joint.NECK, 2], joints[Joint.LEFT_KNEE, 2] = 2, 0  # a visibility flag, and nothing
    others = [entry(joints, image_id=2), entry(joints, image_id=99)]
    scene = scene_of([entry(joints, bbox=[5, 6, 10, 20]), *others], data, tmp_path)
    (person,) = scene.people
    np.testing.assert_array_equal(person.box, [5, 6, 15, 26])
    assert person.pose.joint_scores[[Joint.NECK, Joint.LEFT_KNEE, Joint.LEFT_HIP]].tolist() == [1, 0, 0.25]
    assert person.pose.xy[Joint.LEFT_KNEE].tolist() == [0, 0]
    assert person.pose.xy[Joint.LEFT_HIP].tolist() == [115, 170]
    assert person.pose.log_score == person.box_score == 0.7


def test_without_a_box_the_joints_have_one(data: Data, tmp_path: Path) -> None:
    joints = np.column_stack([STANDING + 100, np.ones(14)])
    (person,) = scene_of([entry(joints)], data, tmp_path).people
    np.testing.assert_array_equal(person.box, [69.5, 99.5, 130.5, 250.5])


def test_the_17_joints_of_coco(data: Data, tmp_path: Path) -> None:
    joints = np.zeros((17, 3))
    joints[list(COCO_LIMB_JOINTS)] = np.column_stack([STANDING + 100, np.full(14, 0.5)])[list(LIMB_JOINTS)]
    joints[CocoJoint.NOSE] = 100, 110, 0.4
    (person,) = scene_of([entry(joints)], data, tmp_path).people
    np.testing.assert_array_equal(person.pose.xy[list(LIMB_JOINTS)], STANDING[list(LIMB_JOINTS)] + 100)
    assert person.pose.xy[Joint.NECK].tolist() == [100, 130], "the middle of the shoulders"
    assert person.pose.joint_scores[Joint.NECK] == person.pose.joint_scores[Joint.FOREHEAD] == 0.5


def test_photos_named_by_their_number(data: Data, tmp_path: Path) -> None:
    """Where the labels have no COCO ids, as a data set in another layout."""
    folder, samples = data
    path = tmp_path / "theirs.json"
    path.write_text(json.dumps([entry(np.ones((14, 3)), image_id=139)]))
    predictions = stored_predictions(path, folder, "other_split")
    assert predictions.scene(samples[0]).people == ()
    numbered = people_data.numbered(samples[0], "000000000139.jpg")
    assert len(predictions.scene(numbered).people) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not a JSON file"),
        ("{}", "expected a COCO keypoint-results list"),
        ("[1]", "expected a COCO keypoint-results list"),
        (json.dumps([entry([1, 2, 3])]), "entry 1: expected 42 numbers as keypoints"),
        (json.dumps([{"image_id": 1, "score": 1}]), "entry 1: 'keypoints' is missing"),
        (json.dumps([entry(np.ones((14, 3))), {"score": 1}]), "entry 2: 'image_id' is missing"),
        (json.dumps([entry(np.full((14, 3), np.nan))]), "must be finite numbers"),
        (json.dumps([entry(np.ones((14, 3)), bbox=[1, 2])]), "entry 1: "),
        (json.dumps([entry(np.ones((14, 3)), score="high")]), "entry 1: could not convert"),
    ],
)
def test_what_is_no_list_of_results(content: str, message: str, data: Data, tmp_path: Path) -> None:
    path = tmp_path / "theirs.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=message) as caught:
        stored_predictions(path, data[0], "val")
    assert "theirs.json" in str(caught.value)


def test_a_list_in_a_folder_of_its_own(data: Data, tmp_path: Path) -> None:
    (tmp_path / "predictions.json").write_text("[]")
    assert not stored_predictions(tmp_path, data[0], "val").parts
    (tmp_path / "photo_1.json").write_text("{}")
    assert stored_predictions(tmp_path, data[0], "val").parts, "a folder of posepart predict has both"
