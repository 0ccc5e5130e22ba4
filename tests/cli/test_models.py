"""The command `posepart models`."""

import json
from pathlib import Path

import pytest
from helpers.fake_pipeline import error_of

from posepart.cli import main as cli
from posepart.models import model_set


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed models, with one in it that has weights of 5 MB."""
    folder = tmp_path / "weights" / "small"
    folder.mkdir(parents=True)
    cards: dict[str, dict[str, object]] = {stage: {} for stage in model_set.STAGES}
    cards["detector"] = {
        "builder": "person_detector",
        "licence_code": "Apache-2.0",
        "licence_weights": "ours",
    }
    cards["pose"] = {"builder": "pose_s", "metrics": {"pck": 0.8125, "ap": 0.5}, "limits": ["far", "dark"]}
    for stage, card in cards.items():
        (folder / f"{stage}.json").write_text(json.dumps(card))
        (folder / f"{stage}.safetensors").write_bytes(b"0" * 1_000_000)
    monkeypatch.setattr(model_set, "INSTALLED", tmp_path / "weights")
    return folder


def test_five_lines_a_model(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "small",
        f"  folder: {installed} (5 MB)",
        "  stages: detector (person_detector), pose (pose_s), part, refine, crf",
        "  metrics: pose pck 0.812",
        "  licences: code: Apache-2.0; weights: ours; data: not stated",
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
        "      ap: 0.5",
        "    limits: far, dark",
        "  part",
        "  refine",
        "  crf",
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
    assert "pose.json: the card is" in error_of(capsys)
    (installed / "detector.json").unlink()
    assert cli.main(["models"]) == 2
    assert "no model is installed" in error_of(capsys)
