"""Problem: validation, energy, files. Solution: numbering and gap."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.ilp_problems import problem_of

from posepart.ilp import Problem, solve
from posepart.ilp.solution import make_solution, relative_gap

GOOD: dict[str, Any] = {
    "unary": [-1.0, 0.5, 2.0],
    "candidate": [0, 1, 1],
    "label": [3, 3, 4],
    "pair_u": [0, 0],
    "pair_v": [1, 2],
    "pair_cost": [-2.0, -3.0],
}


def test_empty_problem_is_valid_and_free() -> None:
    problem = Problem.empty()
    assert (problem.n_nodes, problem.n_candidates, problem.energy([])) == (0, 0, 0.0)


def test_lists_become_frozen_arrays() -> None:
    problem = Problem(**GOOD)
    assert problem.unary.dtype == np.float64 and problem.candidate.dtype == np.int64
    assert problem.n_candidates == 2
    with pytest.raises(ValueError, match="read-only"):
        problem.unary[0] = 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unary": [np.nan, 0.0, 0.0]}, r"unary\[0\] is nan"),
        ({"pair_cost": [-np.inf, 0.0]}, r"pair_cost\[0\] is -inf"),
        ({"unary": [[1.0, 2.0, 3.0]]}, r"expected shape \(_,\), got \(1, 3\)"),
        ({"label": [1, 2]}, r"label: expected shape \(3,\) like unary, got \(2,\)"),
        ({"pair_v": [1]}, r"pair_v: expected shape \(2,\)"),
        ({"candidate": [0, -1, 1]}, "indices start at 0"),
        ({"candidate": [0.0, 1.0, 1.0]}, "expected integers"),
        ({"pair_v": [1, 7]}, "but there are 3 nodes"),
        ({"pair_u": [0, 1], "pair_v": [1, 2]}, "lies within candidate 1"),
        ({"pair_u": [0, 1], "pair_v": [1, 0]}, r"pair \(0, 1\) is given twice"),
        ({"label": [3, 4, 4]}, "candidate 1 has label 4 twice"),
        ({"n_candidates": 1}, "pass 2 or more"),
    ],
)
def test_bad_input_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Problem(**(GOOD | change))


def test_energy_by_hand() -> None:
    problem = Problem(**GOOD)
    assert problem.energy([np.array([0, 1])]) == -2.5
    assert problem.energy([np.array([0]), np.array([1])]) == -0.5
    assert problem.energy([np.array([0]), np.array([1, 2])]) == np.inf
    assert Problem(**GOOD, unique_labels=True).energy([np.array([0, 1])]) == np.inf


def test_pair_costs_as_a_matrix() -> None:
    expected = [[0, -2, -3], [-2, 0, 0], [-3, 0, 0]]
    assert Problem(**GOOD).pair_matrix().tolist() == expected
    assert Problem.empty().pair_matrix().shape == (0, 0)


def test_file_round_trip(tmp_path: Path) -> None:
    problem = Problem(**GOOD, unique_labels=True, n_candidates=5)
    problem.save(tmp_path / "problem.npz")
    again = Problem.load(tmp_path / "problem.npz")
    assert (again.unique_labels, again.n_candidates) == (True, 5)
    for name in GOOD:
        np.testing.assert_array_equal(getattr(problem, name), getattr(again, name))
    np.savez(tmp_path / "other.npz", unary=[1.0])
    with pytest.raises(ValueError, match=r"keys .* are missing"):
        Problem.load(tmp_path / "other.npz")


def test_people_are_numbered_by_smallest_candidate() -> None:
    problem = problem_of([-1.0] * 4, [0, 1, 2, 3], [0, 1, 2, 3], n_candidates=6)
    solution = make_solution(problem, [np.array([2, 1]), np.array([], int), np.array([0])], -5.0)
    assert solution.clusters.tolist() == [0, 1, 1, -1, -1, -1]
    assert solution.labels.tolist() == [0, 1, 2, -1, -1, -1]
    assert (solution.energy, solution.bound, solution.status) == (-3.0, -5.0, "feasible")
    assert solution.gap == pytest.approx(0.4)


def test_gap_is_bounded() -> None:
    assert relative_gap(0.0, 0.0) == 0.0
    assert relative_gap(0.0, -3.0) == 1.0
    assert relative_gap(-2.0, -2.0) == 0.0


def test_solution_has_the_length_of_the_candidates() -> None:
    solution = solve(problem_of([-1.0], [1], [7], n_candidates=4))
    assert solution.labels.tolist() == [-1, 7, -1, -1]
    assert solution.clusters.tolist() == [-1, 0, -1, -1]
