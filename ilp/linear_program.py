"""The linear programmes: an engine that is warm-started after each change, and a bound one can trust."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Protocol

import numpy as np
from ortools.math_opt import (
    callback_pb2,
    model_parameters_pb2,
    model_pb2,
    model_update_pb2,
    parameters_pb2,
    solution_pb2,
)
from ortools.math_opt.core.python import solver as mathopt_core
from ortools.math_opt.python import mathopt

from .problem import Floats, Ints


class Engine(Protocol):
    """An incremental simplex for ``min c.x, A x <= b (or = b), l <= x <= u``; nothing is ever removed."""

    def add_columns(self, cost: Floats, lower: Floats, upper: Floats) -> None:
        """Append columns with no entries."""

    def add_rows(self, row: Ints, column: Ints, value: Floats, lower: Floats, upper: Floats) -> None:
        """Append ``len(upper)`` rows; entries are sorted by (row, column), rows count from 0 in this call."""

    def set_bounds(self, column: Ints, lower: Floats, upper: Floats) -> None:
        """Change bounds of some columns (ascending, no duplicates)."""

    def solve(self, seconds: float) -> tuple[str, Floats, Floats]:
        """Status ``'optimal' | 'infeasible' | 'stopped'``, primal values and row duals (empty if none)."""

    def basis(self) -> tuple[Ints, Ints]:
        """Status codes of columns and rows after the last solve; of no length if there are none."""

    def set_basis(self, columns: Ints, rows: Ints) -> None:
        """Start the next solve from status codes of the same kind of engine."""


class Glop:
    """GLOP's dual simplex through MathOpt, fed with whole protocol buffers.

    MathOpt's object layer costs one Python call per coefficient; its solver core takes a model update with
    all new rows at once.
    """

    _off = mathopt.SolveParameters(
        presolve=mathopt.Emphasis.OFF, lp_algorithm=mathopt.LPAlgorithm.DUAL_SIMPLEX, threads=1
    )

    def __init__(self) -> None:
        self._solver = mathopt_core.new(
            mathopt.SolverType.GLOP.value, model_pb2.ModelProto(), parameters_pb2.SolverInitializerProto()
        )
        self._update = model_update_pb2.ModelUpdateProto()
        self._columns = self._rows = 0
        self._parameters = self._off.to_proto()
        self._basis = solution_pb2.BasisProto()
        self._start: tuple[Ints, Ints] | None = None

    def add_columns(self, cost: Floats, lower: Floats, upper: Floats) -> None:
        """See :class:`Engine`."""
        ids = range(self._columns, self._columns + len(cost))
        new = self._update.new_variables
        new.ids.extend(ids)
        new.lower_bounds.extend(lower.tolist())
        new.upper_bounds.extend(upper.tolist())
        new.integers.extend([False] * len(cost))
        objective = self._update.objective_updates.linear_coefficients
        objective.ids.extend(ids)
        objective.values.extend(cost.tolist())
        self._columns += len(cost)

    def add_rows(self, row: Ints, column: Ints, value: Floats, lower: Floats, upper: Floats) -> None:
        """See :class:`Engine`."""
        new = self._update.new_linear_constraints
        new.ids.extend(range(self._rows, self._rows + len(upper)))
        new.lower_bounds.extend(lower.tolist())
        new.upper_bounds.extend(upper.tolist())
        entries = self._update.linear_constraint_matrix_updates
        entries.row_ids.extend((row + self._rows).tolist())
        entries.column_ids.extend(column.tolist())
        entries.coefficients.extend(value.tolist())
        self._rows += len(upper)

    def set_bounds(self, column: Ints, lower: Floats, upper: Floats) -> None:
        """See :class:`Engine`."""
        self._flush()
        bounds = self._update.variable_updates
        bounds.lower_bounds.ids.extend(column.tolist())
        bounds.lower_bounds.values.extend(lower.tolist())
        bounds.upper_bounds.ids.extend(column.tolist())
        bounds.upper_bounds.values.extend(upper.tolist())
        self._flush()

    def _flush(self) -> None:
        if not self._solver.update(self._update):
            raise RuntimeError("GLOP refused an incremental change")
        self._update = model_update_pb2.ModelUpdateProto()

    def solve(self, seconds: float) -> tuple[str, Floats, Floats]:
        """See :class:`Engine`."""
        self._flush()
        self._parameters.time_limit.FromNanoseconds(int(min(max(seconds, 1e-3), 1e6) * 1e9))
        model_parameters = model_parameters_pb2.ModelSolveParametersProto()
        if self._start is not None:
            self._fill_basis(model_parameters.initial_basis, *self._start)
            self._start = None
        result = self._solver.solve(
            self._parameters,
            model_parameters,
            None,
            callback_pb2.CallbackRegistrationProto(),
            None,
            None,
        )
        reason = result.termination.reason
        if reason == mathopt.TerminationReason.INFEASIBLE.value:
            return "infeasible", np.zeros(0), np.zeros(0)
        if not result.solutions:
            return "stopped", np.zeros(0), np.zeros(0)
        first = result.solutions[0]
        self._basis = first.basis
        values = np.array(first.primal_solution.variable_values.values)
        duals = np.array(first.dual_solution.dual_values.values)
        optimal = reason == mathopt.TerminationReason.OPTIMAL.value
        return "optimal" if optimal else "stopped", values, duals

    def basis(self) -> tuple[Ints, Ints]:
        """See :class:`Engine`."""
        columns, rows = self._basis.variable_status, self._basis.constraint_status
        return np.array(columns.values, np.int64), np.array(rows.values, np.int64)

    def set_basis(self, columns: Ints, rows: Ints) -> None:
        """See :class:`Engine`."""
        self._start = columns, rows

    def _fill_basis(self, basis: solution_pb2.BasisProto, columns: Ints, rows: Ints) -> None:
        """Columns added since are at their lower bound, rows are basic."""
        for status, known, total, new in (
            (basis.variable_status, columns, self._columns, solution_pb2.BASIS_STATUS_AT_LOWER_BOUND),
            (basis.constraint_status, rows, self._rows, solution_pb2.BASIS_STATUS_BASIC),
        ):
            status.ids.extend(range(total))
            status.values.extend(known.tolist() + [new] * (total - len(known)))


class Highs:
    """HiGHS's dual simplex; needs the extra ``highs`` (highspy < 1.14 beside ortools)."""

    def __init__(self) -> None:
        try:
            import highspy
        except ImportError as error:
            raise ValueError(
                f"engine 'highs' needs highspy ({error}): pip install 'posepart[highs]', or use engine 'glop'"
            ) from error
        self._status = highspy.HighsModelStatus
        self._basis_status = highspy.HighsBasisStatus
        self._highs = highspy.Highs()
        for option, value in (
            ("output_flag", False),
            ("threads", 1),
            ("presolve", "off"),
            ("solver", "simplex"),
        ):
            self._highs.setOptionValue(option, value)

    def add_columns(self, cost: Floats, lower: Floats, upper: Floats) -> None:
        """See :class:`Engine`."""
        k = len(cost)
        if k:
            none = np.zeros(0, np.int32)
            self._highs.addCols(k, cost, lower, upper, 0, np.zeros(k, np.int32), none, np.zeros(0))

    def add_rows(self, row: Ints, column: Ints, value: Floats, lower: Floats, upper: Floats) -> None:
        """See :class:`Engine`."""
        if len(upper):
            start = np.searchsorted(row, np.arange(len(upper))).astype(np.int32)
            index = column.astype(np.int32)
            self._highs.addRows(len(upper), lower, upper, len(index), start, index, value)

    def set_bounds(self, column: Ints, lower: Floats, upper: Floats) -> None:
        """See :class:`Engine`."""
        if len(column):
            self._highs.changeColsBounds(len(column), column.astype(np.int32), lower, upper)

    def solve(self, seconds: float) -> tuple[str, Floats, Floats]:
        """See :class:`Engine`."""
        self._highs.setOptionValue("time_limit", self._highs.getRunTime() + max(seconds, 1e-3))
        self._highs.run()
        status = self._highs.getModelStatus()
        if status == self._status.kInfeasible:
            return "infeasible", np.zeros(0), np.zeros(0)
        solution = self._highs.getSolution()
        values, duals = np.array(solution.col_value), np.array(solution.row_dual)
        return "optimal" if status == self._status.kOptimal else "stopped", values, duals

    def basis(self) -> tuple[Ints, Ints]:
        """See :class:`Engine`."""
        basis = self._highs.getBasis()
        columns, rows = ([int(status) for status in side] for side in (basis.col_status, basis.row_status))
        return np.array(columns, np.int64), np.array(rows, np.int64)

    def set_basis(self, columns: Ints, rows: Ints) -> None:
        """See :class:`Engine`."""
        basis = self._highs.getBasis()
        basis.col_status = [self._basis_status(code) for code in columns.tolist()]
        basis.row_status = [self._basis_status(code) for code in rows.tolist()]
        self._highs.setBasis(basis)


