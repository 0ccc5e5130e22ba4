import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import people_data
from helpers.fixtures import Data
from helpers.people_data import STANDING
from numpy.typing import ArrayLike
from PIL import Image

from posepart.io.files import sha256
from posepart.io.results import PhotoInfo, write_result
from posepart.report.predictions import stored_predictions
from posepart.schema import COCO_LIMB_JOINTS, LIMB_JOINTS, CocoJoint, Joint
from posepart.structures import Scene


def entry(joints: ArrayLike, **others: Any) -> dict[str, Any]:
    return {"image_id": 1, "category_id": 1, "score": 0.7, "keypoints": np.ravel(joints).tolist(), **others}


def scene_of(entries: list[dict[str, Any]], data: Data, tmp_path: Path) -> Scene:
    _, samples = data
    path = tmp_path / "theirs.json"
    path.write_text(json.dumps(entries))
    predictions = stored_predictions(path, samples)
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
    _, samples = data
    path = tmp_path / "theirs.json"
    path.write_text(json.dumps([entry(np.ones((14, 3)), image_id=139)]))
    numbered = people_data.numbered(samples[0], "000000000139.jpg")
    other = replace(samples[1], image_id=None)
    predictions = stored_predictions(path, [other, numbered])
    assert predictions.scene(other).people == ()
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
        (
            json.dumps([entry(np.ones((14, 3)), bbox=[1, 2, float("nan"), 3])]),
            "four finite numbers, in pixels",
        ),
        (json.dumps([entry(np.ones((14, 3)), score="high")]), "entry 1: could not convert"),
    ],
)
def test_what_is_no_list_of_results(content: str, message: str, data: Data, tmp_path: Path) -> None:
    path = tmp_path / "theirs.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=message) as caught:
        stored_predictions(path, data[1])
    assert "theirs.json" in str(caught.value)


def test_a_list_in_a_folder_of_its_own(data: Data, tmp_path: Path) -> None:
    (tmp_path / "predictions.json").write_text("[]")
    assert not stored_predictions(tmp_path, data[1]).parts
    (tmp_path / "photo_1.json").write_text("{}")
    assert stored_predictions(tmp_path, data[1]).parts, "a folder of posepart predict has both"


def ones(**others: Any) -> dict[str, Any]:
    return entry(np.ones((14, 3)), **others)


def test_results_of_other_photos_are_counted_and_refused_if_there_are_no_others(
    data: Data, tmp_path: Path
) -> None:
    path = tmp_path / "theirs.json"
    box = [5, 6, 10, 20]
    path.write_text(json.dumps([ones(bbox=box), ones(bbox=box, image_id=1001)]))
    (note,) = stored_predictions(path, data[1]).notes
    assert "1 of 2 results are of photos that are not labelled here (first: 1001)" in note
    path.write_text(json.dumps([ones(image_id=1001)]))
    with pytest.raises(ValueError, match=r"theirs\.json: 1 of 1 results .* check --data and --split"):
        stored_predictions(path, data[1])


def test_results_of_other_categories_are_left_out(data: Data, tmp_path: Path) -> None:
    path = tmp_path / "theirs.json"
    box = [5, 6, 10, 20]
    path.write_text(json.dumps([ones(bbox=box), ones(bbox=box, category_id=18)]))
    predictions = stored_predictions(path, data[1])
    assert len(predictions.scene(data[1][0]).people) == 1
    assert predictions.notes == (
        "1 of 2 results are of another category than 1, that of people in the labels: left out",
    )


def test_results_that_are_all_of_another_category_are_refused(data: Data, tmp_path: Path) -> None:
    """As when a system writes 1 for people, and the labels come from a tool that numbers its categories."""
    path = tmp_path / "theirs.json"
    samples = [replace(sample, category=2) for sample in data[1]]
    path.write_text(json.dumps([entry(np.ones((17, 3)))]))
    with pytest.raises(ValueError, match=r"1 of 1 results are of another category than 2.*first: 1\)"):
        stored_predictions(path, samples)


