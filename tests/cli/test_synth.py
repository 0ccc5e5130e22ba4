"""The command `posepart synth`; the scenes themselves are tested in tests/synthetic."""

from pathlib import Path

import pytest

from posepart.cli import main as cli
from posepart.synthetic import SynthConfig, folder


def test_options_reach_the_generator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(folder, "write_scenes", lambda *given, **named: calls.append((given, named)))
    arguments = ["synth", "-n", "3", "-o", str(tmp_path), "--seed", "5", "--no-contact-sheet"]
    assert cli.main([*arguments, "--family", "sit", "--size", "64", "--workers", "2"]) == 0
    named = {"seed": 5, "workers": 2, "contact_sheet": False}
    assert calls == [((tmp_path, 3, SynthConfig(size=64, family="sit")), named)]


def test_scenes_are_written(tmp_path: Path) -> None:
    assert cli.main(["synth", "-n", "1", "-o", str(tmp_path), "--size", "48"]) == 0
    assert (tmp_path / "person_keypoints_train.json").exists()
    assert (tmp_path / "contact_sheet.png").exists()
