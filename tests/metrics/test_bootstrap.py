import numpy as np
import pytest
from numpy.typing import NDArray

from posepart.metrics.bootstrap import (
    Statistic,
    bootstrap_interval,
    bootstrap_intervals,
    bootstrap_weights,
    paired_bootstrap,
)

VALUES = np.random.default_rng(1).normal(5, 2, 400)


def mean_of(values: NDArray) -> Statistic:
    return lambda weights: float(np.average(values, weights=weights)) if weights.sum() else float("nan")


def test_no_photos() -> None:
    interval = bootstrap_interval(mean_of(np.zeros(0)), 0)
    assert np.isnan([interval.value, interval.low, interval.high]).all()
    assert np.isnan(paired_bootstrap(mean_of(np.zeros(0)), mean_of(np.zeros(0)), 0).difference.value)
    assert bootstrap_weights(0, 5).shape == (5, 0)


def test_weights_are_draws() -> None:
    weights = bootstrap_weights(7, replicates=50, seed=2)
    assert (weights.sum(axis=1) == 7).all()
    np.testing.assert_array_equal(weights, bootstrap_weights(7, replicates=50, seed=2))


def test_interval_of_a_mean() -> None:
    """Against the normal approximation, mean +- 1.96 standard errors."""
    interval = bootstrap_interval(mean_of(VALUES), len(VALUES), replicates=2000)
    half = 1.96 * VALUES.std() / np.sqrt(len(VALUES))
    assert interval.value == VALUES.mean()
    np.testing.assert_allclose(
        [interval.low, interval.high], [VALUES.mean() - half, VALUES.mean() + half], atol=0.03
    )


def test_numbers_computed_together_have_their_own_intervals() -> None:
    first, second = mean_of(VALUES), mean_of(VALUES**2)
    undefined = mean_of(np.full(len(VALUES), np.nan))
    together = bootstrap_intervals(lambda w: [first(w), second(w), undefined(w)], len(VALUES), 50)
    assert together[:2] == tuple(bootstrap_interval(f, len(VALUES), 50) for f in (first, second))
    assert np.isnan([together[2].value, together[2].low, together[2].high]).all()
    assert bootstrap_intervals(lambda w: [1.0, 2.0], 0)[1].value == 2


def test_one_photo_has_no_width() -> None:
    interval = bootstrap_interval(mean_of(np.array([3.0])), 1)
    assert (interval.value, interval.low, interval.high) == (3, 3, 3)


def test_pairing_removes_what_both_share() -> None:
    better = VALUES + 0.1
    paired = paired_bootstrap(mean_of(VALUES), mean_of(better), len(VALUES), replicates=200)
    np.testing.assert_allclose([paired.difference.low, paired.difference.high], 0.1)
    assert paired.share_above == 1


@pytest.mark.parametrize("replicates", [0, 20])
def test_undefined_replicates_are_left_out(replicates: int) -> None:
    def only_with_first(weights: NDArray) -> float:
        return 1.0 if weights[0] else float("nan")

    interval = bootstrap_interval(only_with_first, 2, replicates=replicates)
    assert interval.value == 1
    assert np.isnan(interval.low) if replicates == 0 else interval.low == interval.high == 1
