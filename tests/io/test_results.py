"""Results on disk: the formats and the round trip."""

import dataclasses
import json
import math
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from helpers.scenes import empty_scene, two_people
from PIL import Image
from pycocotools.coco import COCO

from posepart.io import results
from posepart.io.predictions import coco_results, write_predictions
from posepart.io.results import PhotoInfo, read_record, read_result, write_result
from posepart.schema import JOINT_NAMES, NUM_JOINTS, PART_NAMES, Joint, voc_palette
from posepart.structures import Certificate, Scene

PHOTO = PhotoInfo("beach", "beach.jpg", 320, 240, "ab12")


def assert_equal_scenes(actual: Scene, expected: Scene) -> None:
    assert actual.model == expected.model
    assert actual.seconds == expected.seconds
    assert np.array_equal(actual.part_map, expected.part_map)
    assert np.array_equal(actual.person_map, expected.person_map)
    assert len(actual.people) == len(expected.people)
    for one, other in zip(actual.people, expected.people, strict=True):
        assert one.certificate == other.certificate
        assert one.box_score == pytest.approx(other.box_score, abs=1e-6)
        assert one.pose.log_score == pytest.approx(other.pose.log_score, abs=1e-6)
        np.testing.assert_allclose(one.box, other.box, atol=0.01)
        np.testing.assert_allclose(one.pose.xy, other.pose.xy, atol=0.005)
        np.testing.assert_allclose(one.pose.joint_scores, other.pose.joint_scores, atol=1e-6)
        assert np.array_equal(one.pose.present, other.pose.present)


def test_empty_scene_round_trip(tmp_path: Path) -> None:
    path = write_result(empty_scene(), PhotoInfo("wall", "wall.png", 40, 30), tmp_path)
    assert_equal_scenes(read_result(path), empty_scene())
    assert read_record(path)["people"] == []


def test_two_people_round_trip(tmp_path: Path) -> None:
    path = write_result(two_people(), PHOTO, tmp_path, overlay=np.zeros((240, 320, 3), np.uint8))
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "beach.json",
        "beach_overlay.png",
        "beach_parts.png",
        "beach_people.png",
    ]
    assert_equal_scenes(read_result(path), two_people())


def test_writing_what_was_read_gives_the_same_bytes(tmp_path: Path) -> None:
    path = write_result(two_people(), PHOTO, tmp_path)
    first = path.read_bytes()
    write_result(read_result(path), PHOTO, tmp_path)
    assert path.read_bytes() == first


def test_coordinates_of_huge_photos_survive_a_second_rounding() -> None:
    for value in np.random.default_rng(0).uniform(10_000, 20_000, 1000).astype(np.float32):
        once = round(float(value), results._COORDINATE_DIGITS)
        assert round(float(np.float32(once)), results._COORDINATE_DIGITS) == once


def test_json_format(tmp_path: Path) -> None:
    record = json.loads(write_result(two_people(), PHOTO, tmp_path).read_text())
    assert record["photo"] == {"file_name": "beach.jpg", "width": 320, "height": 240, "sha256": "ab12"}
    assert record["model"] == "posepart-test"
    assert record["schema"]["joints"] == list(JOINT_NAMES)
    assert record["schema"]["parts"] == list(PART_NAMES)
    assert record["schema"]["palette"][:3] == [[0, 0, 0], [128, 0, 0], [0, 128, 0]]
    person = record["people"][1]
    assert person["id"] == 2
    assert person["bbox"] == [170.0, 30.0, 100.0, 200.0]
    assert person["box_score"] == 0.71
    assert len(person["keypoints"]) == NUM_JOINTS
    assert person["keypoints"][Joint.FOREHEAD] == [220.0, 45.0, 0.9]
    assert person["keypoints"][Joint.LEFT_WRIST] == [0.0, 0.0, 0.0]
    assert person["certificate"] == {
        "energy": -12.5,
        "bound": -12.5,
        "gap": 0.0,
        "status": "optimal",
        "seconds": 0.0123,
    }


@pytest.mark.parametrize(("suffix", "name"), [("_parts.png", "part_map"), ("_people.png", "person_map")])
def test_png_format(tmp_path: Path, suffix: str, name: str) -> None:
    write_result(two_people(), PHOTO, tmp_path)
    path = tmp_path / f"beach{suffix}"
    width, height, depth, colour_type = struct.unpack(">IIBB", path.read_bytes()[16:26])
    assert (width, height, depth, colour_type) == (320, 240, 8, 3)  # 8-bit indexed
    with Image.open(path) as picture:
        assert picture.getpalette() == voc_palette().ravel().tolist()
        assert np.array_equal(np.array(picture), getattr(two_people(), name))


def test_deterministic_differs_in_wall_times_only(tmp_path: Path) -> None:
    timed = json.loads(write_result(two_people(), PHOTO, tmp_path).read_text())
    zeroed = json.loads(write_result(two_people(), PHOTO, tmp_path, deterministic=True).read_text())
    assert timed["seconds"] == {"detection": 0.25, "crf": 0.0471}
    assert zeroed["seconds"] == {"detection": 0.0, "crf": 0.0}
    for record in (timed, zeroed):
        del record["seconds"]
        for person in record["people"]:
            del person["certificate"]["seconds"]
    assert timed == zeroed


