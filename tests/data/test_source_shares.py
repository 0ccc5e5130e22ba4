"""Shares of sources: how often each is drawn, and what is said where they do not fit the data."""

import numpy as np
import pytest

from posepart.data.source_shares import note_on_shares, source_weights


def test_nothing_to_draw() -> None:
    assert source_weights(np.zeros(0, np.str_), {"a": 1.0}).shape == (0,)


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ({}, [0.25, 0.25, 0.25, 0.25]),
        ({"a": 0.5}, [0.5 / 3] * 3 + [0.5]),
        ({"a": 0.3, "b": 0.1}, [0.25] * 3 + [0.25]),  # shares that leave a rest are scaled up
        ({"b": 1.0}, [0.0] * 3 + [1.0]),
        ({"elsewhere": 1.0}, [0.25] * 4),
        ({"elsewhere": 0.8, "b": 0.2}, [0.8 / 3] * 3 + [0.2]),  # a share of nothing goes to those without one
        ({"elsewhere": 0.8, "a": 0.15, "b": 0.05}, [0.25] * 4),  # or to those that there are
        ({"a": 0.0, "b": 0.0}, [0.25] * 4),
    ],
)
def test_source_weights(shares: dict[str, float], expected: list[float]) -> None:
    weights = source_weights(np.array(["a", "a", "a", "b"]), shares)
    np.testing.assert_allclose(weights, expected)


def test_the_rest_is_split_by_size() -> None:
    weights = source_weights(np.array(["a", "b", "b", "b", "c"]), {"a": 0.2})
    np.testing.assert_allclose(weights, [0.2, 0.2, 0.2, 0.2, 0.2])


@pytest.mark.parametrize("shares", [{}, {"a": 0.5, "b": 0.5}, {"a": 3.0, "b": 1.0, "elsewhere": 0.0}])
def test_nothing_to_say(shares: dict[str, float]) -> None:
    assert note_on_shares(np.array(["a", "a", "a", "b"]), shares) == ""


@pytest.mark.parametrize(
    ("shares", "note"),
    [
        (
            {"c": 0.7, "d": 0.3},
            "the data holds nothing of c, d, and no share is given to a, b; training draws 75% a, 25% b",
        ),
        ({"a": 0.6, "b": 0.2, "c": 0.2}, "the data holds nothing of c; training draws 75% a, 25% b"),
        ({"a": 0.6}, "no share is given to b; training draws 60% a, 40% b"),
        ({"a": 1.0}, "no share is given to b; training draws 100% a, 0% b"),
        ({"a": 0.0, "b": 0.0}, "no share is given to a, b; training draws 75% a, 25% b"),
    ],
)
def test_a_sentence_says_what_is_drawn(shares: dict[str, float], note: str) -> None:
    assert note_on_shares(np.array(["a", "a", "a", "b"]), shares) == f"source_shares: {note}"


def test_photos_without_a_source() -> None:
    assert note_on_shares(np.array(["", "a"]), {"a": 0.25}) == (
        "source_shares: no share is given to photos without a source; training draws 75% without a source, 25% a"
    )
