from pathlib import Path

import numpy as np
import pytest

from posepart.data.folds import Fold
from posepart.data.sample import Sample


def photo(name: str) -> Sample:
    return Sample(Path(name), 4, 4, (), np.zeros((0, 4), np.float32), True)


PHOTOS = [photo(f"somewhere/photo_{k}.jpg") for k in range(600)]


def test_every_photo_is_in_one_fold_of_about_the_same_size() -> None:
    folds = [Fold(k, 3).inside(PHOTOS) for k in range(3)]
    assert sorted(s.image_path.name for fold in folds for s in fold) == sorted(
        s.image_path.name for s in PHOTOS
    )
    assert all(150 < len(fold) < 250 for fold in folds)
    rest = Fold(1, 3).outside(PHOTOS)
    assert len(rest) == 600 - len(folds[1])
    assert not {s.image_path for s in rest} & {s.image_path for s in folds[1]}


def test_the_folder_and_the_order_do_not_matter() -> None:
    elsewhere = [photo(f"elsewhere/photo_{k}.jpg") for k in reversed(range(600))]
    here = {s.image_path.name for s in Fold(0, 2).inside(PHOTOS)}
    assert {s.image_path.name for s in Fold(0, 2).inside(elsewhere)} == here


def test_text() -> None:
    assert Fold.parse("1/5") == Fold(1, 5)
    assert str(Fold(1, 5)) == "1/5"


@pytest.mark.parametrize("text", ["", "2", "2/2", "-1/2", "0/1", "a/b", "0/2/3"])
def test_no_such_fold(text: str) -> None:
    with pytest.raises(ValueError, match=r"^fold "):
        Fold.parse(text)
