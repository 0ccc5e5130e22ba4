"""A labelled photo is read as every command reads photos."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from posepart.data.sample import Sample
from posepart.io.photos import read_photo


def sample_of(path: Path, width: int, height: int) -> Sample:
    return Sample(path, width, height, (), np.zeros((0, 4), np.float32), boxes_complete=True)


@pytest.mark.parametrize(
    ("mode", "stored", "expected"), [("I;16", 0x8000, 128), ("RGBA", (0, 0, 0, 0), 255), ("LA", (9, 0), 255)]
)
def test_training_sees_what_predict_sees(tmp_path: Path, mode: str, stored: Any, expected: int) -> None:
    path = tmp_path / "a.png"
    Image.new(mode, (6, 4), stored).save(path)
    image = sample_of(path, 6, 4).read_image()
    assert (image == expected).all()
    np.testing.assert_array_equal(image, read_photo(path))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_labels_are_of_the_upright_photo(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "phone.jpg"
    Image.fromarray(np.arange(24, dtype=np.uint8).reshape(4, 6) * 10).save(path, exif=exif)
    upright, other = ((6, 4), (4, 6)) if orientation < 5 else ((4, 6), (6, 4))
    sample = sample_of(path, *upright)
    sample.check_photo()
    np.testing.assert_array_equal(sample.read_image(), read_photo(path))
    wrong = sample_of(path, *other)
    with pytest.raises(
        ValueError, match=r"phone\.jpg: is .* but its labels are for .*labels are of the photo as EXIF"
    ):
        wrong.read_image()
    with pytest.raises(ValueError, match=r"phone\.jpg: is "):
        wrong.check_photo()


def test_a_photo_that_is_cut_short_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cut.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:-300])
    for read in (sample_of(path, 60, 40).read_image, sample_of(path, 60, 40).check_photo):
        with pytest.raises(ValueError, match=r"cut\.jpg: the picture is damaged or cut short"):
            read()