def test_our_own_list_is_of_people_whatever_number_the_labels_give_them(data: Data, tmp_path: Path) -> None:
    path = tmp_path / "predictions.json"
    samples = [replace(sample, category=2) for sample in data[1]]
    path.write_text(json.dumps([ones(bbox=[5, 6, 10, 20])]))
    predictions = stored_predictions(path, samples)
    assert len(predictions.scene(samples[0]).people) == 1
    assert predictions.notes == ()


def test_joints_in_shares_of_the_sides_are_refused(data: Data, tmp_path: Path) -> None:
    path = tmp_path / "theirs.json"
    shares = np.full((14, 3), 0.5)
    path.write_text(json.dumps([entry(shares)]))
    with pytest.raises(ValueError, match=r"theirs\.json: all joints lie within one pixel"):
        stored_predictions(path, data[1])
    path.write_text(json.dumps([entry(shares), ones()]))
    assert len(stored_predictions(path, data[1]).scene(data[1][0]).people) == 2
    path.write_text(json.dumps([entry(np.zeros((14, 3)))]))
    assert len(stored_predictions(path, data[1]).scene(data[1][0]).people) == 1


def test_what_is_missing_from_a_list_is_said(data: Data, tmp_path: Path) -> None:
    path = tmp_path / "theirs.json"
    path.write_text(json.dumps([ones(), ones(bbox=[5, 6, 10, 20])]))
    (note,) = stored_predictions(path, data[1]).notes
    assert note == "1 of 2 results have no bbox: the measures of boxes take the box around the joints"
    path.write_text("[]")
    (note,) = stored_predictions(path, data[1]).notes
    people = sum(len(sample.people) for sample in data[1])
    assert note.endswith(f"theirs.json: holds no results: all {people} labelled people count as not found")


def test_a_byte_order_mark_and_the_box_of_alphapose(data: Data, tmp_path: Path) -> None:
    path = tmp_path / "theirs.json"
    path.write_text(json.dumps([ones(box=[5, 6, 10, 20])]), encoding="utf-8-sig")
    (person,) = stored_predictions(path, data[1]).scene(data[1][0]).people
    np.testing.assert_array_equal(person.box, [5, 6, 15, 26])


def test_a_stored_result_is_that_of_the_photo_with_its_checksum(data: Data, tmp_path: Path) -> None:
    """Two cameras name their photos alike; results were written for one of them."""
    (tmp_path / "cam0").mkdir()
    (tmp_path / "cam1").mkdir()
    scene = Scene((), np.zeros((8, 8), np.uint8), np.zeros((8, 8), np.uint8), "m")
    samples = []
    for camera in ("cam0", "cam1"):
        path = tmp_path / camera / "0001.png"
        Image.new("RGB", (8, 8), (90, 90, int(camera[-1]))).save(path)
        samples.append(replace(data[1][0], image_path=path, name=f"{camera}/0001.png"))
    first = PhotoInfo("0001", "0001.png", 8, 8, sha256(samples[0].image_path))
    write_result(scene, first, tmp_path / "out")
    predictions = stored_predictions(tmp_path / "out", samples)
    assert predictions.scene(samples[0]).model == "m"
    with pytest.raises(ValueError, match=r"0001\.json is the result of another photo than cam1/0001\.png"):
        predictions.scene(samples[1])
    second = PhotoInfo("renamed", "0001.png", 8, 8, sha256(samples[1].image_path))
    write_result(scene, second, tmp_path / "out")
    assert stored_predictions(tmp_path / "out", samples).scene(samples[1]).model == "m"


def test_a_number_too_large_for_any_float(data: Data, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"theirs\.json: entry 1: int too large to convert to float"):
        scene_of([entry(np.ones((14, 3)), score=10**400)], data, tmp_path)


def test_long_texts_of_a_list_are_cut(data: Data, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"theirs\.json: entry 1: could not convert .{,250}$"):
        scene_of([entry(np.ones((14, 3)), bbox=["x" * 5000, 1, 1, 1])], data, tmp_path)
    with pytest.raises(ValueError, match=r"theirs\.json: .{,500}$"):
        scene_of([entry(np.ones((14, 3)), image_id="x" * 5000)], data, tmp_path)
