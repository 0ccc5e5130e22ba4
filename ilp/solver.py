"""Solve a problem: presolve, one exact search per component, one certificate."""

from __future__ import annotations

from collections import Counter
from time import perf_counter

import numpy as np

from .branch_and_bound import Search
from .component import Component, dense
from .local_search import upper_bound
from .presolve import presolve, trivial_bound
from .problem import Ints, Problem
from .solution import Solution, make_solution

_KICKS = 3


def solve(
    problem: Problem,
    *,
    time_limit: float = 10.0,
    gap: float = 0.0,
    engine: str = "glop",
    hint: Solution | None = None,
    seed: int = 0,
) -> Solution:
    """Find a grouping of least energy and prove it.

    Parameters
    ----------
    problem : Problem
    time_limit : float
        Seconds; the best grouping so far comes back with its certified bound.
    gap : float
        Stop once ``(energy - bound) / max(|energy|, |bound|)`` is at most this.
    engine : str
        ``'glop'`` or ``'highs'``.
    hint : Solution, optional
        A grouping of the same problem to start from.
    seed : int
        Of the heuristic's kicks; the same seed gives the same answer.

    Returns
    -------
    Solution
    """
    start = perf_counter()
    if not time_limit > 0:
        raise ValueError(f"time_limit is {time_limit}: expected a positive number of seconds")
    if not gap >= 0:
        raise ValueError(f"gap is {gap}: expected 0 (prove the optimum) or more")
    deadline = start + time_limit
    whole, scale = dense(problem)
    parts = presolve(whole)
    people: list[Ints] = []
    bound = 0.0
    counts: Counter[str] = Counter(components=len(parts), nodes_after_presolve=sum(p.n_nodes for p in parts))
    for part in parts:
        found, below = _solve_part(part, engine, deadline, gap, seed, counts)
        people += [part.node[nodes] for nodes in found]
        bound += below
    return make_solution(problem, people, bound * scale, perf_counter() - start, counts)


def _solve_part(
    part: Component, engine: str, deadline: float, gap: float, seed: int, counts: Counter[str]
) -> tuple[list[Ints], float]:
    """People and bound of a component."""
    if part.n_candidates == 1:
        best = int(part.unary.argmin())
        return [np.array([best])], float(part.unary[best])
    if perf_counter() > deadline:
        return [], trivial_bound(part)
    start = upper_bound(part, np.random.default_rng(seed), _KICKS, deadline)
    search = Search(part, start, engine=engine, deadline=deadline, gap=gap)
    search.run()
    counts.update(search.counts)
    return search.people, search.bound
