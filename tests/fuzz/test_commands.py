"""One damaged file through every command, as a process of its own: code 2 and one sentence."""

import subprocess
import sys
from pathlib import Path

import pytest
from helpers.fuzzing import check_sentence


@pytest.mark.parametrize(
    ("arguments", "broken"),
    [
        (["predict", "photo.png", "-o", "out", "--config", "broken"], b"%YAML 9.9"),
        (["explain", "photo.png", "-o", "out", "--config", "broken"], b"a: &a [*a]"),
        (["evaluate", "--data", "data", "--config", "broken", "-o", "out"], b"\xff\xfe"),
        (["evaluate", "--data", "data", "-o", "out"], b'{"images": [null]}'),
        (["data", "check", "broken"], b"no folder"),
        (["export", "data", "--to", "coco", "-o", "out"], b"{]"),
        (["convert", "broken", "--from", "cvat", "--to", "coco", "-o", "out"], b"<annotations><image/>"),
        (["models", "model"], b"{]"),
        (["synth", "-n", "1", "-o", "broken"], b"no folder"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_command(arguments: list[str], broken: bytes, tmp_path: Path) -> None:
    (tmp_path / "data" / "images").mkdir(parents=True)
    (tmp_path / "model").mkdir()
    for name in (
        "broken",
        "data/person_keypoints_val.json",
        "model/detector.json",
        "model/detector.safetensors",
    ):
        (tmp_path / name).write_bytes(broken)
    done = subprocess.run(
        [sys.executable, "-m", "posepart", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("posepart: error: ")
    check_sentence(done.stderr.removesuffix("\n"), [])
    assert not (tmp_path / "out").exists()
