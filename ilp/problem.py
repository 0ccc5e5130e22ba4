"""The optimisation problem: plain arrays, validated once, and the energy of a grouping."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

# The names of posepart.arrays, which this package does not import.
Float64 = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Problem:
    """Label candidates with joint types and group them into people, in one minimisation.

    A *node* v is a pair of a candidate and a joint type; the nodes of one candidate are its allowed types.

    Attributes
    ----------
    unary : (N,) float64
        Cost ``c_v`` of selecting node v; +inf: never select it.
    candidate : (N,) int64
        Candidate of node v.
    label : (N,) int64
        Joint type of node v; a candidate has each type at most once.
    pair_u, pair_v : (M,) int64
        Node indices of different candidates; each unordered pair occurs at most once. Missing pairs cost 0.
    pair_cost : (M,) float64
        Cost ``w_uv``, paid when both nodes are selected and in the same person; +inf: forbidden.
    unique_labels : bool
        Whether a person has at most one node of each joint type.
    n_candidates : int
        Length of the solution's arrays; ``max(candidate) + 1`` unless given.

    Notes
    -----
    ``min  sum_v c_v x_v + sum_{u<v} w_uv y_uv`` over binary x, y with ``sum_{v of g} x_v <= 1`` for every
    candidate g, where ``y_uv = 1`` exactly if u and v are selected and in the same person.
    """

    unary: Float64
    candidate: Index
    label: Index
    pair_u: Index
    pair_v: Index
    pair_cost: Float64
    unique_labels: bool = False
    n_candidates: int = -1

    def __post_init__(self) -> None:
        for name in ("unary", "pair_cost"):
            object.__setattr__(self, name, _costs(name, getattr(self, name)))
        for name in ("candidate", "label", "pair_u", "pair_v"):
            object.__setattr__(self, name, _indices(name, getattr(self, name)))
        _check_lengths(self)
        _check_nodes(self)
        _check_pairs(self)
        least = int(self.candidate.max()) + 1 if self.n_nodes else 0
        if self.n_candidates == -1:
            object.__setattr__(self, "n_candidates", least)
        elif self.n_candidates < least:
            raise ValueError(
                f"n_candidates is {self.n_candidates}, but candidate goes up to {least - 1}: "
                f"pass {least} or more"
            )

    @property
    def n_nodes(self) -> int:
        """Number N of nodes."""
        return len(self.unary)

    @classmethod
    def empty(cls) -> Problem:
        """The problem without candidates: nothing was detected."""
        none = np.zeros(0)
        index = np.zeros(0, np.int64)
        return cls(none, index, index, index, index, none)

    def energy(self, people: list[Index] | tuple[Index, ...]) -> float:
        """Energy of a grouping, +inf if it breaks a rule.

        Parameters
        ----------
        people : sequence of (k,) int64
            Selected nodes of each person.

        Returns
        -------
        float
            ``sum c_v + sum w_uv`` over selected nodes and pairs of one person.
        """
        chosen = np.concatenate([np.zeros(0, np.int64), *people])
        of = np.repeat(np.arange(len(people)), [len(nodes) for nodes in people])
        alike = [chosen, self.candidate[chosen]]
        if self.unique_labels:
            alike.append(of * (int(self.label.max(initial=0)) + 1) + self.label[chosen])
        if any(np.bincount(numbers).max(initial=0) > 1 for numbers in alike):
            return float("inf")
        person = np.full(self.n_nodes, -1, np.int64)
        person[chosen] = of
        chosen = np.flatnonzero(person >= 0)
        together = (person[self.pair_u] >= 0) & (person[self.pair_u] == person[self.pair_v])
        return float(self.unary[chosen].sum() + self.pair_cost[together].sum())

    def pair_matrix(self) -> Float64:
        """Pairwise costs as a symmetric (N, N) matrix, 0 where no cost is given."""
        costs = np.zeros((self.n_nodes, self.n_nodes))
        costs[self.pair_u, self.pair_v] = costs[self.pair_v, self.pair_u] = self.pair_cost
        return costs

    def save(self, path: str | Path) -> None:
        """Write the arrays to a compressed ``.npz`` file without pickle."""
        np.savez_compressed(
            path,
            unary=self.unary,
            candidate=self.candidate,
            label=self.label,
            pair_u=self.pair_u,
            pair_v=self.pair_v,
            pair_cost=self.pair_cost,
            unique_labels=np.array(self.unique_labels),
            n_candidates=np.array(self.n_candidates),
        )

    @classmethod
    def load(cls, path: str | Path) -> Problem:
        """Read a file that :meth:`save` wrote.

        Other keys are ignored; `unique_labels` and `n_candidates` may be missing.

        Raises
        ------
        ValueError
            The file lacks an array, or the problem is not valid.
        """
        with np.load(path, allow_pickle=False) as file:
            missing = {"unary", "candidate", "label", "pair_u", "pair_v", "pair_cost"} - set(file.files)
            if missing:
                raise ValueError(f"{path} is no saved problem: keys {sorted(missing)} are missing")
            return cls(
                file["unary"],
                file["candidate"],
                file["label"],
                file["pair_u"],
                file["pair_v"],
                file["pair_cost"],
                bool(file["unique_labels"]) if "unique_labels" in file else False,
                int(file["n_candidates"]) if "n_candidates" in file else -1,
            )


def _costs(name: str, values: ArrayLike) -> Float64:
    array = np.array(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name}: expected shape (_,), got {array.shape}")
    bad = np.flatnonzero(np.isnan(array) | (array == -np.inf))
    if len(bad):
        raise ValueError(
            f"{name}[{bad[0]}] is {array[bad[0]]}: costs are finite, or +inf for 'forbidden'; "
            "clip probabilities to [1e-7, 1 - 1e-7] before taking logarithms"
        )
    array.setflags(write=False)
    return array


def _indices(name: str, values: ArrayLike) -> Index:
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name}: expected shape (_,), got {array.shape}")
    if len(array) and array.dtype.kind not in "iu":
        raise ValueError(f"{name}: expected integers, got {array.dtype}")
    array = array.astype(np.int64)
    if len(array) and array.min() < 0:
        raise ValueError(f"{name}[{array.argmin()}] is {array.min()}: indices start at 0")
    array.setflags(write=False)
    return array


def _check_lengths(problem: Problem) -> None:
    for first, others in (("unary", ("candidate", "label")), ("pair_cost", ("pair_u", "pair_v"))):
        for other in others:
            expected, got = len(getattr(problem, first)), len(getattr(problem, other))
            if expected != got:
                raise ValueError(f"{other}: expected shape ({expected},) like {first}, got ({got},)")


def _check_nodes(problem: Problem) -> None:
    if not problem.n_nodes:
        return
    order = np.lexsort((problem.label, problem.candidate))
    same = np.diff(problem.candidate[order]) == 0
    twice = np.flatnonzero(same & (np.diff(problem.label[order]) == 0))
    if len(twice):
        node = order[twice[0]]
        raise ValueError(
            f"candidate {problem.candidate[node]} has label {problem.label[node]} twice: "
            "keep the cheaper node"
        )


def _check_pairs(problem: Problem) -> None:
    u, v = problem.pair_u, problem.pair_v
    if not len(u):
        return
    last = max(int(u.max()), int(v.max()))
    if last >= problem.n_nodes:
        raise ValueError(f"pair_u, pair_v go up to {last}, but there are {problem.n_nodes} nodes")
    inside = np.flatnonzero(problem.candidate[u] == problem.candidate[v])
    if len(inside):
        k = inside[0]
        raise ValueError(
            f"pair {k} ({u[k]}, {v[k]}) lies within candidate {problem.candidate[u[k]]}: "
            "a candidate has one label anyway, leave the pair out"
        )
    key = np.sort(np.minimum(u, v) * problem.n_nodes + np.maximum(u, v))
    double = np.flatnonzero(np.diff(key) == 0)
    if len(double):
        a, b = divmod(int(key[double[0]]), problem.n_nodes)
        raise ValueError(f"pair ({a}, {b}) is given twice: add up its costs")
