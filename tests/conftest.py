"""Fixtures that several test folders share."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from posepart.data.sample import LabelledPerson, Sample
from posepart.io.terminal import telling
from posepart.schema import NUM_JOINTS


@pytest.fixture
def terminal() -> Iterator[None]:
    """What is logged is shown, as commands and scripts show it."""
    with telling():
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of data that does not come with the project; tests that need it skip without it."""
    default = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("POSEPART_SHARED", default))
    if not folder.is_dir():
        pytest.skip("needs the data folder: set POSEPART_SHARED, or put it as `shared` beside the repository")
    return folder


def labelled_joints(places: dict[int, tuple[float, float]]) -> NDArray[np.float32]:
    """(14, 3) joints with the given ones visible and the others not labelled."""
    joints = np.zeros((NUM_JOINTS, 3), np.float32)
    for joint, (x, y) in places.items():
        joints[joint] = x, y, 2
    return joints


def write_sample(
    folder: Path,
    image: NDArray[np.uint8],
    people: list[LabelledPerson],
    parts: NDArray[np.uint8] | None = None,
    instances: NDArray[np.uint8] | None = None,
    name: str = "photo",
    source: str = "",
    ignored: list[tuple[float, float, float, float]] | None = None,
) -> Sample:
    """A sample whose photo and label maps are PNG files in `folder`."""

    def write(kind: str, pixels: NDArray[np.uint8] | None) -> Path | None:
        if pixels is None:
            return None
        path = folder / f"{name}_{kind}.png"
        Image.fromarray(pixels).save(path)
        return path

    path = write("image", image)
    assert path is not None
    height, width = image.shape[:2]
    return Sample(
        image_path=path,
        width=width,
        height=height,
        people=tuple(people),
        ignore_boxes=np.array(ignored or [], np.float32).reshape(-1, 4),
        boxes_complete=True,
        part_path=write("parts", parts),
        instance_path=write("instances", instances),
        parts_from="none" if parts is None else "human",
        source=source,
    )


@pytest.fixture
def joints_at() -> Callable[..., NDArray[np.float32]]:
    return labelled_joints


@pytest.fixture
def sample_of(tmp_path: Path) -> Callable[..., Sample]:
    """`write_sample` into the test's own folder."""

    def write(*arguments: object, **options: object) -> Sample:
        return write_sample(tmp_path, *arguments, **options)  # type: ignore[arg-type]

    return write
