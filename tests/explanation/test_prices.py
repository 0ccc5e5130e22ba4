"""Prices of candidates in problems small enough for pencil and paper."""

import numpy as np
import pytest

from posepart.config import SolverConfig
from posepart.explanation.prices import runner_up, solve_without, successor_person
from posepart.ilp import Problem, solve
from posepart.schema import Joint

SOLVER = SolverConfig(time_limit=20.0)
NECK, WRIST, KNEE = int(Joint.NECK), int(Joint.LEFT_WRIST), int(Joint.LEFT_KNEE)


def problem_of(
    nodes: list[tuple[int, int, float]], pairs: dict[tuple[int, int], float], unique: bool = True
) -> Problem:
    """Nodes (candidate, type, unary) and what pairs of nodes cost."""
    candidate, label, unary = zip(*nodes, strict=True)
    u, v = zip(*pairs, strict=True)
    return Problem(
        np.array(unary),
        np.array(candidate),
        np.array(label),
        np.array(u),
        np.array(v),
        np.array(list(pairs.values())),
        unique,
    )


# Neck 0 holds wrist 1 (-5) and, less well, wrist 2 (-3); knee 3 hangs on wrist 1 alone and costs 2 by itself.
CHAIN = problem_of(
    [(0, NECK, -1.0), (1, WRIST, 0.0), (2, WRIST, 0.5), (3, KNEE, 2.0)],
    {(0, 1): -5.0, (0, 2): -3.0, (0, 3): 0.0, (1, 3): -4.0, (2, 3): 1.0},
)


def test_without_the_only_candidate_nothing_is_left() -> None:
    none = np.zeros(0, np.int64)
    single = Problem(np.array([-2.0]), np.array([0]), np.array([NECK]), none, none, np.zeros(0))
    solution = solve(single)
    again = solve_without(single, solution, 0, SOLVER)
    assert again.energy == again.bound == 0
    assert again.nodes == ()
    assert successor_person(np.zeros(0, np.int64), again).tolist() == []
    assert runner_up(single, solution, 0, 0) is None


def test_another_candidate_takes_over_and_what_hung_on_the_first_is_lost() -> None:
    solution = solve(CHAIN)
    assert [nodes.tolist() for nodes in solution.nodes] == [[0, 1, 3]]
    assert solution.energy == pytest.approx(-1 - 5 + 2 - 4)
    again = solve_without(CHAIN, solution, 1, SOLVER)
    assert again.energy == pytest.approx(-1 + 0.5 - 3)  # neck and wrist 2; the knee would cost 2 + 1
    assert successor_person(np.array([0, 3]), again).tolist() == [0, 2]
    found = runner_up(CHAIN, solution, 0, 1)
    assert found is not None
    assert found.candidate == 2
    assert found.price == pytest.approx((-1 + 0.5 - 3 + 2 + 1) - -8)  # the knee stays


def test_a_joint_without_rivals_has_no_runner_up() -> None:
    assert runner_up(CHAIN, solve(CHAIN), 0, 3) is None


def test_a_runner_up_is_taken_from_its_own_person() -> None:
    # two people, neck and wrist each, -6 together; a foreign wrist is worth -1
    pairs = {(0, 1): -6.0, (2, 3): -6.0, (0, 3): -1.0, (2, 1): -1.0}
    problem = problem_of([(0, NECK, 0.0), (1, WRIST, 0.0), (2, NECK, 0.0), (3, WRIST, 0.0)], pairs)
    found = runner_up(problem, solve(problem), 0, 1)
    assert found is not None
    assert found.candidate == 3
    assert found.price == pytest.approx(-1 + 12)


def test_a_forbidden_pair_is_no_runner_up() -> None:
    pairs = {(0, 1): -6.0, (0, 2): np.inf}
    problem = problem_of([(0, NECK, 0.0), (1, WRIST, 0.0), (2, WRIST, 0.0)], pairs)
    assert runner_up(problem, solve(problem), 0, 1) is None


def test_a_candidate_is_left_out_with_all_its_types() -> None:
    # candidate 1 is a wrist or, nearly as well, a knee
    problem = problem_of([(0, NECK, 0.0), (1, WRIST, 0.0), (1, KNEE, 0.0)], {(0, 1): -5.0, (0, 2): -4.0})
    solution = solve(problem)
    assert solution.labels.tolist() == [NECK, WRIST]
    again = solve_without(problem, solution, 1, SOLVER)
    assert again.energy == 0
    assert again.labels[1] == -1


def test_a_bound_of_the_whole_problem_holds_without_a_candidate() -> None:
    solution = solve(CHAIN)
    again = solve_without(CHAIN, solution, 3, SOLVER)
    assert again.energy == pytest.approx(-6)
    assert again.bound >= solution.bound
