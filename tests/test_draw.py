"""Pictures of results: what is drawn, where, and that the photo stays as it is."""

import numpy as np
import pytest
from helpers.scenes import empty_scene, make_person, two_people

from posepart.draw import CENTRE, LEFT, RIGHT, draw_overlay, line_unit, part_colours, person_colour
from posepart.schema import Joint, Part
from posepart.structures import Scene


def grey_photo(width: int = 320, height: int = 240) -> np.ndarray:
    return np.full((height, width, 3), 128, np.uint8)


def scene_of(person_offset: tuple[float, float], width: int, height: int, scale: float = 1.0) -> Scene:
    nothing = np.zeros((height, width), np.uint8)
    return Scene((make_person(person_offset, scale),), nothing, nothing, "test")


def test_empty_scene_is_the_photo_itself() -> None:
    photo = grey_photo(40, 30)
    overlay = draw_overlay(photo, empty_scene())
    assert np.array_equal(overlay, photo)
    assert not np.shares_memory(overlay, photo)


def test_photo_is_left_alone() -> None:
    photo = grey_photo()
    overlay = draw_overlay(photo, two_people())
    assert overlay.shape == photo.shape
    assert overlay.dtype == np.uint8
    assert (photo == 128).all()
    assert (overlay != photo).any()


def test_every_joint_is_a_dot_of_its_side() -> None:
    overlay = draw_overlay(grey_photo(), scene_of((20, 20), 320, 240))
    for joint, expected in ((Joint.LEFT_WRIST, LEFT), (Joint.RIGHT_ANKLE, RIGHT), (Joint.FOREHEAD, CENTRE)):
        x, y = make_person((20, 20)).pose.xy[joint].astype(int)
        assert tuple(overlay[y, x]) == expected, joint.name


def test_absent_joints_are_not_drawn() -> None:
    """Their coordinates are 0, 0: a stick to the corner of the photo must not appear."""
    overlay = draw_overlay(grey_photo(), two_people())
    assert (overlay[:8, :8] == 128).all()
    forearm = overlay[120:140, 250:262]  # the second person's left forearm would be here
    assert not (forearm == LEFT).all(axis=-1).any()


def test_parts_are_tinted() -> None:
    nothing = np.zeros((40, 40), np.uint8)
    parts = nothing.copy()
    parts[10:20, 10:20] = Part.LOWER_ARM
    overlay = draw_overlay(grey_photo(40, 40), Scene((), parts, nothing, "test"))
    red, green, blue = overlay[15, 15].astype(int)
    assert (red, green) == (95, 95)  # 55 % of 128 and 45 % of 55
    assert blue == 185  # 55 % of 128 and 45 % of 255
    assert (overlay[25, 25] == 128).all()


def test_huge_photos_are_shrunk_and_joints_land_on_their_pixels() -> None:
    overlay = draw_overlay(grey_photo(1280, 960), scene_of((80, 80), 1280, 960, scale=4.0), max_side=320)
    assert overlay.shape == (240, 320, 3)
    x, y = (make_person((80, 80), 4.0).pose.xy[Joint.LEFT_WRIST] + 0.5) / 4 - 0.5
    assert tuple(overlay[round(y), round(x)]) == LEFT


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (3000, 1), (7, 5)])
def test_odd_sizes(size: tuple[int, int]) -> None:
    width, height = size
    overlay = draw_overlay(grey_photo(width, height), scene_of((0, 0), width, height))
    assert overlay.shape[2] == 3
    assert max(overlay.shape) <= 2000


def test_people_far_outside_the_photo() -> None:
    draw_overlay(grey_photo(50, 50), scene_of((-900, 4000), 50, 50, scale=30.0))


def test_size_of_another_photo() -> None:
    with pytest.raises(ValueError, match="expected a photo"):
        draw_overlay(grey_photo(10, 10), two_people())


def test_colours_differ() -> None:
    assert len({person_colour(number) for number in range(1, 61)}) == 60
    assert len(np.unique(part_colours(), axis=0)) == len(Part)


def test_same_bytes_twice() -> None:
    assert np.array_equal(draw_overlay(grey_photo(), two_people()), draw_overlay(grey_photo(), two_people()))


def test_lines_do_not_cover_the_people_of_a_panorama() -> None:
    assert line_unit((2000, 100)) == line_unit((300, 100)) == 1
    assert line_unit((2000, 1500)) == line_unit((1500, 2000)) == line_unit((2000, 667)) == 4


def test_people_may_have_numbers_of_their_own() -> None:
    """The box of person 7 has the colour of 7 and not of 1; the default is 1, 2, ..."""
    scene, photo = two_people(), np.zeros((240, 320, 3), np.uint8)
    overlay = draw_overlay(photo, scene, numbers=(7, 2))
    assert (overlay == person_colour(7)).all(axis=-1).any() and (overlay == person_colour(2)).all(
        axis=-1
    ).any()
    assert not (overlay == person_colour(1)).all(axis=-1).any()
    np.testing.assert_array_equal(draw_overlay(photo, scene, numbers=(1, 2)), draw_overlay(photo, scene))
