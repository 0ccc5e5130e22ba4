"""A labelled folder, stored results for it, and the command, without the time it takes to draw figures."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from helpers import people_data

from posepart.cli import main as cli
from posepart.data.sample import Sample
from posepart.io.results import PhotoInfo, write_result
from posepart.report import figures
from posepart.structures import Scene


@pytest.fixture
def data(tmp_path: Path) -> tuple[Path, list[Sample]]:
    """Five photos with joints, parts and instances; see `people_data`."""
    folder = tmp_path / "people"
    folder.mkdir()
    return folder, people_data.write_people(folder)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every figure is an empty drawing."""
    monkeypatch.setattr(figures, "_svg", lambda draw, size: "<svg></svg>")


@pytest.fixture
def store(data: tuple[Path, list[Sample]], tmp_path: Path) -> Callable[..., Path]:
    """Writes the results of all photos, as `posepart predict` would, into a folder of the given name."""

    def write(name: str, scene_of: Callable[[Sample], Scene]) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for sample in data[1]:
            photo = PhotoInfo(sample.image_path.stem, sample.image_path.name, sample.width, sample.height)
            write_result(scene_of(sample), photo, folder)
        return folder

    return write


@pytest.fixture
def report(data: tuple[Path, list[Sample]], tmp_path: Path) -> Callable[..., tuple[dict[str, Any], str]]:
    """Runs `posepart evaluate` on the folder; the content of metrics.json and of index.html."""

    def run(*options: str | Path, replicates: int = 0) -> tuple[dict[str, Any], str]:
        out = tmp_path / "report"
        command: Sequence[str] = ["evaluate", "--data", str(data[0]), "-o", str(out)]
        assert cli.main([*command, "--replicates", str(replicates), *map(str, options)]) == 0
        record = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
        return record, (out / "index.html").read_text(encoding="utf-8")

    return run
