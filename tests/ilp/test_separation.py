"""Violated triangles and stars against enumeration."""

from itertools import combinations

import numpy as np

from posepart.ilp.separation import violated_stars, violated_triangles


def test_integral_partition_violates_nothing() -> None:
    y = np.zeros((4, 4))
    y[:2, :2] = y[2:, 2:] = 1
    np.fill_diagonal(y, 0)
    assert len(violated_triangles(np.ones(4), y, np.eye(4, dtype=bool), np.ones((4, 4)))) == 0
    assert len(violated_stars(np.ones(4), y)) == 0


def test_no_nodes_and_no_joins() -> None:
    assert (
        len(violated_triangles(np.zeros(0), np.zeros((0, 0)), np.zeros((0, 0), bool), np.zeros((0, 0)))) == 0
    )
    assert len(violated_triangles(np.ones(3), np.zeros((3, 3)), np.eye(3, dtype=bool), np.ones((3, 3)))) == 0


def test_finds_every_violated_triangle() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        n = 7
        y = np.triu(rng.random((n, n)) * (rng.random((n, n)) < 0.6), 1)
        y = y + y.T
        x, candidate = rng.random(n), np.sort(rng.integers(0, 5, n))
        linked = candidate[:, None] == candidate
        cuts = violated_triangles(x, y, linked, np.ones((n, n)), per_centre=99)
        found = {(j, a, b) for j, (a, b) in zip(cuts.centre.tolist(), cuts.members.tolist(), strict=True)}
        expected = {
            (j, a, b)
            for a, b in combinations(range(n), 2)
            for j in range(n)
            if j not in (a, b)
            and candidate[a] != candidate[b]
            and min(y[j, a], y[j, b]) > 1e-4
            and y[j, a] + y[j, b] - y[a, b] - x[j] > 1e-3
        }
        assert found == expected
        assert len(violated_triangles(x, y, linked, np.ones((n, n)), per_centre=1)) <= n


def test_dear_triangles_come_first() -> None:
    y = np.zeros((4, 4))
    y[0, 1:] = y[1:, 0] = 1
    stake = np.ones((4, 4))
    stake[2, 3] = stake[3, 2] = 5
    stake[0, 2] = stake[2, 0] = stake[0, 3] = stake[3, 0] = 4
    cuts = violated_triangles(np.ones(4), y, np.eye(4, dtype=bool), stake)
    assert cuts.members[0].tolist() == [2, 3]


def test_star_by_hand() -> None:
    """Three leaves at 1/2 satisfy every triangle (1/2 + 1/2 <= 1) but not the star (3/2 > 1)."""
    y = np.zeros((4, 4))
    y[0, 1:] = y[1:, 0] = 0.5
    x = np.ones(4)
    assert len(violated_triangles(x, y, np.eye(4, dtype=bool), np.ones((4, 4)))) == 0
    stars = violated_stars(x, y)
    assert stars.centre.tolist() == [0]
    assert stars.members.tolist() == [[1, 2, 3]]
    np.testing.assert_allclose(stars.violation, [0.5])
