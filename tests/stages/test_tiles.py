"""Which photos are seen in tiles, and that everybody in them is found once."""

import numpy as np
import pytest
import torch

from posepart.arrays import Float32, Rgb
from posepart.config import DetectionConfig
from posepart.stages.detection import select_people
from posepart.stages.tiles import MAX_TILES, OVERLAP, TiledDetector, is_cut, tile_starts, tile_windows
from posepart.structures import PersonBoxes

LONGEST = 512


class SharpEyes:
    """Finds rectangles, one per value of the first channel, that are at least `least` px large when it sees them.

    Like a network, it shrinks what it is given to 512 px, and also finds people of whom only a part is there.
    """

    def __init__(self, least: float = 30.0, config: DetectionConfig | None = None) -> None:
        self.least = least
        self.config = config or DetectionConfig()
        self.shapes: list[tuple[int, int]] = []

    def __call__(self, image: Rgb) -> PersonBoxes:
        height, width = image.shape[:2]
        self.shapes.append((height, width))
        scale = min(1.0, LONGEST / max(height, width))
        boxes = []
        for value in np.flatnonzero(np.bincount(image[..., 0].ravel())[1:]) + 1:
            here = image[..., 0] == value
            columns, rows = np.flatnonzero(here.any(0)), np.flatnonzero(here.any(1))
            box = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
            if max(box[2] - box[0], box[3] - box[1]) * scale >= self.least:
                boxes.append(box)
        xyxy = torch.tensor(np.array(boxes, np.float32).reshape(-1, 4))
        return select_people(xyxy, torch.full((len(boxes),), 0.9), self.config)


def photo(height: int, width: int, people: list[tuple[int, int, int, int]]) -> Rgb:
    """A black photo with a rectangle for each person (x0, y0, x1, y1)."""
    image = np.zeros((height, width, 3), np.uint8)
    for value, (x0, y0, x1, y1) in enumerate(people, start=1):
        image[y0:y1, x0:x1, 0] = value
    return image


def tiled(eyes: SharpEyes, tiles: str = "auto", max_people: int = 60) -> TiledDetector:
    return TiledDetector(eyes, LONGEST, DetectionConfig(tiles=tiles, max_people=max_people))


def in_order(xyxy: Float32) -> list[list[float]]:
    return sorted(xyxy.tolist())


def standing(x: int, y: int, height: int = 110) -> tuple[int, int, int, int]:
    return x, y, x + height // 3, y + height


STRIP = [standing(x, 120 + x % 90) for x in range(10, 7600, 150)]  # 51 people
ROW = [
    standing(150 + 384 * i, 384 * j + 60, height)
    for j in range(6)
    for i, height in enumerate([150] * 5 + [80])
]


def test_everybody_in_a_strip_is_found_once() -> None:
    image, eyes = photo(384, 7680, STRIP), SharpEyes()
    assert len(SharpEyes()(image)) == 0
    found = tiled(eyes)(image)
    assert in_order(found.xyxy) == in_order(np.array(STRIP, np.float32))
    assert eyes.shapes[0] == (384, 7680) and set(eyes.shapes[1:]) == {(384, 768)}
    assert len(eyes.shapes) == 18


def test_a_tall_photo_is_a_strip_too() -> None:
    people = [(x0, y0, x1, y1) for y0, x0, y1, x1 in STRIP]
    found = tiled(SharpEyes())(np.ascontiguousarray(photo(384, 7680, STRIP).swapaxes(0, 1)))
    assert in_order(found.xyxy) == in_order(np.array(people, np.float32))


def test_small_people_in_a_mosaic_are_found_once() -> None:
    """The whole photo shows only the 30 larger ones."""
    image, eyes = photo(2304, 2304, ROW), SharpEyes()
    assert len(SharpEyes()(image)) == 30
    found = tiled(eyes)(image)
    assert in_order(found.xyxy) == in_order(np.array(ROW, np.float32))
    assert set(eyes.shapes[1:]) == {(600, 600)}  # 150 px become 128 of 512


def test_people_at_the_borders_of_tiles_are_counted_once() -> None:
    starts = tile_starts(7680, 768)
    people = [
        standing(x - 18, 100 + 2 * i) for i, x in enumerate(starts[1:])
    ]  # across the first column of a tile
    found = tiled(SharpEyes())(photo(384, 7680, people))
    assert in_order(found.xyxy) == in_order(np.array(people, np.float32))


@pytest.mark.parametrize("offset", range(0, 450, 37))
def test_a_wide_person_is_found_whole(offset: int) -> None:
    """Somebody lying, as wide as the overlap, wherever the tiles begin."""
    person = (2000 + offset, 150, 2000 + offset + int(OVERLAP * 768) - 20, 250)
    assert in_order(tiled(SharpEyes())(photo(384, 7680, [person])).xyxy) == [list(person)]


