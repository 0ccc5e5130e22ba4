"""A pipeline without networks that finds as many people as a pixel tells, and the error that a command wrote."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from helpers.candidates import assemble, candidates_of, skeleton
from helpers.scenes import make_person
from posepart.pipeline import Trace
from posepart.structures import Scene


class FakePipeline:
    """Finds `image[0, 0, 0]` people; keeps the sizes of the photos, and raises `error` at photo number `fail_on`."""

    name = "fake"

    def __init__(self, fail_on: int | None = None, error: BaseException | None = None) -> None:
        self.sizes: list[tuple[int, int]] = []
        self.fail_on = fail_on
        self.error = error

    def trace(self, image: NDArray[np.uint8]) -> Trace:
        if self.error is not None and len(self.sizes) == self.fail_on:
            self.fail_on = None
            raise self.error
        height, width = image.shape[:2]
        self.sizes.append((width, height))
        people = tuple(make_person((10.0 * k, 5.0), scale=0.3) for k in range(int(image[0, 0, 0])))
        nothing = np.zeros((height, width), np.uint8)
        # every photo takes another time
        scene = Scene(people, nothing, nothing, self.name, {"networks": 0.001 * len(self.sizes)})
        crf = assemble(candidates_of([skeleton(128, 70)]))
        return Trace(scene, (), (crf,), ())


def write_photo(path: Path, people: int = 1, size: tuple[int, int] = (60, 80)) -> Path:
    """A photo in which the fake pipeline finds that many people; the format must be lossless."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (people, 90, 90)).save(path)
    return path


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence that the command wrote to standard error."""
    captured = capsys.readouterr()
    assert captured.err.startswith("posepart: error: ")
    assert captured.err.count("\n") == 1
    return captured.err.removeprefix("posepart: error: ").rstrip()
