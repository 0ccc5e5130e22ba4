"""Every score of a set of photos, with bootstrap intervals over photos: what the model card reports.

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
    photos: int
    samples: int
    counted: str


@dataclass(frozen=True)
class Comparison:
    """A score of two systems on the same photos, and the second less the first."""

    name: str
    first: float
    second: float
    paired: PairedDifference
    photos: int


def evaluate_scenes(
    pairs: Iterable[tuple[Sample, Scene]], *, replicates: int = 1000, seed: int = 0, confidence: float = 0.95
) -> tuple[Measure, ...]:
    """Measure results against their labels.

    Parameters
    ----------
    pairs : samples with the result of each; consumed once, so it may be a generator that predicts.
    replicates, seed, confidence : of the bootstrap; no intervals with 0 replicates.

    Returns
    -------
    One measure per score of `scores_of`, in its order.
    """
    photos = [judge(sample, scene) for sample, scene in pairs]
    return tuple(measure_photos(photos, replicates=replicates, seed=seed, confidence=confidence))


def measure_photos(
    photos: Sequence[JudgedPhoto], *, replicates: int = 1000, seed: int = 0, confidence: float = 0.95
) -> Iterator[Measure]:
    """`evaluate_scenes` of photos that are compared with their labels already, one measure after the other."""
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
    """Compare the results of two systems on the same samples, given in the same order.

    Raises
    ------
    ValueError: when the samples differ.
    """
    pairs = list(first), list(second)
    paths = [[sample.image_path for sample, _ in system] for system in pairs]
    if paths[0] != paths[1]:
        raise ValueError("expected two systems on the same samples in the same order: predict them anew")
    scores = [scores_of([judge(sample, scene) for sample, scene in system]) for system in pairs]
    comparisons = []
    for one, other in zip(*scores, strict=True):
        paired = paired_bootstrap(one.statistic, other.statistic, one.photos, replicates, seed, confidence)
        once = np.ones(one.photos, dtype=np.int64)
        values = float(one.statistic(once)), float(other.statistic(once))
        comparisons.append(Comparison(one.name, *values, paired, one.photos))
    return tuple(comparisons)
