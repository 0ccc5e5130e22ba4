"""The simplex engines, GLOP from OR-Tools or HiGHS, which start warm after every change."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
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

from .problem import Float64, Index, Mask


@contextmanager
def keep_interrupt() -> Iterator[None]:
    """Delay Ctrl-C until a call of MathOpt's solver is over.

    With ortools 9.15 a KeyboardInterrupt that is due when the solver returns is raised during the conversion of its
    result, and swallowed there.
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    caught: list[FrameType | None] = []
    signal.signal(signal.SIGINT, lambda _, frame: caught.append(frame))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if caught:
            handler(signal.SIGINT, caught[0])


class Engine(Protocol):
    """An incremental simplex for ``min c.x, A x <= b (or = b), l <= x <= u``."""

    def add_columns(self, cost: Float64, lower: Float64, upper: Float64) -> None:
        """Append columns with no entries."""

    def add_rows(self, row: Index, column: Index, value: Float64, lower: Float64, upper: Float64) -> None:
        """Append ``len(upper)`` rows; entries are sorted by (row, column), rows are counted from 0 in each call."""

    def set_bounds(self, column: Index, lower: Float64, upper: Float64) -> None:
        """Change the bounds of some columns (ascending, no duplicates)."""

    def solve(self, seconds: float) -> tuple[str, Float64, Float64]:
        """Solve, and return a status, primal values and row duals (empty if there are none).

        The status is ``'optimal'``, ``'infeasible'`` or ``'stopped'``.
        """

    def keep_rows(self, keep: Mask) -> None:
        """Delete the other rows, which are slack in the last optimum; the next solve starts from its basis."""


class Glop:
    """GLOP's dual simplex through MathOpt, with whole protocol buffers as input.

    MathOpt's objects cost one Python call per coefficient; its solver core takes a model update with all new rows at
    once.
    """

    _off = mathopt.SolveParameters(
        presolve=mathopt.Emphasis.OFF, lp_algorithm=mathopt.LPAlgorithm.DUAL_SIMPLEX, threads=1
    )

    def __init__(self) -> None:
        self._solver = mathopt_core.new(
            mathopt.SolverType.GLOP.value, model_pb2.ModelProto(), parameters_pb2.SolverInitializerProto()
        )
        self._update = model_update_pb2.ModelUpdateProto()
        self._bounds: dict[int, tuple[float, float]] = {}
        self._parameters = self._off.to_proto()
        self._columns = 0
        self._rows: Index = np.zeros(0, np.int64)  # MathOpt never gives the id of a deleted row again
        self._next_row = 0
        self._basis: tuple[list[int], list[int]] = [], []
        self._give_basis = False

    def add_columns(self, cost: Float64, lower: Float64, upper: Float64) -> None:
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
        self._give_basis |= len(cost) > 0  # left alone, GLOP starts over when there are new columns

    def add_rows(self, row: Index, column: Index, value: Float64, lower: Float64, upper: Float64) -> None:
        """See :class:`Engine`."""
        ids = self._next_row + np.arange(len(upper))
        new = self._update.new_linear_constraints
        new.ids.extend(ids.tolist())
        new.lower_bounds.extend(lower.tolist())
        new.upper_bounds.extend(upper.tolist())
        entries = self._update.linear_constraint_matrix_updates
        entries.row_ids.extend((row + self._next_row).tolist())
        entries.column_ids.extend(column.tolist())
        entries.coefficients.extend(value.tolist())
        self._rows = np.concatenate([self._rows, ids])
        self._next_row += len(upper)

    def set_bounds(self, column: Index, lower: Float64, upper: Float64) -> None:
        """See :class:`Engine`."""
        if len(self._update.new_variables.ids):
            self._flush()
        self._bounds |= zip(column.tolist(), zip(lower.tolist(), upper.tolist(), strict=True), strict=True)

    def keep_rows(self, keep: Mask) -> None:
        """See :class:`Engine`."""
        self._flush()
        self._update.deleted_linear_constraint_ids.extend(self._rows[~keep].tolist())
        self._rows = self._rows[keep]
        columns, rows = self._basis
        self._basis = columns, [status for status, kept in zip(rows, keep.tolist(), strict=True) if kept]
        self._give_basis = True

    def _flush(self) -> None:
        bounds = self._update.variable_updates
        columns = sorted(self._bounds)
        for side, entries in enumerate((bounds.lower_bounds, bounds.upper_bounds)):
            entries.ids.extend(columns)
            entries.values.extend([self._bounds[column][side] for column in columns])
        if not self._solver.update(self._update):
            raise RuntimeError("GLOP refused an incremental change")
        self._update = model_update_pb2.ModelUpdateProto()
        self._bounds = {}

    def solve(self, seconds: float) -> tuple[str, Float64, Float64]:
        """See :class:`Engine`."""
        self._flush()
        self._parameters.time_limit.FromNanoseconds(int(min(max(seconds, 1e-3), 1e6) * 1e9))
        model_parameters = model_parameters_pb2.ModelSolveParametersProto()
        if self._give_basis:
            self._fill_basis(model_parameters.initial_basis)
        with keep_interrupt():
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
        self._basis = (
            list(first.basis.variable_status.values),
            list(first.basis.constraint_status.values),
        )
        values = np.array(first.primal_solution.variable_values.values)
        duals = np.array(first.dual_solution.dual_values.values)
        optimal = reason == mathopt.TerminationReason.OPTIMAL.value
        return "optimal" if optimal else "stopped", values, duals

    def _fill_basis(self, basis: solution_pb2.BasisProto) -> None:
        """Set the last basis; columns added since then are at their lower bound, rows added since then are basic."""
        columns, rows = self._basis
        if not columns:
            return
        for status, ids, known, new in (
            (basis.variable_status, range(self._columns), columns, solution_pb2.BASIS_STATUS_AT_LOWER_BOUND),
            (basis.constraint_status, self._rows.tolist(), rows, solution_pb2.BASIS_STATUS_BASIC),
        ):
            status.ids.extend(ids)
            status.values.extend(known + [new] * (len(ids) - len(known)))
        self._give_basis = False


