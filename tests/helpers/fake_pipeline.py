"""A parser without networks that finds as many people as a pixel says, and what a command said of a mistake."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from helpers.scenes import make_person
from posepart.structures import Scene


class FakePipeline:
    """Finds `image[0, 0, 0]` people; records what it was given."""

    model_name = "fake"

    def __init__(self, fail_on: int | None = None, error: BaseException | None = None) -> None:
        self.sizes: list[tuple[int, int]] = []
        self.dumps: list[Path | None] = []
        self.fail_on = fail_on
        self.error = error

    def __call__(self, image: NDArray[np.uint8], dump_crf: Path | None = None) -> Scene:
        if self.error is not None and len(self.sizes) == self.fail_on:
            self.fail_on = None
            raise self.error
        height, width = image.shape[:2]
        self.sizes.append((width, height))
        self.dumps.append(dump_crf)
        people = tuple(make_person((10.0 * k, 5.0), scale=0.3) for k in range(int(image[0, 0, 0])))
        nothing = np.zeros((height, width), np.uint8)
        # Wall times that are never the same twice.
        return Scene(people, nothing, nothing, self.model_name, {"networks": 0.001 * len(self.sizes)})


def write_photo(path: Path, people: int = 1, size: tuple[int, int] = (60, 80)) -> Path:
    """A photo in which the fake parser finds that many people (a format without loss, please)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (people, 90, 90)).save(path)
    return path


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence that the command wrote to standard error."""
    captured = capsys.readouterr()
    assert captured.err.startswith("posepart: error: ")
    assert captured.err.count("\n") == 1
    return captured.err.removeprefix("posepart: error: ").rstrip()