_ENGINES: dict[str, Callable[[], Engine]] = {"glop": Glop, "highs": Highs}


def check_engine(name: str) -> None:
    """Complain early about an unknown engine, or one that is not installed."""
    if name not in _ENGINES:
        raise ValueError(f"unknown engine {name!r}: use one of {', '.join(map(repr, _ENGINES))}")
    if name == "highs":
        Highs()


def make_engine(name: str) -> Engine:
    """``'glop'`` (OR-Tools alone) or ``'highs'`` (extra)."""
    return _ENGINES[name]()


class LinearProgram:
    """Columns, rows and their engine; every bound it gives is checked against its own copy of the matrix."""

    def __init__(self, engine: str) -> None:
        self._name = engine
        self._engine = make_engine(engine)
        self.cost = np.zeros(0)
        self.lower = np.zeros(0)
        self.upper = np.zeros(0)
        self._right = np.zeros(0)
        self._equality = np.zeros(0, bool)
        self._row: Ints = np.zeros(0, np.int64)
        self._column: Ints = np.zeros(0, np.int64)
        self._value = np.zeros(0)

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return len(self.cost)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self._right)

    def add_columns(self, cost: Floats, lower: Floats, upper: Floats) -> None:
        """Append columns with no entries."""
        self._engine.add_columns(cost, lower, upper)
        self.cost = np.r_[self.cost, cost]
        self.lower = np.r_[self.lower, lower]
        self.upper = np.r_[self.upper, upper]

    def add_rows(self, row: Ints, column: Ints, value: Floats, right: Floats, equality: bool = False) -> None:
        """Append rows ``sum value x <= right`` (or ``=``); entries in any order, rows count from 0."""
        if not len(right):
            return
        order = np.lexsort((column, row))
        row, column, value = row[order], column[order], value[order]
        left = right if equality else np.full(len(right), -np.inf)
        self._engine.add_rows(row, column, value, np.asarray(left, float), right)
        self._row = np.r_[self._row, row + self.n_rows]
        self._column = np.r_[self._column, column]
        self._value = np.r_[self._value, value]
        self._right = np.r_[self._right, right]
        self._equality = np.r_[self._equality, np.full(len(right), equality)]

    def set_bounds(self, column: Ints, lower: Floats, upper: Floats) -> None:
        """Change bounds of some columns (ascending, no duplicates)."""
        if len(column):
            self._engine.set_bounds(column, lower, upper)
            self.lower[column], self.upper[column] = lower, upper

    def solve(self, seconds: float) -> tuple[str, Floats, Floats]:
        """Status, primal values and row duals of the engine (empty arrays if it has none).

        An engine that stops before its time is up has lost its way numerically: it starts over once, cold.
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

    def drop_slack_rows(self, first: int, values: Floats, duals: Floats) -> int:
        """Forget rows from ``first`` on that the last optimum does not need; their number.

        They are basic and slack, so what is left of the basis is still optimal and the next solve starts
        from it.
        """
        columns, rows = self._engine.basis()
        if len(columns) != self.n_columns or len(rows) != self.n_rows:
            return 0
        activity = np.bincount(self._row, self._value * values[self._column], minlength=self.n_rows)
        keep = (np.abs(duals) > 1e-9) | (self._right - activity < 1e-6) | self._equality
        keep[:first] = True
        entry = keep[self._row]
        self._row = (np.cumsum(keep) - 1)[self._row[entry]]
        self._column, self._value = self._column[entry], self._value[entry]
        self._right, self._equality = self._right[keep], self._equality[keep]
        self._restart()
        self._engine.set_basis(columns, rows[keep])
        return int(len(keep) - keep.sum())

    def _checked(self, status: str, values: Floats, duals: Floats) -> tuple[str, Floats, Floats]:
        if len(values) != self.n_columns or not np.isfinite(values).all():
            values = np.zeros(0)
        if len(duals) != self.n_rows or not np.isfinite(duals).all():
            duals = np.zeros(0)
        if status == "optimal" and (not len(values) or (self.n_rows and not len(duals))):
            status = "stopped"
        return status, values, duals

    def certified_bound(self, duals: Floats) -> tuple[float, Floats]:
        """Lower bound on the optimum from any row duals pi, however inexact, and the reduced costs.

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