class Highs:
    """HiGHS's dual simplex; needs the extra ``highs`` (with ortools, highspy < 1.14)."""

    def __init__(self) -> None:
        try:
            import highspy
        except ImportError as error:
            raise ValueError(
                f"engine 'highs' needs highspy ({error}): pip install 'posepart[highs]', or use engine 'glop'"
            ) from error
        self._status = highspy.HighsModelStatus
        self._highs = highspy.Highs()
        for option, value in (
            ("output_flag", False),
            ("threads", 1),
            ("presolve", "off"),
            ("solver", "simplex"),
        ):
            self._highs.setOptionValue(option, value)

    def add_columns(self, cost: Float64, lower: Float64, upper: Float64) -> None:
        """See :class:`Engine`."""
        k = len(cost)
        if k:
            none = np.zeros(0, np.int32)
            self._highs.addCols(k, cost, lower, upper, 0, np.zeros(k, np.int32), none, np.zeros(0))

    def add_rows(self, row: Index, column: Index, value: Float64, lower: Float64, upper: Float64) -> None:
        """See :class:`Engine`."""
        if len(upper):
            start = np.searchsorted(row, np.arange(len(upper))).astype(np.int32)
            index = column.astype(np.int32)
            self._highs.addRows(len(upper), lower, upper, len(index), start, index, value)

    def set_bounds(self, column: Index, lower: Float64, upper: Float64) -> None:
        """See :class:`Engine`."""
        if len(column):
            self._highs.changeColsBounds(len(column), column.astype(np.int32), lower, upper)

    def solve(self, seconds: float) -> tuple[str, Float64, Float64]:
        """See :class:`Engine`."""
        self._highs.setOptionValue("time_limit", self._highs.getRunTime() + max(seconds, 1e-3))
        self._highs.run()
        status = self._highs.getModelStatus()
        if status == self._status.kInfeasible:
            return "infeasible", np.zeros(0), np.zeros(0)
        solution = self._highs.getSolution()
        values, duals = np.array(solution.col_value), np.array(solution.row_dual)
        return "optimal" if status == self._status.kOptimal else "stopped", values, duals

    def keep_rows(self, keep: Mask) -> None:
        """See :class:`Engine`."""
        gone = np.flatnonzero(~keep).astype(np.int32)
        self._highs.deleteRows(len(gone), gone)


_ENGINES: dict[str, Callable[[], Engine]] = {"glop": Glop, "highs": Highs}


def check_engine(name: str) -> None:
    """Raise ValueError if an engine is unknown or not installed."""
    if name not in _ENGINES:
        raise ValueError(f"unknown engine {name!r}: use one of {', '.join(map(repr, _ENGINES))}")
    if name == "highs":
        Highs()


def make_engine(name: str) -> Engine:
    """Make the engine ``'glop'`` (of OR-Tools) or ``'highs'`` (an extra)."""
    return _ENGINES[name]()