@pytest.mark.parametrize(("size", "found"), [(500, True), (700, False)])
def test_tiles_add_only_people_who_are_small_in_the_whole_photo(size: int, found: bool) -> None:
    """700 px are 149 px as the whole photo is seen; what a tile shows of that size may be a part of somebody."""

    def in_tiles_only(image: Rgb) -> PersonBoxes:
        if image.shape[1] == 2400:
            return PersonBoxes.empty()
        return PersonBoxes(np.array([[20, 20, 320, 20 + size]], np.float32), np.ones(1, np.float32))

    detector = TiledDetector(in_tiles_only, LONGEST, DetectionConfig())
    assert (len(detector(photo(740, 2400, []))) > 0) == found


def test_a_box_of_a_tile_replaces_a_less_exact_one() -> None:
    """Their IoU is 0.5: select_people alone would keep both."""

    def inexact_in_the_whole(image: Rgb) -> PersonBoxes:
        whole = image.shape[1] == 7680
        right, score = (80, 0.99) if whole else (60, 0.7)
        if whole or image[0, 40, 0]:
            return PersonBoxes(np.array([[40, 100, right, 200]], np.float32), np.array([score], np.float32))
        return PersonBoxes.empty()

    image = photo(384, 7680, [])
    image[:, 40, 0] = 1  # only the first tile has this column
    found = TiledDetector(inexact_in_the_whole, LONGEST, DetectionConfig())(image)
    assert found.xyxy.tolist() == [[40, 100, 60, 200]]


def test_a_person_larger_than_a_tile_is_found_once() -> None:
    person, eyes = (200, 20, 1800, 570), SharpEyes()
    found = tiled(eyes)(photo(600, 2400, [person]))
    assert len(eyes.shapes) > 1
    assert found.xyxy.tolist() == [list(person)]


def test_off() -> None:
    eyes = SharpEyes()
    assert len(tiled(eyes, tiles="off")(photo(384, 7680, STRIP))) == 0
    assert eyes.shapes == [(384, 7680)]


@pytest.mark.parametrize(
    ("height", "width", "people"),
    [
        (480, 640, [standing(20, 20, 400)]),
        (480, 640, [standing(40 * i, 20, 45) for i in range(12)]),  # small, but hardly shrunk
        (3000, 4000, []),
        (3000, 4000, [standing(900, 300, 2500)]),
        (3000, 4000, [standing(600 * i, 300, 300) for i in range(4)]),  # small, but few
        (1000, 2000, [standing(150 * i, 300, 240) for i in range(12)]),
        (200, 700, [standing(50, 50, 100)]),  # narrow, but hardly shrunk
        (1000, 3000, [standing(50, 50, 600)]),
        (1, 1, []),
        (40, 1, []),
    ],
)
def test_ordinary_photos_are_seen_once(
    height: int, width: int, people: list[tuple[int, int, int, int]]
) -> None:
    image, eyes = photo(height, width, people), SharpEyes()
    found = tiled(eyes)(image)
    assert eyes.shapes == [(height, width)]
    expected = SharpEyes()(image)
    assert found.xyxy.tobytes() == expected.xyxy.tobytes()
    assert found.scores.tobytes() == expected.scores.tobytes()


def test_nobody_in_a_strip() -> None:
    found = tiled(SharpEyes())(photo(100, 5000, []))
    assert len(found) == 0 and found.left_out == 0


@pytest.mark.parametrize(("max_people", "left_out"), [(60, 0), (51, 0), (40, 11)])
def test_people_beyond_the_limit_are_counted(max_people: int, left_out: int) -> None:
    found = tiled(SharpEyes(), max_people=max_people)(photo(384, 7680, STRIP))
    assert (len(found), found.left_out) == (51 - left_out, left_out)


def test_people_whom_the_detector_left_out_are_counted() -> None:
    few = DetectionConfig(max_people=20)
    found = tiled(SharpEyes(config=few))(photo(2304, 2304, ROW))
    assert found.left_out >= 10


@pytest.mark.parametrize(
    ("shape", "side"),
    [((384, 7680), 768), ((2304, 2304), 600), ((100, 100_000), 512), ((9000, 9000), 512), ((300, 301), 300)],
)
def test_tiles_cover_the_photo_and_overlap(shape: tuple[int, int], side: float) -> None:
    windows = tile_windows(shape, side)
    height, width = shape
    assert 1 < len(windows) <= MAX_TILES
    wide, tall = windows[0][2:]  # the first tile begins at 0, 0
    assert all((x1 - x0, y1 - y0) == (wide, tall) for x0, y0, x1, y1 in windows)
    assert max(x1 for _, _, x1, _ in windows) == width and max(y1 for *_, y1 in windows) == height
    for axis, length in ((0, wide), (1, tall)):
        starts = sorted({window[axis] for window in windows})
        assert starts[0] == 0
        assert max(np.diff(starts), default=0) <= (1 - OVERLAP) * length


def test_only_borders_inside_the_photo_cut() -> None:
    window = (100, 0, 200, 100)  # of a photo of 300 x 100 px
    boxes = np.array(
        [[120, 0, 180, 100], [102, 10, 150, 90], [150, 10, 199, 90], [110, 10, 190, 90]], np.float32
    )
    assert is_cut(boxes, window, (100, 300), 4).tolist() == [False, True, True, False]
    assert is_cut(np.zeros((0, 4), np.float32), window, (100, 300), 4).tolist() == []
