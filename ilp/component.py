"""The dense form of a problem, or of one connected part of it, on which the search works."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .problem import Float64, Index, Mask, Problem


@dataclass(frozen=True)
class Component:
    """The costs of N nodes of G candidates as matrices; the nodes of a candidate are consecutive."""

    unary: Float64  # (N,), c_v
    pair: Float64  # (N, N), w_uv, symmetric; 0 within a candidate, `forbidden` for a forbidden pair
    allowed: Mask  # (N, N), False where y_uv = 0 is known
    candidate: Index  # (N,), 0 .. G-1, ascending
    start: Index  # (G,), first node of each candidate
    label: Index  # (N,), joint types
    unique_labels: bool  # whether a person has at most one node of each type
    node: Index  # (N,), the corresponding node of the problem
    forbidden: float  # cost of a forbidden pair: finite, but no optimum pays it

    @property
    def n_nodes(self) -> int:
        """Number N of nodes."""
        return len(self.unary)

    @property
    def n_candidates(self) -> int:
        """Number G of candidates."""
        return len(self.start)

    def energy(self, people: list[Index]) -> float:
        """``sum c_v + sum w_uv`` of people given as node index arrays."""
        nodes, together = _together(people)
        return float(self.unary[nodes].sum() + (self.pair[nodes[:, None], nodes] * together).sum() / 2)

    def feasible(self, people: list[Index]) -> bool:
        """Whether no person has a forbidden pair, or one so expensive that no optimum joins it."""
        nodes, together = _together(people)
        return not (together & (self.pair[nodes[:, None], nodes] >= self.forbidden)).any()

    def restrict(self, nodes: Index) -> Component:
        """The part of the component on some nodes (ascending indices)."""
        _, candidate = np.unique(self.candidate[nodes], return_inverse=True)
        square = np.ix_(nodes, nodes)
        return Component(
            self.unary[nodes],
            self.pair[square],
            self.allowed[square],
            candidate.astype(np.int64),
            _first(candidate),
            self.label[nodes],
            self.unique_labels,
            self.node[nodes],
            self.forbidden,
        )


def _together(people: list[Index]) -> tuple[Index, Mask]:
    """The nodes of all people, and which pairs of them are in one person."""
    person = np.repeat(np.arange(len(people)), [len(nodes) for nodes in people])
    nodes = np.concatenate(people) if people else np.zeros(0, np.int64)
    return nodes, person[:, None] == person


def _first(candidate: Index) -> Index:
    return np.flatnonzero(np.r_[True, np.diff(candidate) > 0])[: len(candidate)].astype(np.int64)


def dense(problem: Problem) -> tuple[Component, float]:
    """The whole problem in dense form, nodes sorted by candidate and label.

    Returns
    -------
    component : Component
        Costs divided by ``scale``.
    scale : float
        A power of two that brings the largest finite pair cost near 16.

    Notes
    -----
    A forbidden pair costs ``1 + max_u sum_v max(0, -w_uv)``: more than either of its nodes can gain from all others
    together, so that isolating one of them always lowers the energy.
    """
    usable = np.flatnonzero(np.isfinite(problem.unary))
    order = usable[np.lexsort((problem.label[usable], problem.candidate[usable]))]
    rank = np.full(problem.n_nodes, -1, np.int64)
    rank[order] = np.arange(len(order))
    u, v = rank[problem.pair_u], rank[problem.pair_v]
    keep = (u >= 0) & (v >= 0)
    u, v, w = u[keep], v[keep], problem.pair_cost[keep]
    finite = np.isfinite(w)
    scale = _scale(np.r_[problem.unary[order], w[finite]])
    unary = problem.unary[order] / scale
    pair = np.zeros((len(order), len(order)))
    pair[u, v] = pair[v, u] = np.where(finite, w, 0.0) / scale
    candidate, label = problem.candidate[order], problem.label[order]
    allowed = candidate[:, None] != candidate[None, :]
    allowed[u[~finite], v[~finite]] = allowed[v[~finite], u[~finite]] = False
    if problem.unique_labels:
        allowed &= label[:, None] != label[None, :]
    forbidden = ~allowed & (candidate[:, None] != candidate[None, :])
    penalty = 1.0 + float(-np.minimum(pair, 0.0).sum(1).min(initial=0.0))
    pair[forbidden] = penalty
    _, candidate = np.unique(candidate, return_inverse=True)
    start = _first(candidate)
    candidate = candidate.astype(np.int64)
    return Component(
        unary, pair, allowed, candidate, start, label, problem.unique_labels, order, penalty
    ), scale


def _scale(costs: Float64) -> float:
    largest = float(np.abs(costs).max(initial=0.0))
    return float(2.0 ** np.clip(np.ceil(np.log2(largest / 16.0)), -900, 900)) if largest > 0 else 1.0
