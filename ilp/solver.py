"""Solve a problem: presolve, one exact search per component, one certificate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from time import perf_counter

import numpy as np

from .branch_and_bound import Search
from .component import Component, dense
from .engines import check_engine
from .local_search import all_alone, upper_bound
from .presolve import presolve, trivial_bound
from .problem import Ints, Problem
from .solution import Solution, make_solution

_KICKS = 3
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
    check_engine(engine)
    hinted = _check_hint(problem, hint)
    whole, scale = dense(problem)
    parts = presolve(whole)
    people: list[Ints] = []
    bound = 0.0
    counts: Counter[str] = Counter(components=len(parts), nodes_after_presolve=sum(p.n_nodes for p in parts))
    search = partial(
        _solve_part,
        engine=engine,
        deadline=start + time_limit - min(_RESERVE, time_limit / 5),
        gap=gap,
        seed=seed,
    )
    for part in parts:
        found, below = search(part, [np.flatnonzero(np.isin(part.node, nodes)) for nodes in hinted], counts)
        people += [part.node[nodes] for nodes in found]
        bound += below
    if hinted and problem.energy(hinted) < problem.energy(people):
        people = hinted
    return make_solution(problem, people, bound * scale, perf_counter() - start, counts)


def _check_hint(problem: Problem, hint: Solution | None) -> list[Ints]:
    if hint is None:
        return []
    if any(len(nodes) and nodes.max() >= problem.n_nodes for nodes in hint.nodes):
        raise ValueError(
            f"hint selects nodes beyond the problem's {problem.n_nodes}: it is of another problem"
        )
    nodes = list(hint.nodes)
    return nodes if np.isfinite(problem.energy(nodes)) else []


def _solve_part(
    part: Component,
    hinted: list[Ints],
    counts: Counter[str],
    *,
    engine: str,
    deadline: float,
    gap: float,
    seed: int,
) -> tuple[list[Ints], float]:
    """People and bound of a component."""
    if part.n_candidates == 1:
        best = int(part.unary.argmin())
        chosen = [np.array([best])] if part.unary[best] < 0 else []
        return chosen, min(0.0, float(part.unary[best]))
    hinted = [nodes for nodes in hinted if len(nodes)]
    if perf_counter() > deadline:
        alone = all_alone(part)
        return min(hinted, alone, key=part.energy), trivial_bound(part)
    people = upper_bound(part, np.random.default_rng(seed), _KICKS, deadline)
    if part.energy(hinted) < part.energy(people) and part.feasible(hinted):
        people = hinted
    search = Search(part, people, engine=engine, deadline=deadline, gap=gap)
    search.run()
    counts.update(search.counts)
    return search.people, search.bound


def solve_many(
    problems: Iterable[Problem],
    *,
    workers: int = 1,
    time_limit: float = 10.0,
    gap: float = 0.0,
    engine: str = "glop",
    seed: int = 0,
) -> list[Solution]:
    """Solve several problems, in this process or in several.

    Parameters
    ----------
    problems : iterable of Problem
    workers : int
        Processes; 1 (default) starts none. Importing this package costs a new process 0.4 s, as much as
        about 30 boxes, so this is for whole data sets. Measured on 403 boxes of real photos and 2 cores: one
        process 3.9 s, two processes 2.5 s, two threads 5.3 s (about half of a box's time is Python).
    time_limit, gap, engine, seed
        As for :func:`solve`, for each problem.

    Returns
    -------
    list of Solution
        In the order of the problems.
    """
    if workers < 1:
        raise ValueError(f"workers is {workers}: expected 1 or more")
    todo = list(problems)
    one = partial(solve, time_limit=time_limit, gap=gap, engine=engine, seed=seed)
    if workers == 1 or len(todo) < 2:
        return [one(problem) for problem in todo]
    with ProcessPoolExecutor(min(workers, len(todo)), mp_context=get_context("spawn")) as pool:
        return list(pool.map(one, todo, chunksize=max(1, len(todo) // (4 * workers))))
