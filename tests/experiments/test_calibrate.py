"""experiments/calibrate.py on stored results: the weight file, its card, and what it refuses."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import calibrate
import numpy as np
import pytest
from helpers.scenes import two_people
from PIL import Image

from posepart.io.results import PhotoInfo, write_result
from posepart.models.model_set import Card, ModelSet, read_card
from posepart.schema import JOINT_NAMES
from posepart.stages.calibration import load_calibration
from posepart.structures import Scene


def scored(value: float) -> Scene:
    """Two people whose joints all have one score."""
    scene = two_people()
    people = []
    for person in scene.people:
        scores = np.where(person.pose.present, value, 0).astype(np.float32)
        pose = replace(person.pose, joint_scores=scores, log_score=float(14 * np.log(value)))
        people.append(replace(person, pose=pose))
    return replace(scene, people=tuple(people))


def write_data(folder: Path, photos: int) -> Path:
    """Photos of whose results every third is right, all found with the same confidence."""
    for name in ("images", "results"):
        (folder / name).mkdir(parents=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for k in range(photos):
        scene = scored(0.9)
        name = f"{k}.jpg"
        Image.new("RGB", scene.size).save(folder / "images" / name)
        width, height = scene.size
        images.append({"id": k, "file_name": name, "width": width, "height": height})
        for person in scene.people:
            xy = person.pose.xy + (0 if k % 3 == 0 else np.array([[60 * (-1) ** j, 0] for j in range(14)]))
            x0, y0, x1, y1 = person.box.tolist()
            annotations.append({
                "id": len(annotations),
                "image_id": k,
                "bbox": [x0, y0, x1 - x0, y1 - y0],
                "keypoints": [float(v) for x, y in xy for v in (x, y, 2)],
            })  # fmt: skip
        write_result(scene, PhotoInfo(str(k), name, *scene.size), folder / "results")
    data = {"images": images, "annotations": annotations, "categories": [{"keypoints": list(JOINT_NAMES)}]}
    (folder / "person_keypoints_val.json").write_text(json.dumps(data))
    return folder


def test_overconfident_scores_are_mended(tmp_path: Path) -> None:
    folder, run = write_data(tmp_path / "data", 12), tmp_path / "run"
    arguments = ["--data", str(folder), "--predictions", str(folder / "results"), "--run", str(run)]
    calibrate.main([*arguments, "--replicates", "20", "--folds", "3"])
    card = read_card(run / "calibration.safetensors")
    joint = json.loads((run / "report.json").read_text())["joint"]
    assert joint["photos"] == 12
    assert joint["chosen"] in ("platt", "isotonic")
    assert joint["methods"][joint["chosen"]]["error"][0] < joint["methods"]["raw"]["error"][0]
    assert card.metrics["joint_error"] == joint["methods"][joint["chosen"]]["error"][0]
    assert card.metrics["joint_error_raw"] == joint["methods"]["raw"]["error"][0]
    assert "12 photos of the val part" in card.measured
    assert card.pose_sha256
    pose = Card(sha256=card.pose_sha256)
    found = load_calibration(ModelSet("m", run, {"calibration": card, "pose": pose}))
    assert found is not None
    share = joint["right"]
    assert float(found.joint(np.array(0.9))) == pytest.approx(share, abs=0.1)
    assert float(found.pose(np.array(0.9))) < 0.6

    scene = replace(scored(0.9), people=tuple(replace(p, confidence=0.5) for p in scored(0.9).people))
    write_result(scene, PhotoInfo("0", "0.jpg", *scene.size), folder / "results")
    with pytest.raises(ValueError, match="these scores are already calibrated"):
        calibrate.main(arguments)


def test_nothing_to_fit_on(tmp_path: Path) -> None:
    folder = write_data(tmp_path / "data", 0)
    arguments = ["--data", str(folder), "--predictions", str(folder), "--run", str(tmp_path / "run")]
    with pytest.raises(ValueError, match="no joint of the val part can be judged"):
        calibrate.main(arguments)
    assert not (tmp_path / "run").exists()
