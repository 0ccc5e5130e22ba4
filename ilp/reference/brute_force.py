"""Oracle: the optimum of a tiny problem by dynamic programming over subsets of candidates."""

from __future__ import annotations

from itertools import product

import numpy as np

from ..problem import Float64, Index, Problem
from ..solution import Solution, make_solution


def solve_brute_force(problem: Problem, *, max_candidates: int = 11) -> Solution:
    """Find the optimum by enumeration.

    Parameters
    ----------
    problem : Problem
    max_candidates : int
        The work grows as 3^n, and faster with several types per candidate.

    Returns
    -------
    Solution

    Raises
    ------
    ValueError
        The problem has more candidates than that.

    Notes
    -----
    ``f(S) = min(f(S - i), min_{P of S, i in P} one(P) + f(S - P))`` with i the first candidate of S and
    ``one(P)`` the least energy of one person made of all candidates in P.
    """
    groups = [np.flatnonzero(problem.candidate == g) for g in range(problem.n_candidates)]
    groups = [nodes for nodes in groups if len(nodes)]
    n = len(groups)
    if n > max_candidates:
        raise ValueError(f"{n} candidates are too many for brute force: at most {max_candidates}")
    one, chosen = _one_person(problem, groups)
    least = np.zeros(1 << n)
    person = np.zeros(1 << n, np.int64)
    for subset in range(1, 1 << n):
        first = subset & -subset
        least[subset] = least[subset ^ first]
        part = subset
        while part:
            if part & first and one[part] + least[subset ^ part] < least[subset]:
                least[subset], person[subset] = one[part] + least[subset ^ part], part
            part = (part - 1) & subset
    people, subset = [], (1 << n) - 1
    while subset:
        part = int(person[subset])
        if part:
            people.append(chosen[part])
        subset ^= part or (subset & -subset)
    solution = make_solution(problem, people, float(least[-1]))
    assert abs(solution.energy - least[-1]) <= 1e-9 * max(1.0, abs(solution.energy))
    return solution


def _one_person(problem: Problem, groups: list[Index]) -> tuple[Float64, dict[int, Index]]:
    """The least energy of one person for each subset of candidates, and the person's nodes."""
    pair = np.zeros((problem.n_nodes, problem.n_nodes))
    pair[problem.pair_u, problem.pair_v] = problem.pair_cost
    one = np.full(1 << len(groups), np.inf)
    chosen: dict[int, Index] = {}
    for subset in range(1, len(one)):
        members = [nodes for g, nodes in enumerate(groups) if subset >> g & 1]
        for pick in product(*members):
            nodes = np.array(pick, np.int64)
            if problem.unique_labels and len(np.unique(problem.label[nodes])) < len(nodes):
                continue
            square = pair[np.ix_(nodes, nodes)]
            energy = float(problem.unary[nodes].sum() + square.sum())
            if energy < one[subset]:
                one[subset], chosen[subset] = energy, nodes
    return one, chosen
