"""Composed training pictures: boxes land with their pixels."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from posepart.data.sample import LabelledPerson, Sample
from posepart.training.mosaics import (
    FILL,
    NO_BOXES,
    Mosaic,
    MosaicComposer,
    MosaicConfig,
    flip,
    keep_visible,
    paste,
    view,
)

CONFIG = MosaicConfig(min_side=4.0)


def boxes(*rows: list[float]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 4)


def lit_box(image: np.ndarray) -> list[int]:
    """The box around the red pixels of a picture."""
    rows, columns = np.nonzero((image[..., 0] > 150) & (image[..., 1] < 100))
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def picture(width: int = 60, height: int = 40, box: tuple[int, int, int, int] = (20, 10, 30, 34)) -> Mosaic:
    """A black photo with one red person."""
    image = np.zeros((height, width, 3), np.uint8)
    image[box[1] : box[3], box[0] : box[2], 0] = 255
    return Mosaic(image, boxes(list(box)), NO_BOXES)


def grey(width: int, height: int) -> np.ndarray:
    return np.full((height, width, 3), FILL, np.uint8)


def test_nobody() -> None:
    found, ignored = keep_visible(NO_BOXES, 10, 10, CONFIG)
    assert found.shape == ignored.shape == (0, 4)
    empty = view(Mosaic(grey(8, 8), NO_BOXES, NO_BOXES), np.array([0.0, 0, 8, 8]), (8, 8), grey(8, 8), CONFIG)
    assert len(empty.people) == len(empty.ignored) == 0
    assert len(flip(empty, True, True).people) == 0


def test_keep_visible_ignores_slivers() -> None:
    people = boxes([-30, 0, 10, 20], [-29, 0, 11, 20], [2, 2, 5, 4], [-9, -9, -1, -1])
    found, ignored = keep_visible(people, 100, 100, MosaicConfig(min_side=4.0, min_visible=0.26))
    assert found.tolist() == [[0, 0, 11, 20]]  # 27.5 % visible
    assert ignored.tolist() == [[0, 0, 10, 20], [2, 2, 5, 4]]  # 25 % visible, 3 px


@pytest.mark.parametrize(
    ("window", "size", "expected"),
    [
        ([0, 0, 60, 40], (60, 40), [20, 10, 30, 34]),
        ([0, 0, 60, 40], (120, 80), [40, 20, 60, 68]),
        ([-60, -40, 60, 40], (60, 40), [40, 25, 45, 37]),  # the photo in the lower right quarter
        ([22, 0, 52, 20], (60, 40), [0, 20, 16, 40]),  # cut on the left and below
    ],
)
def test_view_moves_pixels_and_boxes_together(
    window: list[float], size: tuple[int, int], expected: list[int]
) -> None:
    tile = view(picture(), np.array(window, float), size, grey(*size), CONFIG)
    assert tile.image.shape == (size[1], size[0], 3)
    assert tile.people.tolist() == [expected]
    assert lit_box(tile.image) == expected


@pytest.mark.parametrize(
    ("horizontal", "vertical", "expected"),
    [(True, False, [30, 10, 40, 34]), (False, True, [20, 6, 30, 30]), (True, True, [30, 6, 40, 30])],
)
def test_flip(horizontal: bool, vertical: bool, expected: list[int]) -> None:
    flipped = flip(picture(), horizontal, vertical)
    assert flipped.people.tolist() == [expected] and lit_box(flipped.image) == expected


def cutout(width: int, height: int) -> np.ndarray:
    piece = np.zeros((height, width, 4), np.uint8)
    piece[..., 1:] = 255
    return piece


def test_paste_beside_and_over_somebody() -> None:
    beside = paste(picture(), cutout(10, 20), (45, 5), CONFIG)
    assert beside.people.tolist() == [[20, 10, 30, 34], [45, 5, 55, 25]] and len(beside.ignored) == 0
    assert beside.image[15, 50].tolist() == [0, 255, 255]
    over = paste(picture(), cutout(14, 20), (18, 10), CONFIG)  # hides 20 of 24 rows
    assert over.people.tolist() == [[18, 10, 32, 30]] and over.ignored.tolist() == [[20, 10, 30, 34]]
    outside = paste(picture(), cutout(10, 20), (59, 5), CONFIG)  # a single column would show
    assert outside.people.tolist() == [[20, 10, 30, 34]]


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    """A photo with a masked person, and one without people."""
    person = picture()
    Image.fromarray(person.image).save(tmp_path / "person.png")
    Image.fromarray((person.image[..., 0] > 0).astype(np.uint8)).save(tmp_path / "instances.png")
    Image.fromarray(grey(50, 50)).save(tmp_path / "empty.png")
    one = LabelledPerson(person.people[0], None, "none", instance=1)
    return [
        Sample(
            tmp_path / "person.png",
            60,
            40,
            (one,),
            NO_BOXES,
            True,
            None,
            tmp_path / "instances.png",
            source="a",
        ),
        Sample(tmp_path / "empty.png", 50, 50, (), NO_BOXES, True, source="b"),
    ]


def test_composer(samples: list[Sample]) -> None:
    composer = MosaicComposer(samples, MosaicConfig(cutouts=0.8))
    people = 0
    for seed in range(20):
        canvas = composer.compose(np.random.default_rng(seed), (96, 64))
        again = composer.compose(np.random.default_rng(seed), (96, 64))
        np.testing.assert_array_equal(canvas.image, again.image)
        np.testing.assert_array_equal(canvas.people, again.people)
        assert canvas.image.shape == (64, 96, 3) and canvas.people.shape[1:] == canvas.ignored.shape[1:] == (
            4,
        )
        both = np.concatenate([canvas.people, canvas.ignored])
        assert (both >= 0).all() and (both <= [96, 64, 96, 64]).all() and (both[:, 2:] > both[:, :2]).all()
        people += len(canvas.people)
    assert people > 10


def test_boxes_of_a_detector_are_people_where_they_are_believed(samples: list[Sample]) -> None:
    seen = np.array([[2, 2, 12, 30], [40, 3, 50, 30]], np.float32)
    sample = replace(samples[0], ignore_boxes=seen, unchecked=np.array([True, False]))
    counts = {
        believed: (len(canvas.people), len(canvas.ignored))
        for believed in (False, True)
        for canvas in [MosaicComposer([sample], MosaicConfig(unchecked=believed))._labelled(0)]
    }
    assert counts == {False: (1, 2), True: (2, 1)}


def test_source_weights(samples: list[Sample]) -> None:
    assert MosaicComposer(samples, MosaicConfig(source_shares={"a": 0.9})).weights.tolist() == pytest.approx(
        [0.9, 0.1]
    )
    assert MosaicComposer(samples, MosaicConfig()).weights.tolist() == [0.5, 0.5]
    elsewhere = MosaicComposer(samples, MosaicConfig(source_shares={"c": 1.0}))
    assert elsewhere.weights.tolist() == [0.5, 0.5]
    assert "nothing of c" in elsewhere.note
    with pytest.raises(ValueError, match="no photos"):
        MosaicComposer([], MosaicConfig())
