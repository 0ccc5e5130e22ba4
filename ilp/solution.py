"""The optimiser's answer: the people, their energy and a certificate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from .problem import Index, Problem

#: Energies that differ by less than this (relative) count as equal.
TOLERANCE = 1e-7


@dataclass(frozen=True)
class Solution:
    """A feasible grouping with its certified lower bound."""

    labels: Index  # (n_candidates,), joint type of each candidate, -1 for background
    clusters: Index  # (n_candidates,), person of each, numbered by their first candidates; -1: background
    nodes: tuple[Index, ...]  # (k,) node indices of each person, ascending
    energy: float  # of this grouping, recomputed from the labels
    bound: float  # no grouping has a lower energy, up to a relative 1e-7
    gap: float  # (energy - bound) / max(|energy|, |bound|), 0 if both are 0
    status: str  # "optimal" (proven) or "feasible"
    seconds: float = 0.0  # wall-clock time of the call
    statistics: Mapping[str, float] = field(default_factory=dict)  # counters of the search, for developers


def relative_gap(energy: float, bound: float) -> float:
    """``(energy - bound) / max(|energy|, |bound|)``; 0 if both are 0, 1 without a bound."""
    largest = max(abs(energy), abs(bound))
    if largest == float("inf"):
        return 1.0
    return max(0.0, energy - bound) / largest if largest > 0 else 0.0


def make_solution(
    problem: Problem,
    people: Sequence[Index],
    bound: float,
    seconds: float = 0.0,
    statistics: Mapping[str, float] | None = None,
) -> Solution:
    """Number the people, recompute the energy and compute the gap.

    Parameters
    ----------
    problem : Problem
    people : sequence of (k,) int64
        Nodes of each person; empty ones are left out.
    bound : float
        Certified lower bound.
    seconds : float
    statistics : mapping of str to float, optional

    Returns
    -------
    Solution
    """
    ordered = sorted(
        (np.sort(np.asarray(nodes, np.int64)) for nodes in people if len(nodes)),
        key=lambda nodes: int(problem.candidate[nodes].min()),
    )
    energy = problem.energy(ordered)
    assert np.isfinite(energy), "an infeasible grouping reached the result"
    labels = np.full(problem.n_candidates, -1, np.int64)
    clusters = np.full(problem.n_candidates, -1, np.int64)
    for k, nodes in enumerate(ordered):
        labels[problem.candidate[nodes]] = problem.label[nodes]
        clusters[problem.candidate[nodes]] = k
    bound = min(bound, energy)
    gap = relative_gap(energy, bound)
    status = "optimal" if gap <= TOLERANCE else "feasible"
    return Solution(
        labels, clusters, tuple(ordered), energy, bound, gap, status, seconds, dict(statistics or {})
    )
