"""The linear relaxation of one component; columns and rows are added only where they matter.

``min sum c_v x_v + sum w_uv y_uv`` over [0, 1] with

- (G) ``sum_{v of g} x_v <= 1`` for each candidate g; ``= 1`` if one of its nodes has ``c_v < 0`` and is thus worth
  selecting alone;
- (L) ``sum_{u of g} y_uv <= x_v`` for each node v and other candidate g, and also for each joint type instead of g
  if a person has at most one joint of a type;
- (T), (S): see :mod:`separation`.

A pair with ``w >= 0`` that is in no row is 0 in an optimum and needs no column; it gets one just before the first
row that uses it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .component import Component
from .linear_program import LinearProgram
from .problem import Float64, Index
from .separation import Cuts, violated_stars, violated_triangles

_LEAST_STAKE = 0.1
_CROWDED = 1.5


@dataclass(frozen=True)
class Point:
    """The solution of one linear programme; an array that does not exist is empty."""

    status: str  # "optimal", "infeasible" or "stopped"
    bound: float  # certified lower bound within the current variable bounds, -inf if there is none
    values: Float64  # (n_columns,), primal values
    reduced: Float64  # (n_columns,), reduced costs
    duals: Float64  # (n_rows,), row duals

    @property
    def integral(self) -> bool:
        """Whether every value is within 1e-6 of 0 or 1."""
        return bool(np.minimum(self.values, 1.0 - self.values).max(initial=0.0) < 1e-6)


class Relaxation:
    """The programme of one component: columns 0 .. N-1 are x, column ``N + k`` is ``y`` of the nodes ``pairs[k]``.

    Parameters
    ----------
    component : Component
    engine : str
        ``'glop'`` or ``'highs'``.
    likely : (k,) int64
        Nodes that are probably selected. The first programme has the rows (T) that it would violate with all of them
        selected and all that attract each other joined, as it would be without.
    """

    def __init__(self, component: Component, engine: str, likely: Index) -> None:
        self.component = component
        self.allowed = component.allowed.copy()
        self._kinds = [component.candidate] + ([component.label] if component.unique_labels else [])
        self._linked = np.any([kind[:, None] == kind for kind in self._kinds], axis=0)
        self._stake = np.abs(component.pair) + _LEAST_STAKE
        self.lp = LinearProgram(engine)
        self.column = np.full((component.n_nodes,) * 2, -1, np.int64)
        self.pairs: Index = np.zeros((0, 2), np.int64)
        self._add_selection()
        attractive = self.allowed & (component.pair < 0)
        self._add_pairs(np.argwhere(np.triu(attractive, 1)))
        self._add_links()
        self._first_cut = self._tidied_rows = self.lp.n_rows
        self._tidied_bound = -np.inf
        if not component.unique_labels:  # whose rows (L) are often enough
            x = np.zeros(component.n_nodes)
            x[likely] = 1.0
            self._cut_triangles(x, np.outer(x, x) * attractive)

    def _add_selection(self) -> None:
        """Add the columns x and the rows (G)."""
        component = self.component
        number = np.bincount(component.candidate)
        worth = np.minimum.reduceat(component.unary, component.start) < 0
        sure = (worth & (number == 1))[component.candidate]
        self.lp.add_columns(component.unary, sure.astype(float), np.ones(component.n_nodes))
        for equality in (False, True):
            groups = (number > 1) & (worth == equality)
            nodes = np.flatnonzero(groups[component.candidate])
            row = (np.cumsum(groups) - 1)[component.candidate[nodes]]
            self.lp.add_rows(row, nodes, np.ones(len(nodes)), np.ones(groups.sum()), equality)

    def _add_pairs(self, pairs: Index) -> None:
        """Add the columns of pairs (K, 2), u < v."""
        k = len(pairs)
        u, v = pairs[:, 0], pairs[:, 1]
        self.column[u, v] = self.column[v, u] = self.lp.n_columns + np.arange(k)
        self.lp.add_columns(self.component.pair[u, v], np.zeros(k), np.ones(k))
        self.pairs = np.concatenate([self.pairs, pairs])

    def _add_links(self) -> None:
        """Add (L) over the pairs that have a column, except where the bounds or a larger row imply it."""
        component = self.component
        centre, other = self.pairs.T.ravel(), self.pairs[:, ::-1].T.ravel()
        column = component.n_nodes + np.tile(np.arange(len(self.pairs)), 2)
        sure = self.lp.lower[centre] == 1
        rows, sizes = [], []
        for kind in self._kinds:
            key = centre * (int(kind.max()) + 1) + kind[other]
            _, row, size = np.unique(key, return_inverse=True, return_counts=True)
            rows.append(row)
            sizes.append(size[row])
        for row, size in zip(rows, sizes, strict=True):
            implied = sure | (sizes[-1] > 1) if size is sizes[0] else np.ones(len(row), bool)
            needed = (size > 1) | ~implied
            self._add_link_rows(row[needed], centre[needed], column[needed])

    def _add_link_rows(self, row: Index, centre: Index, column: Index) -> None:
        rows, first, row = np.unique(row, return_index=True, return_inverse=True)
        self.lp.add_rows(
            np.concatenate([row, np.arange(len(rows))]),
            np.concatenate([column, centre[first]]),
            np.repeat([1.0, -1.0], [len(row), len(rows)]),
            np.zeros(len(rows)),
        )

    def solve(self, seconds: float) -> Point:
        """Solve the current programme."""
        status, values, duals = self.lp.solve(seconds)
        if status == "infeasible":
            return Point(status, float("inf"), values, np.zeros(0), duals)
        if not len(duals) and self.lp.n_rows:
            return Point("stopped", float("-inf"), values, np.zeros(0), duals)
        bound, reduced = self.lp.certified_bound(duals)
        return Point(status, bound, values, reduced, duals)

    def tidy(self, point: Point) -> None:
        """Drop slack cuts once the programme has grown by half and the bound has improved since the last time.

        Without the second condition, the same cuts could come and go for ever.
        """
        grown = point.bound > self._tidied_bound + 1e-3 * abs(point.bound)
        if self.lp.n_rows > _CROWDED * self._tidied_rows and grown:
            self.lp.drop_slack_rows(self._first_cut, point.values, point.duals)
            self._tidied_rows, self._tidied_bound = self.lp.n_rows, point.bound

    def joining(self, values: Float64) -> Float64:
        """The values of y as a symmetric matrix: (N, N) float64."""
        y = np.zeros(self.column.shape)
        u, v = self.pairs[: len(values) - self.component.n_nodes].T
        y[u, v] = y[v, u] = values[self.component.n_nodes :]
        return y

    def cut(self, values: Float64) -> int:
        """Add the violated rows that matter most, and return their number; 0 if no known row is violated."""
        component = self.component
        x, y = values[: component.n_nodes], self.joining(values)
        linked = self._cut_links(x, y)
        violated, added = self._cut_triangles(x, y)
        if violated < 30:
            added += self._add_cuts(violated_stars(x, y))
        return linked + added

    def _cut_triangles(self, x: Float64, y: Float64) -> tuple[int, int]:
        """Add the violated rows (T) that matter most; return how many were found and how many added."""
        component = self.component
        cuts = violated_triangles(x, y, self._linked, self._stake)
        most = max(200, 6 * component.n_nodes)
        best = Cuts(cuts.centre[:most], cuts.members[:most], cuts.violation[:most])
        return len(cuts), self._add_cuts(best)

    def _cut_links(self, x: Float64, y: Float64) -> int:
        """Add the violated rows (L) again, now with the columns that were added since, and return their number."""
        added = 0
        for kind in self._kinds:
            load = y @ (kind[:, None] == np.arange(kind.max() + 1)).astype(float)
            centre, group = np.nonzero(load > x[:, None] + 1e-6)
            row, other = np.nonzero((self.column[centre] >= 0) & (kind == group[:, None]))
            self._add_link_rows(row, centre[row], self.column[centre[row], other])
            added += len(centre)
        return added

    def _add_cuts(self, cuts: Cuts) -> int:
        """Add the rows of cuts, after the columns that they lack, and return their number."""
        if not len(cuts):
            return 0
        a, b = np.triu_indices(cuts.members.shape[1], 1)
        row = np.repeat(np.arange(len(cuts)), len(a))
        u, v = cuts.members[:, a].ravel(), cuts.members[:, b].ravel()
        used = (u >= 0) & (v >= 0)
        row, u, v = row[used], u[used], v[used]
        used = self.allowed[u, v]
        row, u, v = row[used], np.minimum(u, v)[used], np.maximum(u, v)[used]
        missing = self.column[u, v] < 0
        if missing.any():
            self._add_pairs(np.unique(np.stack([u[missing], v[missing]], 1), axis=0))
        spoke_row, spoke = np.nonzero(cuts.members >= 0)
        spokes = self.column[cuts.centre[spoke_row], cuts.members[spoke_row, spoke]]
        self.lp.add_rows(
            np.concatenate([row, spoke_row, np.arange(len(cuts))]),
            np.concatenate([self.column[u, v], spokes, cuts.centre]),
            np.repeat([-1.0, 1.0, -1.0], [len(row), len(spokes), len(cuts)]),
            np.zeros(len(cuts)),
        )
        return len(cuts)

    def fix(self, point: Point, room: float) -> int:
        """R4: a variable whose reduced cost exceeds ``room`` = incumbent - bound cannot leave its bound.

        Parameters
        ----------
        point : Point
            Of the current programme, at the root.
        room : float

        Returns
        -------
        int
            Number of variables fixed; the incumbent is kept elsewhere, so no better solution is lost.
        """
        lower, upper = self.lp.lower, self.lp.upper
        free = np.flatnonzero(lower < upper)
        reduced = point.reduced[free]
        zero, one = free[reduced > room], free[reduced < -room]
        self.lp.set_bounds(zero, np.zeros(len(zero)), np.zeros(len(zero)))
        self.lp.set_bounds(one, np.ones(len(one)), np.ones(len(one)))
        gone = self.pairs[zero[zero >= self.component.n_nodes] - self.component.n_nodes]
        self.allowed[gone[:, 0], gone[:, 1]] = self.allowed[gone[:, 1], gone[:, 0]] = False
        self.allowed &= (self.column >= 0) | (self.component.pair <= room)
        return len(zero) + len(one)
