"""The script experiments/evaluate_people.py with a stand-in for the model."""

import importlib.util
import json
import types
from pathlib import Path

import numpy as np
import people_data
import pytest

from posepart.results import PhotoInfo, write_result

SCRIPT = Path(__file__).parents[2] / "experiments" / "evaluate_people.py"


@pytest.fixture(scope="module")
def script() -> types.ModuleType:
    specification = importlib.util.spec_from_file_location("evaluate_people", SCRIPT)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def data(tmp_path, standing):
    folder = tmp_path / "people"
    folder.mkdir()
    return folder, people_data.write_people(folder, standing)


def blind(image):
    nothing = np.zeros(image.shape[:2], np.uint8)
    return people_data.Scene((), nothing, nothing.copy(), "blind", {"detection": 0.5})


def test_a_blind_model(script, data, tmp_path, capsys):
    folder, samples = data
    out = tmp_path / "out"
    script.main(["--data", str(folder), "-o", str(out), "--replicates", "20"], blind)
    record = json.loads((out / "metrics.json").read_text())
    assert (record["model"], record["data"], record["photos"]) == ("blind", "people", len(samples))
    assert record["seconds_per_photo"] == {"detection": 0.5}
    assert record["measures"]["pck_lsp_extended"]["value"] == 0
    assert record["pipeline"]["refine"] is True
    printed = capsys.readouterr().out
    assert "MISSED" in printed
    assert "metrics.json" in printed


def test_stored_results(script, data, tmp_path):
    folder, samples = data
    results = tmp_path / "results"
    results.mkdir()
    for sample in samples:
        photo = PhotoInfo(sample.image_path.stem, sample.image_path.name, sample.width, sample.height)
        write_result(people_data.perfect_scene(sample), photo, results)
    out = tmp_path / "out"
    command = ["--data", str(folder), "--predictions", str(results), "-o", str(out), "--replicates", "0"]
    script.main(command)
    measures = json.loads((out / "metrics.json").read_text())["measures"]
    passed = {**script.AT_LEAST, "pose_map_pckh": 1}
    assert {measures[name]["value"] for name in passed} == {1, None}
    script.main([*command, "--subset", "coco", "--limit", "1"])
    assert json.loads((out / "metrics.json").read_text())["photos"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--subset", "lip"], "no photos from lip; there are coco, lsp_extended, pelota"),
        (["--people_per_photo", "9"], "no photo is left"),
        (["--predictions", "absent"], "photo_1.json: cannot be read"),
        (["--split", "test"], "person_keypoints_test.json: no such file"),
    ],
)
def test_mistakes_are_one_sentence(script, data, tmp_path, capsys, arguments, message):
    with pytest.raises(SystemExit) as stopped:
        script.main(["--data", str(data[0]), "-o", str(tmp_path / "out"), *arguments], blind)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_pipeline_settings_are_accepted(script, data, tmp_path):
    command = ["--data", str(data[0]), "-o", str(tmp_path / "out"), "--replicates", "0"]
    script.main([*command, "--pipeline.features.segment_term", "false"], blind)
    record = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert record["pipeline"]["features"]["segment_term"] is False
