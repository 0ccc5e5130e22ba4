"""Counterfactual costs of a joint: without its candidate, and with the runner-up in its place."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from posepart.arrays import Index
from posepart.config import SolverConfig
from posepart.explanation.records import RunnerUp
from posepart.ilp import Problem, Solution, evaluate, solve


def solve_without(problem: Problem, solution: Solution, candidate: int, solver: SolverConfig) -> Solution:
    """Minimise again over the groupings that leave a candidate out, whatever type it could have.

    Parameters
    ----------
    problem : ilp.Problem
    solution : ilp.Solution
        Its minimiser, from which the search starts. Its bound also holds without the candidate.
    candidate : int
    solver : SolverConfig

    Returns
    -------
    ilp.Solution
        Of the problem in which the nodes of the candidate cost infinity.
    """
    forbidden = problem.candidate == candidate
    left = replace(problem, unary=np.where(forbidden, np.inf, problem.unary))
    hint = evaluate(left, [nodes[~forbidden[nodes]] for nodes in solution.nodes], solution.bound)
    found = solve(left, time_limit=solver.time_limit, engine=solver.engine, hint=hint)
    return evaluate(left, found.nodes, max(found.bound, solution.bound))


def successor_person(others: Index, again: Solution) -> Index:
    """The nodes of the person in a new solution who keeps most nodes of an old one.

    Parameters
    ----------
    others : (k,) int64
        Nodes of the old person.
    again : ilp.Solution

    Returns
    -------
    (m,) int64
        Empty if nobody keeps any.
    """
    shared = [np.intersect1d(nodes, others) for nodes in again.nodes]
    best = max(range(len(shared)), key=lambda k: len(shared[k]), default=None)
    return again.nodes[best] if best is not None and len(shared[best]) else np.zeros(0, np.int64)


def runner_up(problem: Problem, solution: Solution, person: int, node: int) -> RunnerUp | None:
    """The best other candidate for a joint of a person, all else being equal.

    A candidate that is another joint, of this person or of another, is taken away from there.

    Parameters
    ----------
    problem : ilp.Problem
    solution : ilp.Solution
    person : int
        Index in `solution.nodes`.
    node : int
        The joint's node, one of that person's.

    Returns
    -------
    RunnerUp or None
        None if no other candidate may take the type.
    """
    prices = [
        RunnerUp(int(problem.candidate[other]), problem.energy(people) - solution.energy)
        for other, people in _replacements(problem, solution, person, node)
    ]
    possible = [other for other in prices if np.isfinite(other.price)]
    return min(possible, key=lambda other: other.price, default=None)


def _replacements(
    problem: Problem, solution: Solution, person: int, node: int
) -> Iterator[tuple[int, list[Index]]]:
    """Every other node of the same type, with the people that there are once it replaces `node`."""
    same_type = np.flatnonzero(problem.label == problem.label[node])
    for other in np.setdiff1d(same_type, solution.nodes[person]):
        vacated = (problem.candidate == problem.candidate[other]) | (np.arange(problem.n_nodes) == node)
        people = [nodes[~vacated[nodes]] for nodes in solution.nodes]
        people[person] = np.append(people[person], other)
        yield int(other), people
