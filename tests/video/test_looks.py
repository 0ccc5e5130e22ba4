"""The colours of people, and two who pass each other."""

import numpy as np
import pytest
from helpers.scenes import make_person

from posepart.schema import Part
from posepart.structures import Scene
from posepart.video.looks import NO_LOOKS, Looks, likeness, looks_of, remembered
from posepart.video.tracker import Tracker


def looks(red: int, blue: int) -> Looks:
    """Those of somebody in a torso of one colour."""
    image = np.zeros((20, 20, 3), np.uint8)
    image[:, :, 0], image[:, :, 2] = red, blue
    parts = np.full((20, 20), int(Part.TORSO), np.uint8)
    (found,) = looks_of(image, Scene((make_person((0, 0)),), parts, np.ones((20, 20), np.uint8), "test"))
    return found


def test_nobody_looks_like_nothing() -> None:
    nothing = np.zeros((4, 4), np.uint8)
    assert looks_of(np.zeros((4, 4, 3), np.uint8), Scene((), nothing, nothing, "test")) == ()


def test_colours_are_those_of_the_parts() -> None:
    red = looks(255, 0)
    assert red.colours[Part.TORSO] == pytest.approx([53.24, 80.09, 67.2], abs=0.1)  # CIELAB of pure red
    assert (red.weights > 0).sum() == 1


def test_likeness_falls_with_the_distance_of_colours() -> None:
    red, dark, blue = looks(255, 0), looks(235, 0), looks(0, 255)
    assert likeness(red, red, 15.0) == 1.0
    assert 0.5 < likeness(red, dark, 15.0) < 1
    assert likeness(red, blue, 15.0) < 1e-6
    assert likeness(red, NO_LOOKS, 15.0) == 0.5


def test_what_is_remembered_changes_slowly_and_forgets_no_part() -> None:
    red, blue = looks(255, 0), looks(0, 255)
    assert (remembered(NO_LOOKS, red, 0.1).colours == red.colours).all()
    mixed = remembered(red, blue, 0.1)
    assert mixed.colours == pytest.approx(0.9 * red.colours + 0.1 * blue.colours)
    assert remembered(red, NO_LOOKS, 0.1).weights[Part.TORSO] > 0


@pytest.mark.parametrize("coloured", [False, True])
def test_colours_tell_who_is_who_behind_somebody(coloured: bool) -> None:
    """One stands; another walks up, and where they stand together only the walker is seen."""
    tracker = Tracker()
    red, blue = looks(255, 0), looks(0, 255)
    for k in range(20):
        people = [make_person((100.0, 0.0)), make_person((100.0 - 5 * (19 - k), 0.0))]
        tracker.observe(k, k / 25, people, [red, blue] if coloured else None)
    standing, walking = tracker.tracks[0].number, tracker.tracks[1].number
    (seen,) = tracker.observe(20, 20 / 25, [make_person((101.0, 0.0))], [blue] if coloured else None)
    assert seen == (walking if coloured else standing)
