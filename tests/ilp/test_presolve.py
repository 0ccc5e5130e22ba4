"""Reductions keep an optimum; the trivial bound is a bound."""

import numpy as np
import pytest
from helpers.ilp_problems import problem_of, random_problem
from hypothesis import given, settings
from hypothesis import strategies as st

from posepart.ilp import Problem
from posepart.ilp.component import Component, dense
from posepart.ilp.presolve import presolve, trivial_bound
from posepart.ilp.reference.brute_force import solve_brute_force


def as_problem(part: Component) -> Problem:
    """A reduced component as a problem, in which the pairs that presolve ruled out are forbidden."""
    u, v = np.triu_indices(part.n_nodes, 1)
    keep = part.candidate[u] != part.candidate[v]
    u, v = u[keep], v[keep]
    cost = np.where(part.allowed[u, v], part.pair[u, v], np.inf)
    return Problem(part.unary, part.candidate, part.label, u, v, cost, part.unique_labels)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_presolve_keeps_an_optimum(seed: int) -> None:
    problem = random_problem(np.random.default_rng(seed), unique_labels=bool(seed % 2))
    whole, scale = dense(problem)
    exact = solve_brute_force(problem).energy
    parts = presolve(whole)
    reduced = sum(solve_brute_force(as_problem(part)).energy for part in parts) * scale
    assert reduced == pytest.approx(exact, rel=1e-7, abs=1e-7 * scale)
    assert sum(trivial_bound(part) for part in parts) * scale <= exact + 1e-9 * scale


def test_nothing_left_of_a_hopeless_problem() -> None:
    whole, _ = dense(problem_of([1.0, 1.0], [0, 1], [0, 0], [(0, 1)], [-0.5]))
    assert presolve(whole) == []
    assert trivial_bound(whole) == 0.0


def test_components_split_at_repulsion() -> None:
    unary, cost = [-1.0] * 4, [-2.0, 1.0, -2.0]
    whole, _ = dense(problem_of(unary, range(4), [0] * 4, [(0, 1), (1, 2), (2, 3)], cost))
    assert [part.node.tolist() for part in presolve(whole)] == [[0, 1], [2, 3]]


def test_unusable_nodes_and_forbidden_pairs() -> None:
    whole, _ = dense(problem_of([np.inf, -1.0, -1.0], range(3), [0] * 3, [(1, 2), (0, 1)], [np.inf, -9.0]))
    assert whole.node.tolist() == [1, 2]
    assert not whole.allowed[0, 1]
    assert not whole.feasible([np.array([0, 1])])
    assert whole.feasible([np.array([0]), np.array([1])])
