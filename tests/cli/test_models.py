"""The command `posepart models`."""

import json
from pathlib import Path

import pytest
from helpers.fake_pipeline import error_of

from posepart.cli import main as cli
from posepart.cli import models


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed models, with one in it that has weights of 3 MB."""
    folder = tmp_path / "weights" / "small"
    folder.mkdir(parents=True)
    detector = {"builder": "person_detector", "licence_code": "Apache-2.0", "licence_weights": "ours"}
    pose = {
        "builder": "pose_s",
        "metrics": {"pck": 0.8125, "by_joint": {"neck": 0.9}},
        "limits": ["far", "dark"],
    }
    for stage, card in {"detector": detector, "pose": pose}.items():
        (folder / f"{stage}.json").write_text(json.dumps(card))
        (folder / f"{stage}.safetensors").write_bytes(b"0" * 1_500_000)
    monkeypatch.setattr(models, "INSTALLED", tmp_path / "weights")
    return folder


def test_five_lines_a_model(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "small",
        f"  folder: {installed} (3 MB)",
        "  stages: detector (person_detector), pose (pose_s)",
        "  metrics: pose pck 0.812",
        "  licences: code: Apache-2.0; weights: ours; data: unknown",
    ]


def test_the_cards_of_one(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = [
        f"small  ({installed})",
        "  detector",
        "    builder: person_detector",
        "    licence_code: Apache-2.0",
        "    licence_weights: ours",
        "  pose",
        "    builder: pose_s",
        "    metrics:",
        "      pck: 0.8125",
        "      by_joint:",
        "        neck: 0.9",
        "    limits: far, dark",
    ]
    for name in ("small", str(installed)):
        assert cli.main(["models", name]) == 0
        assert capsys.readouterr().out.splitlines() == expected


def test_what_is_shipped_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "posepart-s"
    assert len(lines) == 5


def test_mistakes(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models", "large"]) == 2
    assert error_of(capsys) == "large: no installed model (there are: small) and no folder of weights"
    (installed / "pose.json").write_text("{")
    assert cli.main(["models"]) == 2
    assert "small: a card cannot be read" in error_of(capsys)
    (installed / "detector.json").unlink()
    assert cli.main(["models"]) == 2
    assert "no model is installed" in error_of(capsys)