def test_a_search_without_a_proof_is_valid_json(tmp_path: Path) -> None:
    scene = two_people()
    certificate = Certificate(-3.0, -math.inf, math.inf, "feasible", 1.0)
    scene = dataclasses.replace(
        scene, people=(dataclasses.replace(scene.people[0], certificate=certificate),)
    )
    scene = dataclasses.replace(scene, person_map=np.minimum(scene.person_map, 1))
    path = write_result(scene, PHOTO, tmp_path)
    stored = json.loads(path.read_text(), parse_constant=pytest.fail)["people"][0]["certificate"]
    assert (stored["bound"], stored["gap"]) == (None, None)
    assert read_result(path).people[0].certificate == certificate


def test_a_present_joint_stays_present(tmp_path: Path) -> None:
    scene = two_people()
    scene.people[0].pose.joint_scores[Joint.NECK] = 1e-9
    assert read_result(write_result(scene, PHOTO, tmp_path)).people[0].pose.present[Joint.NECK]


def test_result_of_another_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"beach\.jpg"):
        write_result(empty_scene(), PHOTO, tmp_path)


@pytest.mark.parametrize("content", ["", "[1, 2]", "{}", '{"photo": 1, "people": [], "schema": {}}', "\xff"])
def test_no_result(tmp_path: Path, content: str) -> None:
    path = tmp_path / "other.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(ValueError, match=r"other\.json: not a result"):
        read_result(path)


def test_result_without_its_png(tmp_path: Path) -> None:
    path = write_result(two_people(), PHOTO, tmp_path)
    (tmp_path / "beach_parts.png").unlink()
    with pytest.raises(ValueError, match=r"beach_parts\.png: not a PNG that can be read \(No such file"):
        read_result(path)


def test_result_with_the_png_of_another_photo(tmp_path: Path) -> None:
    path = write_result(two_people(), PHOTO, tmp_path)
    Image.new("P", (40, 30)).save(tmp_path / "beach_people.png")
    with pytest.raises(ValueError, match=r"beach\.json: not a result .* belong to another photo"):
        read_result(path)


def test_json_is_written_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(results, "json_lines", fail)
    with pytest.raises(OSError, match="No space"):
        write_result(two_people(), PHOTO, tmp_path)
    assert not (tmp_path / "beach.json").exists()


def test_predictions_load_in_pycocotools(tmp_path: Path) -> None:
    truth = {
        "images": [{"id": 7, "file_name": "beach.jpg", "width": 320, "height": 240}],
        "categories": [{"id": 1, "name": "person", "keypoints": list(JOINT_NAMES), "skeleton": []}],
        "annotations": [],
    }
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    entries = coco_results(read_record(write_result(two_people(), PHOTO, tmp_path)), image_id=7)
    path = write_predictions(entries, tmp_path)
    assert path.name == "predictions.json"
    loaded = COCO(str(tmp_path / "truth.json")).loadRes(str(path))
    annotations = loaded.loadAnns(loaded.getAnnIds(imgIds=[7]))
    assert len(annotations) == 2
    assert annotations[0]["file_name"] == "beach.jpg"
    assert len(annotations[0]["keypoints"]) == 42
    assert annotations[0]["keypoints"][:3] == [70.0, 35.0, 0.9]
    assert annotations[0]["score"] == pytest.approx(two_people().people[0].pose.log_score, abs=1e-6)


def test_no_predictions(tmp_path: Path) -> None:
    assert json.loads(write_predictions([], tmp_path).read_text()) == []


def test_a_result_saved_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = write_result(empty_scene(40, 30), PhotoInfo("a", "a.jpg", 40, 30), tmp_path)
    path.write_text(path.read_text(encoding="utf-8"), encoding="utf-8-sig")
    assert read_result(path).size == (40, 30)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("photo",), None, "photo: expected a file_name, width, height and sha256, got None"),
        (("schema",), "fake", "schema: expected joints and parts, got 'fake'"),
        (("people",), {"0": 1}, "people: expected a list of people"),
        (("seconds",), [], "seconds: expected a number for every stage"),
        (("people", 0, "score"), "1", "person 1: score: expected a number or null, got '1'"),
        (("people", 0, "bbox"), [1, 2, 3, math.nan], "person 1: bbox: expected four numbers"),
        (("people", 0, "keypoints"), [[1e300] * 3] * 14, "person 1: keypoints: expected 14 joints"),
        (("people", 0, "certificate", "gap"), "", "person 1: certificate: gap: expected a number or null"),
    ],
)
def test_a_result_that_was_changed(
    tmp_path: Path, place: tuple[str | int, ...], value: object, message: str
) -> None:
    path = write_result(two_people(), PHOTO, tmp_path)
    record = json.loads(path.read_text())
    inner = record
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    path.write_text(json.dumps(record))
    sentence = f"{path}: not a result of posepart predict ({message}"
    with pytest.raises(ValueError, match=re.escape(sentence)):
        read_record(path)
    del inner[place[-1]]
    path.write_text(json.dumps(record))
    if place != ("seconds",):
        with pytest.raises(ValueError, match="missing"):
            read_record(path)
