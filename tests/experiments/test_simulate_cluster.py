"""The simulated cluster: what limits it is what was made to."""

import pytest
from simulate_cluster import REQUESTS_AFTER, REQUESTS_BEFORE, Costs, main, simulate


def test_one_actor_needs_the_sum() -> None:
    requests = REQUESTS_BEFORE + REQUESTS_AFTER
    found = simulate(1, Costs(compute=0.5, latency=0.02), 4000)
    assert found.photos == pytest.approx(1 / (0.5 + 0.02 * requests), rel=0.03)
    assert found.actors_busy == pytest.approx(0.5 * found.photos, rel=0.03)


@pytest.mark.parametrize(
    ("costs", "limit"),
    [
        (Costs(0.5, driver=0.01), 100.0),
        (Costs(0.5, rate=90.0), 90.0 / (REQUESTS_BEFORE + REQUESTS_AFTER)),
    ],
)
def test_the_narrowest_place_decides(costs: Costs, limit: float) -> None:
    found = simulate(500, costs, 8000)
    assert found.photos == pytest.approx(limit, rel=0.05)
    assert max(found.driver_busy, found.store_busy) > 0.95
    assert found.actors_busy < 0.5


def test_without_limits_actors_add_up() -> None:
    assert simulate(100, Costs(0.5), 20_000).photos == pytest.approx(200, rel=0.05)


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--compute", "0.5", "--photos", "1"])
    assert capsys.readouterr().out.count("\n") == 10
