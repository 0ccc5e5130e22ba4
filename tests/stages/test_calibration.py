"""Score maps, and where they apply: only to the scores that a result reports."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.scenes import empty_scene, two_people
from helpers.stand_ins import FIGURES, boxes_of, draw, pipeline_of
from numpy.typing import NDArray

from posepart.io.predictions import coco_results
from posepart.io.results import PhotoInfo, read_result, write_result
from posepart.models.model_set import Card, ModelSet
from posepart.models.weight_files import save_tensors
from posepart.schema import Joint
from posepart.stages.calibration import (
    RAW,
    Calibration,
    IsotonicMap,
    PlattMap,
    calibrate,
    from_arrays,
    load_calibration,
    pose_unit_scores,
    to_arrays,
)

STEPS = IsotonicMap(np.array([0.0, 0.5, 1.0]), np.array([0.1, 0.2, 0.8]))
HALVED = Calibration(joint=STEPS, pose=PlattMap(2.0, -1.0))


def test_nobody() -> None:
    assert calibrate(empty_scene(), HALVED).people == ()


def test_without_a_calibration_nothing_changes() -> None:
    scene = two_people()
    assert calibrate(scene, None) is scene
    assert scene.people[0].confidence is None


def test_raw_leaves_scores_as_they_are() -> None:
    np.testing.assert_allclose(RAW(np.array([0.01, 0.5, 0.93])), [0.01, 0.5, 0.93], rtol=1e-9)
    assert 0 < RAW(np.array(0.0)) < RAW(np.array(1.0)) < 1


def test_platt_by_hand() -> None:
    # logit(0.8) = ln 4: sigmoid(2 ln 4 - ln 4) = 0.8; logit(0.5) = 0: sigmoid(-ln 4) = 0.2
    np.testing.assert_allclose(PlattMap(2.0, -np.log(4))(np.array([0.8, 0.5])), [0.8, 0.2])


def test_isotonic_by_hand() -> None:
    np.testing.assert_allclose(STEPS(np.array([-1, 0.25, 0.5, 0.75, 2])), [0.1, 0.15, 0.2, 0.5, 0.8])


def test_pose_scores_on_the_scale_of_a_joint() -> None:
    scores = 14 * np.log(np.array([0.2, 0.9, 1.0]))
    np.testing.assert_allclose(pose_unit_scores(scores), [0.2, 0.9, 1.0])
    assert pose_unit_scores(np.array(-np.inf)) == 0


def test_reported_scores() -> None:
    scene = two_people()
    changed = calibrate(scene, HALVED)
    for before, after in zip(scene.people, changed.people, strict=True):
        present = before.pose.present
        np.testing.assert_array_equal(after.pose.present, present)
        expected = STEPS(before.pose.joint_scores[present])
        np.testing.assert_allclose(after.pose.joint_scores[present], expected, rtol=1e-6)
        assert not after.pose.joint_scores[~present].any()
        assert after.pose.log_score == before.pose.log_score
        assert after.confidence == pytest.approx(
            float(HALVED.pose(pose_unit_scores(np.array(before.pose.log_score))))
        )
    assert not changed.people[1].pose.present[Joint.LEFT_WRIST]  # absent joints stay absent
    assert scene.people[0].confidence is None


def test_a_joint_of_probability_zero_stays_present() -> None:
    nothing = Calibration(IsotonicMap(np.array([0.0, 1.0]), np.array([0.0, 0.0])), RAW)
    assert calibrate(two_people(), nothing).people[0].pose.present.all()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: PlattMap(0.0, 1.0),
        lambda: PlattMap(-1.0, 0.0),
        lambda: PlattMap(float("nan"), 0.0),
        lambda: IsotonicMap(np.array([0.5]), np.array([0.5])),
        lambda: IsotonicMap(np.array([0.5, 0.5]), np.array([0.5, 0.6])),
        lambda: IsotonicMap(np.array([0.0, 1.0]), np.array([0.6, 0.5])),
        lambda: IsotonicMap(np.array([0.0, 1.0]), np.array([0.6, 1.5])),
        lambda: IsotonicMap(np.array([0.0, np.nan]), np.array([0.1, 0.5])),
    ],
)
def test_maps_rise(wrong: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="a rising map needs"):
        wrong()


def test_stored_with_the_weights(tmp_path: Path) -> None:
    path = tmp_path / "calibration.safetensors"
    save_tensors(path, to_arrays(HALVED), Card(stage="calibration"))
    found = load_calibration(ModelSet("m", tmp_path, {"calibration": Card()}))
    assert found is not None
    assert found.pose == HALVED.pose
    scores = np.linspace(0, 1, 11)
    np.testing.assert_allclose(found.joint(scores), STEPS(scores), rtol=1e-6)


def test_a_calibration_of_other_pose_weights_is_refused(tmp_path: Path) -> None:
    save_tensors(tmp_path / "calibration.safetensors", to_arrays(HALVED), Card())
    cards = {"calibration": Card(pose_sha256="aa"), "pose": Card(sha256="aa")}
    assert load_calibration(ModelSet("m", tmp_path, cards)) is not None
    cards["pose"] = Card(sha256="bb")
    with pytest.raises(
        ValueError, match=r"calibration\.safetensors: was fitted for other pose weights; fit it again"
    ):
        load_calibration(ModelSet("m", tmp_path, cards))


def test_a_model_without_calibration(tmp_path: Path) -> None:
    assert load_calibration(ModelSet("m", tmp_path, {})) is None


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({}, "expected maps of joint and pose, got"),
        ({"joint.platt": np.ones(2)}, r"got \['joint'\]"),
        ({"joint.platt": np.ones(3), "pose.platt": np.ones(2)}, r"joint\.platt of shape \(3,\)"),
        ({"joint.spline": np.ones(2)}, r"joint\.spline"),
        ({"joint.isotonic": np.ones((2, 2)), "pose.platt": np.ones(2)}, "a rising map needs"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, arrays: dict[str, NDArray], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        from_arrays(arrays)
    save_tensors(tmp_path / "calibration.safetensors", arrays, Card())
    with pytest.raises(ValueError, match=rf"calibration\.safetensors: .*{told}"):
        load_calibration(ModelSet("m", tmp_path, {"calibration": Card()}))


def test_results_keep_the_confidence(tmp_path: Path) -> None:
    scene = calibrate(two_people(), HALVED)
    path = write_result(scene, PhotoInfo("a", "a.jpg", *scene.size), tmp_path)
    record = json.loads(path.read_text())
    assert record["people"][0]["confidence"] == pytest.approx(scene.people[0].confidence, abs=1e-6)
    assert read_result(path).people[0].confidence == record["people"][0]["confidence"]
    assert coco_results(record, 1)[0]["confidence"] == record["people"][0]["confidence"]
    raw = json.loads(write_result(two_people(), PhotoInfo("b", "b.jpg", *scene.size), tmp_path).read_text())
    assert "confidence" not in raw["people"][0]
    assert "confidence" not in coco_results(raw, 1)[0]


def test_only_what_the_pipeline_reports_changes() -> None:
    image, pipeline = draw(FIGURES), pipeline_of(boxes_of(FIGURES))
    raw = pipeline.trace(image)
    calibrated = replace(pipeline, calibration=HALVED).trace(image)
    assert [source.crop for source in calibrated.sources] == [source.crop for source in raw.sources]
    np.testing.assert_array_equal(calibrated.scene.part_map, raw.scene.part_map)
    np.testing.assert_array_equal(calibrated.scene.person_map, raw.scene.person_map)
    for before, after in zip(raw.groupings, calibrated.groupings, strict=True):
        assert before.certificate.energy == after.certificate.energy
        assert before.poses
        for one, other in zip(before.poses, after.poses, strict=True):
            np.testing.assert_array_equal(one.joint_scores, other.joint_scores)
    for old, new in zip(raw.scene.people, calibrated.scene.people, strict=True):
        assert new.pose.log_score == old.pose.log_score
        np.testing.assert_array_equal(new.pose.xy, old.pose.xy)
        expected = np.where(old.pose.present, STEPS(old.pose.joint_scores), 0)
        np.testing.assert_allclose(new.pose.joint_scores, expected, rtol=1e-6)
        assert (new.box_score, new.certificate.energy) == (old.box_score, old.certificate.energy)
