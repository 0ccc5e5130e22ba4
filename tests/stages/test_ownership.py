"""Pixel owners: distances to bones, boxes and reach, by hand."""

import numpy as np
import pytest
from helpers.scenes import person_of

from posepart.config import CropConfig, MergeConfig
from posepart.geometry import windows
from posepart.geometry.frames import Affine
from posepart.schema import NUM_PARTS, Joint, Part
from posepart.stages import ownership
from posepart.stages.crops import box_affine
from posepart.stages.ownership import bone_distances, pixel_owners
from posepart.structures import Person

CONFIG = MergeConfig()


def test_no_people_no_owners() -> None:
    owner = pixel_owners(np.full((5, 7), Part.HEAD, np.uint8), [], [], 64, CONFIG)
    assert owner.shape == (5, 7)
    assert not owner.any()


def arm(x: float, box: tuple[float, ...] = (0, 0, 63, 63)) -> Person:
    return person_of({Joint.LEFT_ELBOW: (x, 10), Joint.LEFT_WRIST: (x, 50)}, box=box)


def test_pixels_go_to_the_nearest_bone_of_their_part() -> None:
    part_map = np.zeros((64, 64), np.uint8)
    part_map[30, :] = Part.LOWER_ARM
    owner = pixel_owners(part_map, [arm(10), arm(50)], [Affine.identity()] * 2, 64, CONFIG)
    assert (owner[30, :30] == 1).all()
    assert (owner[30, 31:] == 2).all()
    assert np.count_nonzero(owner) == 64


def test_a_bone_of_the_part_beats_a_nearer_bone_of_another_part() -> None:
    part_map = np.zeros((64, 64), np.uint8)
    part_map[30, 22] = Part.LOWER_LEG
    leg = person_of({Joint.LEFT_KNEE: (40, 10), Joint.LEFT_ANKLE: (40, 50)})
    owner = pixel_owners(part_map, [arm(20), leg], [Affine.identity()] * 2, 64, CONFIG)
    assert owner[30, 22] == 2  # 18 px against 2 + 24 px
    assert pixel_owners(part_map, [arm(20)], [Affine.identity()], 64, CONFIG)[30, 22] == 1


def test_outside_its_box_a_person_reaches_only_so_far() -> None:
    part_map = np.zeros((64, 64), np.uint8)
    part_map[30, :] = Part.LOWER_ARM
    owner = pixel_owners(part_map, [arm(10, box=(5, 5, 15, 55))], [Affine.identity()], 64, CONFIG)
    assert (owner[30, :34] == 1).all()
    assert not owner[30, 36:].any()
    whole = pixel_owners(part_map, [arm(10, box=(5, 5, 60, 55))], [Affine.identity()], 64, CONFIG)
    assert (whole[30, :61] == 1).all()


def test_people_of_different_sizes_are_measured_by_their_own_size() -> None:
    part_map = np.zeros((128, 128), np.uint8)
    part_map[60, 60] = Part.LOWER_ARM
    small, large = arm(50, box=(0, 0, 127, 127)), arm(75, box=(0, 0, 127, 127))
    fine = Affine(np.array([[2.0, 0, -60], [0, 2.0, -60]]))  # the crop spans 32 photo px
    coarse = Affine(np.array([[0.5, 0, 0], [0, 0.5, 0]]))  # the crop spans 128 photo px
    owner = pixel_owners(part_map, [small, large], [fine, coarse], 64, CONFIG)
    assert owner[60, 60] == 2  # 10 px are 20 of the small crop's, 18 px are 9 of the large one's


def test_background_and_people_without_joints_get_nothing() -> None:
    part_map = np.zeros((64, 64), np.uint8)
    assert not pixel_owners(part_map, [arm(10)], [Affine.identity()], 64, CONFIG).any()
    part_map[:] = Part.HEAD
    assert not pixel_owners(part_map, [person_of({})], [Affine.identity()], 64, CONFIG).any()


def test_distance_field_by_hand() -> None:
    field = bone_distances(arm(20).pose, Affine.identity(), 64, CONFIG) / 16
    assert field[Part.LOWER_ARM, 30, 30] == pytest.approx(10, abs=0.1)
    assert field[Part.UPPER_ARM, 10, 24] == pytest.approx(
        4, abs=0.5
    )  # to the elbow, a single joint of the upper arm
    assert field[Part.HEAD, 30, 30] == pytest.approx(34, abs=0.1)
    assert (field[Part.BACKGROUND] > 4000).all()


def test_more_people_than_ids_are_refused() -> None:
    with pytest.raises(ValueError, match="256 people"):
        pixel_owners(np.zeros((4, 4), np.uint8), [arm(1)] * 256, [Affine.identity()] * 256, 64, CONFIG)


def test_strips_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    rng, shape = np.random.default_rng(1), (300, 400)
    people, affines = [], []
    for _ in range(4):
        corner = rng.uniform(0, [shape[1] * 0.6, shape[0] * 0.6])
        box = np.concatenate([corner, corner + rng.uniform(60, 150, 2)])
        affines.append(box_affine(box, CropConfig(size=64, margin=1.0)))
        joints = {joint: tuple(rng.uniform(box[:2], box[2:])) for joint in Joint}
        people.append(person_of(joints, box=tuple(box)))
    part_map = rng.integers(0, NUM_PARTS, (15, 20)).repeat(20, 0).repeat(20, 1).astype(np.uint8)
    owner = pixel_owners(part_map, people, affines, 64, CONFIG)
    monkeypatch.setattr(windows, "STRIP_PIXELS", 400 * 7)
    np.testing.assert_array_equal(pixel_owners(part_map, people, affines, 64, CONFIG), owner)
    assert len(np.unique(owner)) == 5


@pytest.mark.parametrize("seed", range(8))
def test_owners_are_looked_for_wherever_they_can_be(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading only where a person can own a pixel gives what reading the whole crop gives."""
    rng = np.random.default_rng(seed)
    part_map = rng.integers(1, NUM_PARTS, (90, 120)).astype(np.uint8)
    people, affines = [], []
    for _ in range(4):
        low, side = rng.uniform(-10, 70, 2), rng.uniform(8, 60)
        box = np.concatenate([low, low + side])
        places = {joint: tuple(rng.uniform(low - 8, low + side + 8)) for joint in Joint if rng.random() < 0.4}
        people.append(person_of(places, box=tuple(box)))
        affines.append(box_affine(box, CropConfig(size=64)))
    config = MergeConfig(reach=5.0)
    found = pixel_owners(part_map, people, affines, 64, config)
    monkeypatch.setattr(ownership, "_reachable", lambda person, affine, window, reach: window)
    np.testing.assert_array_equal(found, pixel_owners(part_map, people, affines, 64, config))
    assert found.any() and not found.all()
