"""A growing linear programme with a certified lower bound."""

from __future__ import annotations

from time import perf_counter

import numpy as np

from .engines import make_engine
from .problem import Float64, Index


class LinearProgram:
    """Columns, rows and the engine that solves them.

    It keeps its own copy of the matrix, from which every bound is computed.

    Parameters
    ----------
    engine : str
        ``'glop'`` or ``'highs'``.
    """

    def __init__(self, engine: str) -> None:
        self._name = engine
        self._engine = make_engine(engine)
        self.cost = np.zeros(0)
        self.lower = np.zeros(0)
        self.upper = np.zeros(0)
        self._right = np.zeros(0)
        self._equality = np.zeros(0, bool)
        self._row: Index = np.zeros(0, np.int64)
        self._column: Index = np.zeros(0, np.int64)
        self._value = np.zeros(0)

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return len(self.cost)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self._right)

    def add_columns(self, cost: Float64, lower: Float64, upper: Float64) -> None:
        """Append columns with no entries."""
        self._engine.add_columns(cost, lower, upper)
        self.cost = np.concatenate([self.cost, cost])
        self.lower = np.concatenate([self.lower, lower])
        self.upper = np.concatenate([self.upper, upper])

    def add_rows(
        self, row: Index, column: Index, value: Float64, right: Float64, equality: bool = False
    ) -> None:
        """Append rows ``sum value x <= right`` (or ``=``); entries in any order, rows counted from 0."""
        if not len(right):
            return
        order = np.argsort(row * self.n_columns + column)
        row, column, value = row[order], column[order], value[order]
        left = right if equality else np.full(len(right), -np.inf)
        self._engine.add_rows(row, column, value, np.asarray(left, float), right)
        self._row = np.concatenate([self._row, row + self.n_rows])
        self._column = np.concatenate([self._column, column])
        self._value = np.concatenate([self._value, value])
        self._right = np.concatenate([self._right, right])
        self._equality = np.concatenate([self._equality, np.full(len(right), equality)])

    def set_bounds(self, column: Index, lower: Float64, upper: Float64) -> None:
        """Change the bounds of some columns (ascending, no duplicates)."""
        if len(column):
            self._engine.set_bounds(column, lower, upper)
            self.lower[column], self.upper[column] = lower, upper

    def solve(self, seconds: float) -> tuple[str, Float64, Float64]:
        """The engine's status, primal values and row duals (empty arrays if it has none).

        An engine that stops before its time is over has numerical problems: it is restarted once without a basis.
        """
        start = perf_counter()
        answer = self._checked(*self._engine.solve(seconds))
        left = seconds - (perf_counter() - start)
        if answer[0] != "stopped" or left <= 0:
            return answer
        self._restart()
        return self._checked(*self._engine.solve(left))

    def _restart(self) -> None:
        self._engine = make_engine(self._name)
        self._engine.add_columns(self.cost, self.lower, self.upper)
        left = np.where(self._equality, self._right, -np.inf)
        self._engine.add_rows(self._row, self._column, self._value, left, self._right)

    def drop_slack_rows(self, first: int, values: Float64, duals: Float64) -> int:
        """Drop the rows from ``first`` on that the last optimum does not need, and return their number.

        They are basic and slack, so the rest of the basis is still optimal and the next solve starts from it.
        """
        activity = np.bincount(self._row, self._value * values[self._column], minlength=self.n_rows)
        keep = (np.abs(duals) > 1e-9) | (self._right - activity < 1e-6) | self._equality
        keep[:first] = True
        entry = keep[self._row]
        self._row = (np.cumsum(keep) - 1)[self._row[entry]]
        self._column, self._value = self._column[entry], self._value[entry]
        self._right, self._equality = self._right[keep], self._equality[keep]
        self._engine.keep_rows(keep)
        return int(len(keep) - keep.sum())

    def _checked(self, status: str, values: Float64, duals: Float64) -> tuple[str, Float64, Float64]:
        if len(values) != self.n_columns or not np.isfinite(values).all():
            values = np.zeros(0)
        if len(duals) != self.n_rows or not np.isfinite(duals).all():
            duals = np.zeros(0)
        if status == "optimal" and (not len(values) or (self.n_rows and not len(duals))):
            status = "stopped"
        return status, values, duals

    def certified_bound(self, duals: Float64) -> tuple[float, Float64]:
        """A lower bound on the optimum from any row duals pi, however inexact, and the reduced costs.

        Parameters
        ----------
        duals : (n_rows,) float64

        Returns
        -------
        bound : float
            ``pi.b + sum_j min(r_j l_j, r_j u_j)`` with ``r = c - A' pi``, pi clipped to <= 0 on ``<=`` rows.
        reduced : (n_columns,) float64
            ``r``.
        """
        pi = np.where(self._equality, duals, np.minimum(duals, 0.0))
        reduced = self.cost - np.bincount(
            self._column, weights=self._value * pi[self._row], minlength=self.n_columns
        )
        box = np.minimum(reduced * self.lower, reduced * self.upper)
        return float(pi @ self._right + box.sum()), reduced
