"""Heads are covered and made coarse."""

import numpy as np
from helpers.scenes import make_person

from posepart.schema import Joint, Part
from posepart.video.hiding import CELLS, head_disc, hide_heads

NOISE = np.random.default_rng(0).integers(0, 255, (220, 120, 3)).astype(np.uint8)


def test_nobody_is_hidden_in_an_empty_picture() -> None:
    np.testing.assert_array_equal(hide_heads(NOISE, []), NOISE)


def test_a_head_becomes_a_few_cells_and_the_rest_stays() -> None:
    person = make_person()
    (x, y), radius = head_disc(person)
    assert np.hypot(x - 50, y - 15) < radius / 2 and 20 < radius < 40
    hidden = hide_heads(NOISE, [person])
    rows, columns = np.mgrid[: NOISE.shape[0], : NOISE.shape[1]]
    inside = np.hypot(columns - x, rows - y) < radius - 1
    assert len(np.unique(hidden[inside], axis=0)) <= CELLS * CELLS
    outside = np.hypot(columns - x, rows - y) > radius + 2
    np.testing.assert_array_equal(hidden[outside], NOISE[outside])


def test_a_head_without_joints_is_hidden_where_its_pixels_are_or_the_box_begins() -> None:
    part_map = np.zeros(NOISE.shape[:2], np.uint8)
    part_map[150:170, 80:100] = Part.HEAD
    changed = (hide_heads(NOISE, [], part_map) != NOISE).any(axis=-1)
    assert changed[150:170, 80:100].mean() > 0.95 and not changed[:100].any()
    (_, y), radius = head_disc(make_person(absent=(Joint.FOREHEAD, Joint.NECK)))
    assert y - radius <= 0 and y + radius > 40
