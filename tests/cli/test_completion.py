"""The command `posepart completion`, and what a shell makes of its script."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.fake_pipeline import error_of

from posepart.cli import completion
from posepart.cli import main as cli
from posepart.presets import preset_names


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_script_knows_commands_and_options(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("shtab")
    assert cli.main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for word in (*cli.GRAMMARS, "--overwrite", "--pipeline.crf.solver.time_limit", "paper"):
        assert word.removeprefix("--") in script


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["mod"], ["models"]),
        (["predict", "--overw"], ["--overwrite"]),
        (["predict", "--preset", "x"], [name for name in preset_names() if name.startswith("x")]),
        (["predict", "--pipeline.refine", "f"], ["false"]),
        (["evaluate", "--pipeline.detection.n"], ["--pipeline.detection.nms_iou"]),
        (["predict", "bea"], ["beach.jpg"]),
        (["predict", "beach.jpg", "-o", "res"], ["results"]),
        (["synth", "--size", "3"], []),
    ],
)
def test_bash_completes(
    typed: list[str], expected: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("shtab")
    assert cli.main(["completion", "bash"]) == 0
    (tmp_path / "script").write_text(capsys.readouterr().out)
    (tmp_path / "beach.jpg").touch()
    (tmp_path / "results.txt").touch()
    (tmp_path / "results").mkdir()
    words = " ".join(f"'{word}'" for word in ("posepart", *typed))
    code = (
        f"source ./script; COMP_WORDS=({words}); COMP_CWORD={len(typed)}; _shtab_posepart\n"
        "printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    finished = subprocess.run(
        ["bash", "--norc", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert finished.stdout.split() == expected, finished.stderr


def test_without_shtab(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert cli.main(["completion", "zsh"]) == 2
    assert "pip install shtab" in error_of(capsys)
