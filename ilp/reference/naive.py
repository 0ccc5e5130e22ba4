"""Oracle: the full integer linear programme as DeepCut prints it, solved by a general solver.

Variables: x of each node, y of each pair of candidates, and, if a candidate has several types, z of each pair
of nodes that costs something (``z_uv = x_u x_v y_{g(u) g(v)}``). All ``n (n-1) (n-2) / 2`` triangle rows are present
from the start, and nothing is reduced; benchmarks compare the optimiser with its time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations
from time import perf_counter

import numpy as np
from ortools.math_opt import model_pb2
from ortools.math_opt.python import mathopt
from ortools.sat.python import cp_model

from ..problem import Float64, Index, Problem
from ..solution import Solution, make_solution

#: CP-SAT works with integers: costs are rounded to this many units.
_UNIT = 1e-4


@dataclass(frozen=True)
class Rows:
    """K rows ``sum coefficient * variable[column] <= right``."""

    columns: Index  # (K, width), the variables of each row
    coefficients: tuple[int, ...]  # (width,)
    right: int


@dataclass(frozen=True)
class FullModel:
    """The binary programme ``min cost . v`` subject to the rows."""

    cost: Float64  # (n_variables,), of x, then y, then z
    rows: list[Rows]
    joined: Index  # (n, n), the variable y of two candidates


def full_model(problem: Problem) -> FullModel:
    """The full programme of a problem; what is forbidden has a row ``v <= 0``."""
    n, n_nodes = problem.n_candidates, problem.n_nodes
    first, second = np.triu_indices(n, 1)
    joined = np.full((n, n), -1, np.int64)
    joined[first, second] = joined[second, first] = n_nodes + np.arange(len(first))
    u, v, w = _all_pairs(problem)
    y = joined[problem.candidate[u], problem.candidate[v]]
    rows = [*_candidate_rows(problem, joined), *_triangles(joined)]
    if len(np.unique(problem.candidate)) == n_nodes:
        pays, n_variables = y, n_nodes + len(first)
    else:
        pays, n_variables = n_nodes + len(first) + np.arange(len(u)), n_nodes + len(first) + len(u)
        rows += [Rows(np.stack([pays, other], 1), (1, -1), 0) for other in (u, v, y)]
        rows += [Rows(np.stack([pays, u, v, y], 1), (-1, 1, 1, 1), 2)]
    cost = np.zeros(n_variables)
    cost[:n_nodes] = problem.unary
    cost[pays] = w
    forbidden = np.isinf(cost)
    rows.append(Rows(np.flatnonzero(forbidden)[:, None], (1,), 0))
    return FullModel(np.where(forbidden, 0.0, cost), rows, joined)


def _all_pairs(problem: Problem) -> tuple[Index, Index, Float64]:
    """The pairs that cost something, and those of one type if a person has at most one of each."""
    u, v, w = problem.pair_u, problem.pair_v, problem.pair_cost
    if not problem.unique_labels:
        return u, v, w
    keep = problem.label[u] != problem.label[v]
    a, b = np.triu_indices(problem.n_nodes, 1)
    same = (problem.label[a] == problem.label[b]) & (problem.candidate[a] != problem.candidate[b])
    return (
        np.r_[u[keep], a[same]],
        np.r_[v[keep], b[same]],
        np.r_[w[keep], np.full(int(same.sum()), np.inf)],
    )


def _candidate_rows(problem: Problem, joined: Index) -> list[Rows]:
    """One type per candidate; a joined candidate is selected."""
    rows = []
    for g in range(problem.n_candidates):
        nodes = np.flatnonzero(problem.candidate == g)
        rows.append(Rows(nodes[None, :], (1,) * len(nodes), 1))
        others = np.delete(joined[g], g)
        tied = np.hstack([others[:, None], np.tile(nodes, (len(others), 1))])
        rows.append(Rows(tied, (1,) + (-1,) * len(nodes), 0))
    return rows


def _triangles(joined: Index) -> list[Rows]:
    corners = np.array(list(combinations(range(len(joined)), 3)), np.int64).reshape(-1, 3)
    i, j, k = corners.T
    a, b, c = joined[i, j], joined[j, k], joined[i, k]
    return [Rows(np.stack(sides, 1), (1, 1, -1), 1) for sides in ((a, b, c), (a, c, b), (b, c, a))]


def solve_naive(problem: Problem, *, time_limit: float = 60.0, solver: str = "scip") -> Solution:
    """Solve the full programme.

    Parameters
    ----------
    problem : Problem
    time_limit : float
        Seconds, building the model included.
    solver : str
        ``'scip'`` or ``'cp-sat'``.

    Returns
    -------
    Solution
        CP-SAT rounds costs to 1e-4; its bound is lowered by the most that rounding can change.

    Raises
    ------
    ValueError
        The solver is unknown.
    """
    start = perf_counter()
    if solver not in ("scip", "cp-sat"):
        raise ValueError(f"unknown solver {solver!r}: use 'scip' or 'cp-sat'")
    if not problem.n_candidates:
        return make_solution(problem, [], 0.0)
    model = full_model(problem)
    run = _scip if solver == "scip" else _cp_sat
    values, bound, proven = run(model, max(0.1, time_limit - (perf_counter() - start)))
    people = _decode(problem, model, values) if len(values) else []
    statistics = {"proven_by_solver": float(proven), "variables": len(model.cost)}
    return make_solution(problem, people, bound, perf_counter() - start, statistics)


def _decode(problem: Problem, model: FullModel, values: Float64) -> list[Index]:
    left = np.flatnonzero(values[: problem.n_nodes] > 0.5)
    people = []
    while len(left):
        y = model.joined[problem.candidate[left[0]], problem.candidate[left]]
        inside = (np.arange(len(left)) == 0) | ((y >= 0) & (values[y] > 0.5))
        people.append(left[inside])
        left = left[~inside]
    return people


def _scip(model: FullModel, seconds: float) -> tuple[Float64, float, bool]:
    n = len(model.cost)
    proto = model_pb2.ModelProto()
    proto.variables.ids.extend(range(n))
    proto.variables.lower_bounds.extend([0.0] * n)
    proto.variables.upper_bounds.extend([1.0] * n)
    proto.variables.integers.extend([True] * n)
    used = np.flatnonzero(model.cost)
    proto.objective.linear_coefficients.ids.extend(used.tolist())
    proto.objective.linear_coefficients.values.extend(model.cost[used].tolist())
    constraints, matrix, row = proto.linear_constraints, proto.linear_constraint_matrix, 0
    for rows in model.rows:
        k, width = rows.columns.shape
        order = np.argsort(rows.columns, axis=1)
        constraints.ids.extend(range(row, row + k))
        constraints.lower_bounds.extend([-np.inf] * k)
        constraints.upper_bounds.extend([float(rows.right)] * k)
        matrix.row_ids.extend(np.repeat(np.arange(row, row + k), width).tolist())
        matrix.column_ids.extend(np.take_along_axis(rows.columns, order, 1).ravel().tolist())
        matrix.coefficients.extend(np.array(rows.coefficients, float)[order].ravel().tolist())
        row += k
    result = mathopt.solve(
        mathopt.Model.from_model_proto(proto),
        mathopt.SolverType.GSCIP,
        params=mathopt.SolveParameters(
            threads=1, time_limit=timedelta(seconds=seconds), relative_gap_tolerance=1e-9
        ),
    )
    bound = float(result.termination.objective_bounds.dual_bound)
    proven = result.termination.reason == mathopt.TerminationReason.OPTIMAL
    if not result.solutions or result.solutions[0].primal_solution is None:
        return np.zeros(0), bound, proven
    values = np.zeros(n)
    for variable, value in result.variable_values().items():
        values[variable.id] = value
    return values, bound, proven


def _cp_sat(model: FullModel, seconds: float) -> tuple[Float64, float, bool]:
    program = cp_model.CpModel()
    variables = [program.new_bool_var("") for _ in model.cost]
    for rows in model.rows:
        for columns in rows.columns.tolist():
            terms = [a * variables[j] for a, j in zip(rows.coefficients, columns, strict=True)]
            program.add(sum(terms) <= rows.right)
    units = np.rint(model.cost / _UNIT).astype(np.int64).tolist()
    program.minimize(sum(c * v for c, v in zip(units, variables, strict=True) if c))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_time_in_seconds = seconds
    status = solver.solve(program)
    lost = 0.5 * _UNIT * np.count_nonzero(model.cost)
    bound = solver.best_objective_bound * _UNIT - lost
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return np.zeros(0), bound, False
    return np.array([solver.value(v) for v in variables], np.float64), bound, status == cp_model.OPTIMAL
