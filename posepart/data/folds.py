"""Folds of a data set, for cross-fitting.

The CRF and the second stage learn from the networks' predictions. On the photos that they were trained on, networks
are too good; so each fold is predicted by networks that were trained without it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from zlib import crc32

from posepart.data.sample import Sample


@dataclass(frozen=True)
class Fold:
    """One fold of several; a photo's fold depends on its file name alone."""

    number: int  # from 0
    count: int  # of folds

    def __post_init__(self) -> None:
        if not 0 <= self.number < self.count or self.count < 2:
            raise ValueError(f"fold {self.number}/{self.count}: expected K/N with 0 <= K < N and N >= 2")

    @classmethod
    def parse(cls, text: str) -> "Fold":
        """Read "K/N".

        Raises
        ------
        ValueError
            The text is something else, or there is no such fold.
        """
        match = re.fullmatch(r"(\d+)/(\d+)", text)
        if match is None:
            raise ValueError(f"fold {text!r}: expected K/N, e.g. 0/2 for the first of two")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def __contains__(self, sample: Sample) -> bool:
        return crc32(sample.image_path.name.encode()) % self.count == self.number

    def inside(self, samples: Iterable[Sample]) -> list[Sample]:
        """Keep the samples of this fold."""
        return [sample for sample in samples if sample in self]

    def outside(self, samples: Iterable[Sample]) -> list[Sample]:
        """Keep the samples of all other folds."""
        return [sample for sample in samples if sample not in self]
