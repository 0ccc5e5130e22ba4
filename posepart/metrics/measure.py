"""Every score of a set of photos with a bootstrap interval over photos: what reports and the model card print.

Measured end to end, on what `posepart predict` returns. Values are shares in [0, 1] unless the measure says
otherwise.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from posepart.data.sample import Sample
from posepart.metrics.bootstrap import PairedDifference, bootstrap_interval, paired_bootstrap
from posepart.metrics.judged import JudgedPhoto, judge
from posepart.metrics.scores import scores_of
from posepart.structures import Scene


@dataclass(frozen=True)
class Measure:
    """A score with its percentile interval; nan where undefined."""

    name: str
    value: float
    low: float
    high: float
    photos: int  # how many photos it rests on
    samples: int  # how many people, joints or pixels
    counted: str  # what the samples are, in words


@dataclass(frozen=True)
class Comparison:
    """A score of two systems on the same photos."""

    name: str
    first: float
    second: float
    paired: PairedDifference  # the second less the first
    photos: int


def measure_photos(
    photos: Sequence[JudgedPhoto], *, replicates: int = 1000, seed: int = 0, confidence: float = 0.95
) -> Iterator[Measure]:
    """Measure photos that were compared with their labels (`judged.judge`).

    Parameters
    ----------
    photos : sequence of JudgedPhoto
    replicates, seed, confidence
        Of the bootstrap; with 0 replicates there are no intervals.

    Yields
    ------
    Measure
        One for each score of `scores_of`, in its order.
    """
    for score in scores_of(photos):
        interval = bootstrap_interval(score.statistic, score.photos, replicates, seed, confidence)
        value, low, high = interval.value, interval.low, interval.high
        yield Measure(score.name, value, low, high, score.photos, score.samples, score.counted)


def compare_scenes(
    first: Iterable[tuple[Sample, Scene]],
    second: Iterable[tuple[Sample, Scene]],
    *,
    replicates: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> tuple[Comparison, ...]:
    """Compare the results of two systems.

    Parameters
    ----------
    first, second : iterable of (Sample, Scene)
        The same samples in the same order, with the results of each system.
    replicates, seed, confidence
        Of the bootstrap.

    Raises
    ------
    ValueError
        The samples differ.
    """
    pairs = list(first), list(second)
    paths = [[sample.image_path for sample, _ in system] for system in pairs]
    if paths[0] != paths[1]:
        raise ValueError(
            "expected the results of two systems on the same samples in the same order: predict them again"
        )
    scores = [scores_of([judge(sample, scene) for sample, scene in system]) for system in pairs]
    comparisons = []
    for one, other in zip(*scores, strict=True):
        paired = paired_bootstrap(one.statistic, other.statistic, one.photos, replicates, seed, confidence)
        once = np.ones(one.photos, dtype=np.int64)
        values = float(one.statistic(once)), float(other.statistic(once))
        comparisons.append(Comparison(one.name, *values, paired, one.photos))
    return tuple(comparisons)
