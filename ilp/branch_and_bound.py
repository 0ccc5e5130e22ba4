"""Exact search in one component: cutting planes at the root, then best-first branch and bound."""

from __future__ import annotations

import heapq
from time import perf_counter

import numpy as np

from .component import Component
from .heuristics import LocalSearch, restarts
from .presolve import trivial_bound
from .problem import Float64, Index, Mask
from .relaxation import Point, Relaxation

_EASY = 2  # programmes before the heuristic tries harder: most problems are proven by then
_KICKS = 3
_TAIL = 8
Fixings = tuple[tuple[int, float], ...]


class Search:
    """The best grouping and the bound of one component.

    Attributes
    ----------
    people : list of (k,) int64
        The best grouping so far.
    energy : float
        Its energy.
    bound : float
        Certified lower bound; equals ``energy`` once proven.
    counts : dict
        Linear programmes, cuts, fixed variables and branch-and-bound nodes.
    """

    def __init__(
        self,
        component: Component,
        people: list[Index],
        *,
        engine: str,
        deadline: float,
        gap: float,
        seed: int,
    ) -> None:
        self.component = component
        self.people = people
        self.energy = component.energy(people)
        self.bound = trivial_bound(component)
        self.counts = {"programmes": 0, "cuts": 0, "fixed": 0, "nodes": 0}
        self._engine = engine
        self._deadline = deadline
        self._gap = max(gap, 1e-9)
        self._rng = np.random.default_rng(seed)
        self._local = LocalSearch(component, deadline)

    def run(self) -> None:
        """Search until the gap is closed or the deadline is over."""
        if self._closed(self.bound):
            self._finish()
            return
        likely = np.concatenate([np.zeros(0, np.int64), *self.people])
        self.relaxation = Relaxation(self.component, self._engine, likely)
        point = self._root()
        if point is not None:
            self._branch(point)

    def _closed(self, bound: float) -> bool:
        return bound >= self.energy - self._gap * max(abs(self.energy), 1e-6)

    def _finish(self) -> None:
        """Close the search: no grouping is better, except within the allowed gap."""
        if self._gap <= 1e-9:
            self.bound = self.energy

    def _solve(self) -> Point:
        self.counts["programmes"] += 1
        return self.relaxation.solve(self._deadline - perf_counter())

    def _root(self) -> Point | None:
        """Cut until nothing is violated; the last point if it is fractional, None if the search is over."""
        for k in range(10_000):
            point = self._solve()
            self.bound = max(self.bound, min(point.bound, self.energy))
            if k == _EASY:
                self._accept(restarts(self.component, self.people, self._rng, _KICKS, self._deadline))
            if k > _EASY and len(point.values):
                self._round(point.values)
            if self._closed(self.bound):
                self._finish()
                return None
            if point.status != "optimal" or perf_counter() > self._deadline:
                return None
            if k:
                self.counts["fixed"] += self.relaxation.fix(point, self.energy - point.bound + 1e-6)
            self.relaxation.tidy(point)
            cuts = self.relaxation.cut(point.values)
            self.counts["cuts"] += cuts
            if not cuts:
                break
        self._round(point.values)
        if self._closed(self.bound):
            self._finish()
            return None
        return point

    def _round(self, values: Float64) -> None:
        """Round a relaxed point: join the selected nodes where ``y > 1/2``, then improve by local search."""
        component = self.component
        x, y = values[: component.n_nodes], self.relaxation.joining(values)
        left = np.flatnonzero(self._chosen(x))
        people = []
        while len(left):
            centre = left[int(y[np.ix_(left, left)].sum(1).argmax())]
            inside = (y[centre, left] > 0.5) | (left == centre)
            people.append(left[inside])
            left = left[~inside]
        self._local.load(people)
        self._local.descend()
        self._accept(self._local.groups())

    def _chosen(self, x: Float64) -> Mask:
        """Mask of the node of largest ``x`` of each candidate, where it is above 0.4."""
        component = self.component
        order = np.lexsort((-x, component.candidate))
        first = order[component.start]
        chosen = np.zeros(len(x), bool)
        chosen[first] = x[first] > 0.4
        return chosen

    def _accept(self, people: list[Index]) -> None:
        energy = self.component.energy(people)
        if energy < self.energy - 1e-12 and self.component.feasible(people):
            self.energy, self.people = energy, people

    def _branch(self, root: Point) -> None:
        """Best-first search over fixings of x and y; all rows are valid everywhere and are kept."""
        lower, upper = self.relaxation.lp.lower.copy(), self.relaxation.lp.upper.copy()
        heap: list[tuple[float, int, Fixings, Float64]] = [(root.bound, 0, (), root.values)]
        while heap:
            self.bound = max(self.bound, min(heap[0][0], self.energy))
            if self._closed(self.bound):
                break
            bound, _, fixings, values = heapq.heappop(heap)
            column = self._most_fractional(values)
            for value in sorted((0.0, 1.0), key=lambda v: abs(v - values[column])):
                child = (*fixings, (column, value))
                self._apply(child, lower, upper)
                point = self._cut_child()
                if point is None:
                    self.bound = max(self.bound, min([bound, *(entry[0] for entry in heap), self.energy]))
                    return
                if not self._closed(point.bound):
                    entry = (max(point.bound, bound), self.counts["nodes"], child, point.values)
                    heapq.heappush(heap, entry)
        self._finish()

    def _apply(self, fixings: Fixings, lower: Float64, upper: Float64) -> None:
        """Set the variable bounds of a node of the tree: those of the root, and its fixings."""
        lp = self.relaxation.lp
        want_lower, want_upper = np.zeros(lp.n_columns), np.ones(lp.n_columns)
        want_lower[: len(lower)], want_upper[: len(upper)] = lower, upper
        for column, value in fixings:
            want_lower[column] = want_upper[column] = value
        changed = np.flatnonzero((want_lower != lp.lower) | (want_upper != lp.upper))
        lp.set_bounds(changed, want_lower[changed], want_upper[changed])

    def _cut_child(self) -> Point | None:
        """Cut a node of the tree until it closes or stalls; None at the deadline."""
        self.counts["nodes"] += 1
        stalled, last = 0, -np.inf
        while True:
            point = self._solve()
            if point.status == "stopped" or perf_counter() > self._deadline:
                return None
            if self._closed(point.bound):
                return point
            if point.integral or self.counts["nodes"] % 8 == 1:
                self._round(point.values)
            if self._closed(point.bound):
                return point
            cuts = self.relaxation.cut(point.values)
            self.counts["cuts"] += cuts
            stalled = stalled + 1 if point.bound - last < 1e-4 else 0
            last = point.bound
            if not cuts or (stalled > _TAIL and not point.integral):
                return point

    def _most_fractional(self, values: Float64) -> int:
        """The variable of largest fractionality times cost; x counts as much as the most expensive pair."""
        pairs = self.relaxation.pairs[: len(values) - self.component.n_nodes]
        weight = np.full(len(values), 3.0)
        cost = np.abs(self.component.pair[pairs[:, 0], pairs[:, 1]])
        weight[self.component.n_nodes :] = 0.3 + np.minimum(cost, 3.0)
        free = self.relaxation.lp.lower[: len(values)] < self.relaxation.lp.upper[: len(values)]
        return int((np.minimum(values, 1.0 - values) * weight + 1e-9 * free).argmax())
