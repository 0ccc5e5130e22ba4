"""Solve a problem: presolve, one exact search per component, one certificate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from time import perf_counter

import numpy as np

from .branch_and_bound import Search
from .component import Component, dense
from .engines import check_engine
from .heuristics import all_alone, restarts, upper_bound
from .presolve import presolve, trivial_bound
from .problem import Index, Problem
from .solution import Solution, make_solution

_RESERVE = 0.01  # s of the time limit, at most a fifth of it, kept for what follows the last search step


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
        Seconds. When they are over, the best grouping so far is returned with its certified bound.
    gap : float
        Stop once ``(energy - bound) / max(|energy|, |bound|)`` is at most this.
    engine : str
        ``'glop'`` or ``'highs'``.
    hint : Solution, optional
        A grouping of the same problem to start from.
    seed : int
        Seed of the heuristic's random restarts; the same seed gives the same answer.

    Returns
    -------
    Solution

    Raises
    ------
    ValueError
        If a limit is out of range, the engine is unknown, or the hint belongs to another problem.
    """
    start = perf_counter()
    _check_arguments(time_limit, gap, engine)
    hinted = _check_hint(problem, hint)
    whole, scale = dense(problem)
    parts = presolve(whole)
    people: list[Index] = []
    bound = 0.0
    counts: Counter[str] = Counter(components=len(parts), nodes_after_presolve=sum(p.n_nodes for p in parts))
    deadline = start + time_limit - min(_RESERVE, time_limit / 5)
    search = partial(_solve_part, engine=engine, deadline=deadline, gap=gap, seed=seed)
    for part in parts:
        found, below = search(part, [np.flatnonzero(np.isin(part.node, nodes)) for nodes in hinted], counts)
        people += [part.node[nodes] for nodes in found]
        bound += below
    people = min(people, hinted, key=problem.energy) if hinted else people
    return make_solution(problem, people, bound * scale, perf_counter() - start, counts)


def local_search(problem: Problem) -> Solution:
    """Group greedily, then improve by single moves, merges and Kernighan-Lin exchanges; nothing is proven.

    This is the heuristic of DeeperCut's released code, without random restarts. Its energy is never below the
    optimum and often equal to it; the bound is the trivial one of `evaluate`.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    Solution
    """
    start = perf_counter()
    whole, scale = dense(problem)
    people: list[Index] = []
    if whole.n_nodes:
        found = restarts(whole, upper_bound(whole), np.random.default_rng(0), kicks=0)
        people = [whole.node[nodes] for nodes in found]
    return make_solution(problem, people, trivial_bound(whole) * scale, perf_counter() - start)


def evaluate(problem: Problem, people: Sequence[Index], bound: float | None = None) -> Solution:
    """Turn a given grouping into a solution: with its energy and a lower bound.

    Parameters
    ----------
    problem : Problem
    people : sequence of (k,) int64
        Nodes of each person; empty ones are left out. The grouping must be feasible.
    bound : float, optional
        A lower bound that is known from elsewhere. By default the trivial bound, which adds up the most that each
        candidate can gain and needs no linear programme.

    Returns
    -------
    Solution
    """
    if bound is None:
        whole, scale = dense(problem)
        bound = trivial_bound(whole) * scale
    return make_solution(problem, people, bound)


def _check_arguments(time_limit: float, gap: float, engine: str) -> None:
    if not time_limit > 0:
        raise ValueError(f"time_limit is {time_limit}: expected a positive number of seconds")
    if not gap >= 0:
        raise ValueError(f"gap is {gap}: expected 0 (prove the optimum) or more")
    check_engine(engine)


def _check_hint(problem: Problem, hint: Solution | None) -> list[Index]:
    if hint is None:
        return []
    if any(len(nodes) and nodes.max() >= problem.n_nodes for nodes in hint.nodes):
        raise ValueError(
            f"hint selects nodes beyond the problem's {problem.n_nodes}: it belongs to another problem"
        )
    nodes = list(hint.nodes)
    return nodes if np.isfinite(problem.energy(nodes)) else []


def _solve_part(
    part: Component,
    hinted: list[Index],
    counts: Counter[str],
    *,
    engine: str,
    deadline: float,
    gap: float,
    seed: int,
) -> tuple[list[Index], float]:
    """The people of a component, as its nodes, and its certified bound."""
    if part.n_candidates == 1:
        best = int(part.unary.argmin())
        chosen = [np.array([best])] if part.unary[best] < 0 else []
        return chosen, min(0.0, float(part.unary[best]))
    hinted = [nodes for nodes in hinted if len(nodes)]
    if perf_counter() > deadline:
        alone = all_alone(part)
        return min(hinted, alone, key=part.energy), trivial_bound(part)
    people = upper_bound(part, deadline)
    if part.energy(hinted) < part.energy(people) and part.feasible(hinted):
        people = hinted
    search = Search(part, people, engine=engine, deadline=deadline, gap=gap, seed=seed)
    search.run()
    counts.update(search.counts)
    return search.people, search.bound
