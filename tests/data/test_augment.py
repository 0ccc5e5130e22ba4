"""Augmentation: image, joints and part map go through one affine."""

from dataclasses import replace

import numpy as np
import pytest

from posepart.config import CropConfig
from posepart.data.augment import (
    NO_AUGMENTATION,
    AugmentConfig,
    jitter_colours,
    random_affine,
    random_rectangle,
    transform_joints,
    turned,
    warp_labels,
)
from posepart.geometry.frames import Affine
from posepart.schema import Joint
from posepart.stages.crops import box_affine

CROP = CropConfig(size=192)
BOX = np.array([20, 20, 100, 180], np.float32)
IDENTITY = Affine(np.eye(3)[:2])
STILL = np.zeros(2)


def test_no_augmentation_is_the_plain_box() -> None:
    affine, mirrored = random_affine(np.random.default_rng(0), BOX, CROP, NO_AUGMENTATION)
    assert not mirrored
    np.testing.assert_allclose(affine.matrix, box_affine(BOX, CROP).matrix, atol=1e-9)


def test_zoom_and_turn_by_hand() -> None:
    # size 5: centre (2, 2); twice as large, a quarter turn from x to y
    affine = turned(IDENTITY, 5, 2.0, np.pi / 2, STILL, mirrored=False)
    np.testing.assert_allclose(affine.forward(np.array([[2, 2], [3, 2], [2, 3]])), [[2, 2], [2, 4], [0, 2]])


def test_shift_is_in_crop_pixels() -> None:
    affine = turned(IDENTITY, 5, 2.0, 0.0, np.array([1.0, -3.0]), mirrored=False)
    np.testing.assert_allclose(affine.forward(np.array([2, 2])), [3, -1])


def test_mirror_swaps_the_first_and_last_column() -> None:
    affine = turned(IDENTITY, 192, 1.0, 0.0, STILL, mirrored=True)
    np.testing.assert_allclose(
        affine.forward(np.array([[0, 7], [191, 7], [10, 0]])), [[191, 7], [0, 7], [181, 0]]
    )


def test_mirrored_joints_swap_left_and_right() -> None:
    joints = np.zeros((14, 3), np.float32)
    joints[Joint.LEFT_WRIST] = 10, 30, 2
    joints[Joint.RIGHT_KNEE] = 50, 60, 1
    joints[Joint.NECK] = 20, 20, 2
    affine = turned(IDENTITY, 192, 1.0, 0.0, STILL, mirrored=True)
    moved = transform_joints(joints, affine, mirrored=True)
    assert moved[Joint.RIGHT_WRIST].tolist() == [181, 30, 2]
    assert moved[Joint.LEFT_KNEE].tolist() == [141, 60, 1]
    assert moved[Joint.NECK].tolist() == [171, 20, 2]
    assert moved[Joint.LEFT_WRIST, 2] == moved[Joint.RIGHT_KNEE, 2] == 0
    assert joints[Joint.LEFT_WRIST].tolist() == [10, 30, 2]  # the input stays as it was


def test_joints_not_mirrored_keep_their_names() -> None:
    joints = np.arange(42, dtype=np.float32).reshape(14, 3)
    np.testing.assert_allclose(transform_joints(joints, IDENTITY, mirrored=False), joints)


@pytest.mark.parametrize("mirrored", [False, True])
def test_labels_are_read_at_the_cell_centres(mirrored: bool) -> None:
    # 8x8 labels, stride 4: the cells' centres (1.5, 1.5), (5.5, 1.5), ... lie inside these four quarters
    labels = np.repeat(np.repeat(np.array([[1, 2], [3, 4]], np.uint8), 4, 0), 4, 1)
    affine = turned(IDENTITY, 8, 1.0, 0.0, STILL, mirrored)
    expected = [[2, 1], [4, 3]] if mirrored else [[1, 2], [3, 4]]
    assert warp_labels(labels, affine, 8, 4, 255).tolist() == expected


