"""Folds of a data set: a network trained without a fold predicts it as it predicts photos it has never seen.

The CRF and the second stage learn from what the networks predict; on their own training photos networks are too
good, so each fold is predicted by the network that did not train on it (cross-fitting).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from zlib import crc32

from posepart.data.sample import Sample


@dataclass(frozen=True)
class Fold:
    """Fold `number` (from 0) of `count`; a photo's fold depends on its file name alone."""

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 0 <= self.number < self.count or self.count < 2:
            raise ValueError(f"fold {self.number}/{self.count}: expected K/N with 0 <= K < N and N >= 2")

    @classmethod
    def parse(cls, text: str) -> "Fold":
        """Read "K/N".

        Raises
        ------
        ValueError: when the text is something else, or there is no such fold.
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
        """The samples of this fold."""
        return [sample for sample in samples if sample in self]

    def outside(self, samples: Iterable[Sample]) -> list[Sample]:
        """The samples of all other folds."""
        return [sample for sample in samples if sample not in self]
