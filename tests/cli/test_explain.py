"""The command `posepart explain`."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.fake_pipeline import error_of, write_photo
from helpers.stand_ins import FIGURES, boxes_of, draw, pipeline_of
from jsonargparse import Namespace
from PIL import Image

from posepart.cli import main as cli
from posepart.cli import options
from posepart.config import PipelineConfig
from posepart.pipeline import Pipeline
from posepart.schema import JOINT_NAMES
from posepart.stages.features import OFFSET_FEATURES


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[Pipeline]:
    """The pipelines that the command loaded: stand-in networks that see the people of `stand_ins`."""
    pipelines: list[Pipeline] = []

    def load(chosen: Namespace, config: PipelineConfig) -> tuple[Pipeline, dict[str, str]]:
        pipelines.append(pipeline_of(boxes_of(FIGURES[:2]), config))
        return pipelines[-1], {}

    monkeypatch.setattr(options, "load_pipeline", load)
    return pipelines


@pytest.fixture
def drawn_photo(tmp_path: Path) -> Path:
    path = tmp_path / "drawn.png"
    Image.fromarray(draw(FIGURES[:2])).save(path)
    return path


def test_explain_one_person(
    tmp_path: Path, loaded: list[Pipeline], drawn_photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "out"
    assert cli.main(["explain", str(drawn_photo), "--person", "2", "-o", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["drawn_explain_2.json", "drawn_explain_2.png"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{drawn_photo}, person 2 of 2: 14 joints, -")
    assert lines[2].split()[:3] == ["joint", "score", "unary"]
    assert str(out / "drawn_explain_2.png") in lines
    record = json.loads((out / "drawn_explain_2.json").read_text())
    (pipeline,) = loaded
    scene = pipeline(draw(FIGURES[:2]))
    person = scene.people[1]
    assert record["person"] == 2
    assert record["model"] == "stand-in"
    assert record["score"] == pytest.approx(person.pose.log_score, abs=1e-5)
    assert record["crop"]["energy"] == pytest.approx(person.certificate.energy, rel=1e-5)
    for joint in record["joints"]:
        place = record["candidates"][joint["candidate"]]["xy"]
        expected = person.pose.xy[JOINT_NAMES.index(joint["joint"])]
        np.testing.assert_allclose(place, expected, atol=0.02)
    assert pipeline.refiner is None
    with Image.open(out / "drawn_explain_2.png") as picture:
        assert picture.size == (1152, 768)


def test_explain_everybody_without_segments(
    tmp_path: Path,
    loaded: list[Pipeline],
    drawn_photo: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["explain", drawn_photo.name, "--no-segment-term"]) == 0
    files = sorted(path.name for path in tmp_path.glob("*_explain_*"))
    assert files == [f"drawn_explain_{k}.{kind}" for k in (1, 2) for kind in ("json", "png")]
    assert json.loads((tmp_path / files[0]).read_text())["features"] == list(OFFSET_FEATURES)
    assert not loaded[0].config.features.segment_term
    assert capsys.readouterr().out.count("drawn.png, person ") == 2


def test_explain_a_person_who_is_not_there(
    tmp_path: Path, loaded: list[Pipeline], drawn_photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["explain", str(drawn_photo), "--person", "3", "-o", str(tmp_path / "out")]) == 2
    assert error_of(capsys) == f"--person 3: {drawn_photo} has 2 people; choose from 1 to 2"
    assert not (tmp_path / "out").exists()


def test_explain_a_photo_of_nobody(
    tmp_path: Path, loaded: list[Pipeline], capsys: pytest.CaptureFixture[str]
) -> None:
    photo = write_photo(tmp_path / "empty.png")
    assert cli.main(["explain", str(photo), "-o", str(tmp_path / "out")]) == 2
    assert "empty.png: nobody was found in this photo" in error_of(capsys)


def test_explain_out_cannot_be_written(
    loaded: list[Pipeline], drawn_photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["explain", str(drawn_photo), "--person", "1", "-o", str(drawn_photo / "out")]) == 2
    assert "explanations cannot be written there" in error_of(capsys)
