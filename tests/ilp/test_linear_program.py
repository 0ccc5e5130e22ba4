"""The growing linear programme: certified bounds, added rows, dropped rows, both engines."""

import importlib.util

import numpy as np
import pytest

from posepart.ilp.linear_program import LinearProgram

ENGINES = ["glop"] + (["highs"] if importlib.util.find_spec("highspy") else [])


def knapsack(engine: str) -> LinearProgram:
    """``min -3 a - 2 b - c`` with ``a + b + c <= 1.5``: -3 - 1."""
    lp = LinearProgram(engine)
    lp.add_columns(np.array([-3.0, -2.0, -1.0]), np.zeros(3), np.ones(3))
    lp.add_rows(np.zeros(3, int), np.array([2, 0, 1]), np.ones(3), np.array([1.5]))
    return lp


@pytest.mark.parametrize("engine", ENGINES)
def test_grows_and_keeps_a_certified_bound(engine: str) -> None:
    lp = knapsack(engine)
    status, values, duals = lp.solve(10)
    assert status == "optimal"
    np.testing.assert_allclose(values, [1, 0.5, 0], atol=1e-7)
    assert lp.certified_bound(duals)[0] == pytest.approx(-4)
    lp.add_columns(np.array([-5.0]), np.zeros(1), np.ones(1))
    lp.add_rows(np.array([0, 0, 1]), np.array([0, 3, 3]), np.ones(3), np.array([1.0, 0.25]))
    status, values, duals = lp.solve(10)
    assert lp.certified_bound(duals)[0] == pytest.approx(lp.cost @ values) == pytest.approx(-5)
    lp.set_bounds(np.array([0]), np.zeros(1), np.zeros(1))
    status, values, duals = lp.solve(10)
    assert lp.certified_bound(duals)[0] == pytest.approx(-1.25 - 2 - 0.5)


@pytest.mark.parametrize("engine", ENGINES)
def test_dropping_slack_rows_keeps_the_optimum(engine: str) -> None:
    lp = knapsack(engine)
    lp.add_rows(np.array([0, 1]), np.array([2, 1]), np.ones(2), np.array([0.9, 0.4]))
    _, values, duals = lp.solve(10)
    before = lp.certified_bound(duals)[0]
    assert lp.drop_slack_rows(1, values, duals) == 1
    lp.add_rows(np.array([0]), np.array([0]), np.ones(1), np.array([2.0]))
    status, values, duals = lp.solve(10)
    assert (status, lp.n_rows) == ("optimal", 3)
    assert lp.certified_bound(duals)[0] == pytest.approx(before)


def test_any_duals_give_a_bound() -> None:
    lp = knapsack("glop")
    rng = np.random.default_rng(0)
    for _ in range(50):
        assert lp.certified_bound(rng.normal(0, 3, 1))[0] <= -4 + 1e-12


def test_infeasible_and_equality() -> None:
    lp = knapsack("glop")
    lp.add_rows(np.zeros(3, int), np.arange(3), np.ones(3), np.array([1.0]), equality=True)
    _, _, duals = lp.solve(10)
    assert lp.certified_bound(duals)[0] == pytest.approx(-3)
    lp.add_rows(np.zeros(1, int), np.zeros(1, int), -np.ones(1), np.array([-2.0]))
    assert lp.solve(10)[0] == "infeasible"


def test_lost_engine_starts_over(monkeypatch: pytest.MonkeyPatch) -> None:
    lp = knapsack("glop")
    monkeypatch.setattr(lp._engine, "solve", lambda seconds: ("stopped", np.zeros(0), np.zeros(0)))
    status, values, _ = lp.solve(10)
    assert status == "optimal"
    np.testing.assert_allclose(values, [1, 0.5, 0], atol=1e-7)
