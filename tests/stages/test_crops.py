"""Box rescaling: a lit pixel of the photo and a joint there land on the same place in the crop."""

import numpy as np
import pytest
from numpy.typing import NDArray

from posepart.arrays import Rgb
from posepart.config import CropConfig
from posepart.geometry.frames import Affine
from posepart.stages.crops import PADDING_GREY, box_affine, crop_boxes, warp_image
from posepart.structures import PersonBoxes

CONFIG = CropConfig(size=256, margin=1.25)


def brightness_centre(crop: Rgb, near: NDArray) -> NDArray[np.float64]:
    """(x, y) centre of gravity of the brightness within 14 px of `near`, away from the grey padding."""
    light = crop[..., 0].astype(float)
    y, x = np.mgrid[: light.shape[0], : light.shape[1]]
    light *= (abs(x - near[0]) <= 14) & (abs(y - near[1]) <= 14)
    return np.array([(light * x).sum(), (light * y).sum()]) / light.sum()


def test_no_boxes_no_crops() -> None:
    assert crop_boxes(np.zeros((50, 40, 3), np.uint8), PersonBoxes.empty(), CONFIG) == []


def test_box_affine_by_hand() -> None:
    affine = box_affine(np.array([10, 20, 50, 100]), CONFIG)  # longer side 80, square 100 px, scale 2.56
    np.testing.assert_allclose(affine.matrix, [[2.56, 0, 127.5 - 2.56 * 30], [0, 2.56, 127.5 - 2.56 * 60]])
    np.testing.assert_allclose(affine.forward(np.array([30, 60])), [127.5, 127.5])
    np.testing.assert_allclose(affine.forward(np.array([10, 20])), [76.3, 25.1])


@pytest.mark.parametrize("box", [(30, 30, 30, 30), (30, 30, 29, 60)])
def test_a_degenerate_box_still_gives_a_crop(box: tuple[int, ...]) -> None:
    boxes = PersonBoxes(np.array([box], np.float32), np.ones(1, np.float32))
    (crop,) = crop_boxes(np.full((60, 60, 3), 7, np.uint8), boxes, CONFIG)
    assert crop.image.shape == (256, 256, 3)
    assert np.isfinite(crop.affine.matrix).all()


def test_outside_the_photo_is_grey() -> None:
    affine = box_affine(np.array([200, 200, 260, 280]), CONFIG)
    assert (warp_image(np.zeros((100, 90, 3), np.uint8), affine, 256) == PADDING_GREY).all()


def test_the_photo_ends_where_the_affine_says() -> None:
    # scale 1, shifted by 64: photo pixels 0..99 are crop pixels 64..163
    affine = Affine(np.array([[1, 0, 64], [0, 1, 64]], float))
    crop = warp_image(np.full((100, 100, 3), 255, np.uint8), affine, 256)[..., 0]
    assert (crop[64:164, 64:164] == 255).all()
    crop[64:164, 64:164] = PADDING_GREY
    assert (crop == PADDING_GREY).all()


def test_scale_one_copies_pixels() -> None:
    image = np.random.default_rng(0).integers(0, 256, (80, 80, 3)).astype(np.uint8)
    affine = Affine(np.array([[1, 0, -20], [0, 1, -10]], float))
    np.testing.assert_array_equal(warp_image(image, affine, 32), image[10:42, 20:52])


@pytest.mark.parametrize("seed", range(4))
def test_one_lit_pixel_and_its_joint_land_together_when_enlarged(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.integers(30, 50, 2)
    image = np.zeros((80, 80, 3), np.uint8)
    image[y, x] = 255
    box = np.array([20, 15, 60, 70]) + rng.uniform(-3, 3, 4)
    affine = box_affine(box, CONFIG)
    joint = affine.forward(np.array([x, y]))
    np.testing.assert_allclose(brightness_centre(warp_image(image, affine, 256), joint), joint, atol=0.1)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("shrink", [0.65, 0.3, 0.11])
def test_one_lit_spot_and_its_joint_land_together_when_shrunk(seed: int, shrink: float) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.integers(1300, 1700), rng.integers(900, 1100)
    spot = round(2 / shrink)
    image = np.zeros((2000, 3000, 3), np.uint8)
    image[y - spot : y + spot + 1, x - spot : x + spot + 1] = 255
    side = 256 / CONFIG.margin / shrink
    middle = np.array([x, y]) + rng.uniform(-0.2, 0.2, 2) * side
    affine = box_affine(np.concatenate([middle - side / 2, middle + side / 2]), CONFIG)
    assert affine.scale == pytest.approx(shrink)
    joint = affine.forward(np.array([x, y]))
    np.testing.assert_allclose(brightness_centre(warp_image(image, affine, 256), joint), joint, atol=0.15)


def test_shrinking_averages_instead_of_skipping_pixels() -> None:
    image = np.zeros((1200, 1200, 3), np.uint8)
    image[::2] = 200  # lines of one pixel, far finer than a crop pixel
    crop = warp_image(image, box_affine(np.array([100, 100, 1060, 1060]), CONFIG), 256)
    assert np.abs(crop[4:-4, 4:-4].astype(int) - 100).max() <= 20  # sampling gives 0 and 200


def test_a_turned_and_mirrored_affine_is_followed() -> None:
    image = np.zeros((600, 600, 3), np.uint8)
    image[347:354, 207:214] = 255
    turn = 0.4 * np.array([[-np.cos(0.5), np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]])
    affine = Affine(np.column_stack([turn, 100 - turn @ [210, 350]]))
    joint = np.array([100, 100])
    np.testing.assert_allclose(brightness_centre(warp_image(image, affine, 256), joint), joint, atol=0.15)


def test_crops_come_in_the_order_of_the_boxes_with_their_score_and_affine() -> None:
    xyxy = np.array([[10, 10, 60, 90], [40, 5, 80, 95]], np.float32)
    boxes = PersonBoxes(xyxy, np.array([0.75, 0.5], np.float32))
    crops = crop_boxes(np.zeros((100, 100, 3), np.uint8), boxes, CONFIG)
    assert [crop.score for crop in crops] == [0.75, 0.5]
    for crop, box in zip(crops, xyxy, strict=True):
        np.testing.assert_array_equal(crop.box, box)
        np.testing.assert_array_equal(crop.affine.matrix, box_affine(box, CONFIG).matrix)
