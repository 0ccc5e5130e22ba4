"""Bootstrap confidence intervals over photos: whole photos are resampled, so that their people stay together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, Index

# (I,) counts, how often each photo counts -> a number, nan where undefined; or several numbers, always as many.
Statistic = Callable[[Index], float]
Statistics = Callable[[Index], Sequence[float] | NDArray]


@dataclass(frozen=True)
class Interval:
    """A value with its percentile interval; nan where undefined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Score:
    """A statistic of some photos, not yet computed."""

    name: str
    counted: str  # what the samples are, in words
    photos: int  # how many photos it rests on
    samples: int  # how many people, joints or pixels
    statistic: Statistic


def weights_or_ones(weights: NDArray | None, photos: int) -> NDArray:
    """Weights of photos as given, or ones."""
    return np.ones(photos) if weights is None else np.asarray(weights)


def bootstrap_weights(photos: int, replicates: int = 1000, seed: int = 0) -> Index:
    """Draw bootstrap samples.

    Parameters
    ----------
    photos : int
        I, the number of photos.
    replicates : int
        R, the number of samples.
    seed : int

    Returns
    -------
    (R, I) int64
        How often each photo is in each sample; every row sums to I.
    """
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
    """Percentile interval of a statistic of a set of photos.

    Parameters
    ----------
    statistic : Statistic
        Samples for which it is nan are left out of the percentiles.
    photos : int
        Without photos or replicates the bounds are nan.
    replicates, seed : int
        See `bootstrap_weights`.
    confidence : float
    """
    (interval,) = bootstrap_intervals(lambda w: [statistic(w)], photos, replicates, seed, confidence)
    return interval


def bootstrap_intervals(
    statistics: Statistics, photos: int, replicates: int = 1000, seed: int = 0, confidence: float = 0.95
) -> tuple[Interval, ...]:
    """Intervals of several numbers that are computed together, such as a row of a table.

    Parameters
    ----------
    statistics : Statistics
    photos, replicates, seed, confidence
        As in `bootstrap_interval`.
    """
    return bootstrap_replicates(statistics, photos, replicates, seed).intervals(confidence)


@dataclass(frozen=True)
class PairedDifference:
    """The score of a second system less that of a first one, on the same photos."""

    difference: Interval
    share_above: float  # share of the replicates in which the second is higher


@dataclass(frozen=True)
class Replicates:
    """Several numbers of one system, on all photos and on every bootstrap sample."""

    values: Float64  # (C,), on all photos; nan where undefined
    drawn: Float64  # (R, C), on the bootstrap samples; of all systems on the same photos, the same samples

    def intervals(self, confidence: float = 0.95) -> tuple[Interval, ...]:
        """The interval of each number."""
        columns = zip(self.values, self.drawn.T, strict=True)
        return tuple(_interval(float(value), column, confidence) for value, column in columns)

    def against(self, first: "Replicates", confidence: float = 0.95) -> tuple[PairedDifference, ...]:
        """The differences to a first system on the same photos, where the bootstrap samples are the same."""
        both = len(self.drawn) == len(
            first.drawn
        )  # none are drawn of a system whose numbers are all undefined
        differences = self.drawn - first.drawn if both else np.zeros((0, len(self.values)))
        return tuple(
            _paired(float(value), column, confidence)
            for value, column in zip(self.values - first.values, differences.T, strict=True)
        )


def _paired(value: float, differences: NDArray, confidence: float) -> PairedDifference:
    defined = differences[~np.isnan(differences)]
    above = float((defined > 0).mean()) if len(defined) and not np.isnan(value) else float("nan")
    return PairedDifference(_interval(value, differences, confidence), above)


def bootstrap_replicates(
    statistics: Statistics, photos: int, replicates: int = 1000, seed: int = 0
) -> Replicates:
    """Compute numbers on all photos and on bootstrap samples; arguments as in `bootstrap_intervals`."""
    values = np.asarray(statistics(np.ones(photos, dtype=np.int64)), dtype=np.float64)
    drawn = np.zeros((0, len(values)))
    if photos and not np.isnan(values).all():
        weights = bootstrap_weights(photos, replicates, seed)
        drawn = np.array([statistics(row) for row in weights], dtype=np.float64).reshape(-1, len(values))
    return Replicates(values, drawn)


def paired_bootstrap(
    first: Statistic,
    second: Statistic,
    photos: int,
    replicates: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> PairedDifference:
    """Compare two systems on the same photos in the same order; every bootstrap sample serves both.

    Parameters
    ----------
    first, second : Statistic
    photos, replicates, seed, confidence
        As in `bootstrap_interval`.
    """
    one = bootstrap_replicates(lambda w: [first(w)], photos, replicates, seed)
    other = bootstrap_replicates(lambda w: [second(w)], photos, replicates, seed)
    (paired,) = other.against(one, confidence)
    return paired
