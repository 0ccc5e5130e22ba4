"""Bootstrap confidence intervals over photos: photos are drawn again, people of a photo stay together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Statistic = Callable[[NDArray[np.int64]], float]
Statistics = Callable[[NDArray[np.int64]], Sequence[float] | NDArray]


@dataclass(frozen=True)
class Interval:
    """A value with its percentile interval; nan where undefined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Score:
    """A statistic of some photos, before any number: name, what it counts, and how it is computed.

    photos, samples: how many of each it rests on. statistic: see `bootstrap_interval`.
    """

    name: str
    counted: str
    photos: int
    samples: int
    statistic: Statistic


def bootstrap_weights(photos: int, replicates: int = 1000, seed: int = 0) -> NDArray[np.int64]:
    """(R, I) how often each photo is drawn in each replicate; every row sums to I."""
    generator = np.random.default_rng(seed)
    if photos == 0:
        return np.zeros((replicates, 0), dtype=np.int64)
    return generator.multinomial(photos, np.full(photos, 1 / photos), size=replicates).astype(np.int64)


def _interval(value: float, values: NDArray, confidence: float) -> Interval:
    defined = values[~np.isnan(values)]
    if not len(defined) or np.isnan(value):
        return Interval(value, float("nan"), float("nan"))
    tail = (1 - confidence) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(value, float(low), float(high))


def bootstrap_interval(
    statistic: Statistic, photos: int, replicates: int = 1000, seed: int = 0, confidence: float = 0.95
) -> Interval:
    """Interval of a statistic of a set of photos.

    Parameters
    ----------
    statistic : called with (I,) counts, how often each photo counts; returns a number, nan where undefined
        (such replicates are left out of the percentiles).
    photos : I. Without photos or replicates the bounds are nan.
    """
    (interval,) = bootstrap_intervals(lambda w: [statistic(w)], photos, replicates, seed, confidence)
    return interval


def bootstrap_intervals(
    statistics: Statistics, photos: int, replicates: int = 1000, seed: int = 0, confidence: float = 0.95
) -> tuple[Interval, ...]:
    """Intervals of several numbers that are computed together, such as a row of a table.

    Parameters
    ----------
    statistics : as the statistic of `bootstrap_interval`, but returns as many numbers as it likes, always as many.
    """
    values = np.asarray(statistics(np.ones(photos, dtype=np.int64)), dtype=np.float64)
    drawn = np.zeros((0, len(values)))
    if photos and not np.isnan(values).all():
        weights = bootstrap_weights(photos, replicates, seed)
        drawn = np.array([statistics(row) for row in weights], dtype=np.float64).reshape(-1, len(values))
    return tuple(_interval(float(v), column, confidence) for v, column in zip(values, drawn.T, strict=True))


@dataclass(frozen=True)
class PairedDifference:
    """Second system less first on the same photos.

    difference: with its interval. share_above: share of the replicates in which the second is higher.
    """

    difference: Interval
    share_above: float


def paired_bootstrap(
    first: Statistic,
    second: Statistic,
    photos: int,
    replicates: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> PairedDifference:
    """Compare two systems on the same photos in the same order, drawing the same photos for both."""
    once = np.ones(photos, dtype=np.int64)
    value = float(second(once) - first(once))
    if photos == 0 or np.isnan(value):
        nan = float("nan")
        return PairedDifference(Interval(value, nan, nan), nan)
    weights = bootstrap_weights(photos, replicates, seed)
    values = np.array([second(row) - first(row) for row in weights])
    defined = values[~np.isnan(values)]
    above = float((defined > 0).mean()) if len(defined) else float("nan")
    return PairedDifference(_interval(value, values, confidence), above)