def test_labels_at_stride_one_are_a_copy() -> None:
    labels = np.random.default_rng(0).integers(0, 7, (16, 16)).astype(np.uint8)
    np.testing.assert_array_equal(warp_labels(labels, IDENTITY, 16, 1, 255), labels)


def test_labels_outside_the_photo() -> None:
    affine = turned(IDENTITY, 8, 1.0, 0.0, np.array([4.0, 0.0]), mirrored=False)
    assert warp_labels(np.full((8, 8), 3, np.uint8), affine, 8, 4, 255).tolist() == [[255, 3], [255, 3]]


def test_random_affines_stay_within_the_configured_range() -> None:
    rng = np.random.default_rng(0)
    config = AugmentConfig(rotation_share=0.0, full_turn=0.0)
    drawn = [random_affine(rng, BOX, CROP, config) for _ in range(300)]
    zooms = np.array([affine.scale for affine, _ in drawn]) / box_affine(BOX, CROP).scale
    assert zooms.min() >= 0.7 - 1e-9
    assert zooms.max() <= 1.35 + 1e-9
    assert 0.4 < np.mean([mirrored for _, mirrored in drawn]) < 0.6
    assert all((np.linalg.det(affine.matrix[:, :2]) < 0) == mirrored for affine, mirrored in drawn)
    centres = np.array([affine.forward((BOX[:2] + BOX[2:]) / 2) for affine, _ in drawn])
    assert np.abs(centres - 95.5).max() <= 2.4 * 0.05 * 192 + 1e-6


def test_no_colour_change_without_augmentation() -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    np.testing.assert_array_equal(jitter_colours(np.random.default_rng(1), image, NO_AUGMENTATION), image)


@pytest.mark.parametrize("seed", range(6))
def test_colour_changes_keep_shape_and_type_and_the_input(seed: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    before = image.copy()
    config = AugmentConfig(colour=1.0, grey=1.0, blur=0.5, low_resolution=1.0)
    changed = jitter_colours(np.random.default_rng(seed), image, config)
    assert (changed.shape, changed.dtype) == (image.shape, np.uint8)
    assert (changed != image).any()
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("seed", range(6))
def test_rectangle_covers_exactly_its_mask(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = np.full((64, 64, 3), 300 % 256, np.uint8)
    covered, mask = random_rectangle(rng, image)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    assert mask.sum() == len(rows) * len(columns)
    assert 5 <= len(rows) <= 20
    assert 5 <= len(columns) <= 20
    np.testing.assert_array_equal(covered[~mask], image[~mask])
    assert (covered[mask] != 44).any()


def test_random_crops_lie_in_the_picture_or_around_it() -> None:
    """As printed by Liang et al., Sec. 6.1: a zoom of 0.75 to 1.25, then any crop."""
    config = replace(NO_AUGMENTATION, scale=(0.75, 1.25), zoom="uniform", random_crop=True)
    box, crop = np.array([0, 0, 49, 99], np.float32), CropConfig(size=64, margin=1.0)
    rng = np.random.default_rng(0)
    zooms, places = [], []
    for _ in range(300):
        affine, _ = random_affine(rng, box, crop, config)
        corners = affine.forward(np.array([[-0.5, -0.5], [49.5, 99.5]]))
        zooms.append(affine.scale / (64 / 99))
        low, high = corners[0] + 0.5, corners[1] + 0.5  # the crop is 0 to 64
        for axis in range(2):
            inside = low[axis] >= -0.7 and high[axis] <= 64.7
            around = low[axis] <= 0.7 and high[axis] >= 63.3
            assert inside or around
        places.append(low[0])
    assert 0.75 <= min(zooms) < 0.78
    assert 1.22 < max(zooms) <= 1.25
    assert abs(np.mean(zooms) - 1) < 0.02  # a log-normal zoom would be narrower
    assert np.std(zooms) > 0.13
    assert min(places) < 3
    assert max(places) > 30
