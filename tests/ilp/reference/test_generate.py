"""Made-up problems: repeatable, of the promised sizes, boxes with the photo's costs."""

import numpy as np
import pytest

from posepart.ilp.reference.generate import make_box, make_photo, restrict


@pytest.mark.parametrize("multi", [False, True])
def test_box_is_repeatable(multi: bool) -> None:
    a, b = make_box(3, 2, multi=multi), make_box(3, 2, multi=multi)
    np.testing.assert_array_equal(a.pair_cost, b.pair_cost)
    assert 10 < a.n_candidates < 84
    assert (a.n_nodes > a.n_candidates) == multi
    assert np.abs(a.unary).max() < 16.2


def test_photo_and_its_boxes() -> None:
    whole, boxes = make_photo(0, 4)
    assert len(boxes) == 4
    for box in boxes:
        assert 0 < box.n_candidates < whole.n_candidates
        assert np.isin(box.pair_cost, whole.pair_cost).all()
        assert np.bincount(box.label).max() <= 6


def test_restrict_renumbers() -> None:
    whole, _ = make_photo(0, 2, multi=True)
    part = restrict(whole, np.array([7, 3]))
    nodes = np.flatnonzero(np.isin(whole.candidate, [3, 7]))
    assert part.n_candidates == 2
    np.testing.assert_array_equal(part.unary, whole.unary[nodes])
    np.testing.assert_array_equal(part.candidate, np.where(whole.candidate[nodes] == 3, 0, 1))
