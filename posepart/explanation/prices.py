"""What a joint of a person is worth: the price of doing without its candidate, and of the next best."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from posepart.arrays import Index
from posepart.config import CrfConfig
from posepart.explanation.records import RunnerUp
from posepart.ilp import Problem, Solution, solve
from posepart.ilp.solution import make_solution


def solve_without(problem: Problem, solution: Solution, candidate: int, config: CrfConfig) -> Solution:
    """The minimiser among the groupings that leave a candidate out, whatever type it may have.

    Notes
    -----
    The search starts from the solution less the candidate. A lower bound of the whole problem holds here, too.
    """
    forbidden = problem.candidate == candidate
    left = replace(problem, unary=np.where(forbidden, np.inf, problem.unary))
    hint = make_solution(left, [nodes[~forbidden[nodes]] for nodes in solution.nodes], solution.bound)
    found = solve(left, time_limit=config.time_limit, engine=config.engine, hint=hint)
    return make_solution(left, found.nodes, max(found.bound, solution.bound), found.seconds)


def heir(others: Index, again: Solution) -> Index:
    """The nodes of the person of a new solution who keeps most of `others`, (k,) int64; none if nobody does."""
    shared = [np.intersect1d(nodes, others) for nodes in again.nodes]
    best = max(range(len(shared)), key=lambda k: len(shared[k]), default=None)
    return again.nodes[best] if best is not None and len(shared[best]) else np.zeros(0, np.int64)


def runner_up(problem: Problem, solution: Solution, person: int, node: int) -> RunnerUp | None:
    """The best other candidate for a joint of a person, all else staying as it is.

    A candidate that is someone else's joint, or another joint of this person, is taken from there. None if no
    other candidate may take the type.
    """
    prices = [
        RunnerUp(int(problem.candidate[other]), problem.energy(people) - solution.energy)
        for other, people in _moves(problem, solution, person, node)
    ]
    possible = [move for move in prices if np.isfinite(move.price)]
    return min(possible, key=lambda move: move.price, default=None)


def _moves(problem: Problem, solution: Solution, person: int, node: int) -> Iterator[tuple[int, list[Index]]]:
    """Every other node of the same type, and the people if it took the place of `node`."""
    same_type = np.flatnonzero(problem.label == problem.label[node])
    for other in np.setdiff1d(same_type, solution.nodes[person]):
        vacated = (problem.candidate == problem.candidate[other]) | (np.arange(problem.n_nodes) == node)
        people = [nodes[~vacated[nodes]] for nodes in solution.nodes]
        people[person] = np.append(people[person], other)
        yield int(other), people
