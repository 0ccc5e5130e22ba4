"""The photos on which results are worst: only their pictures are kept, so memory is bounded by their number."""

import heapq
import io
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from posepart.data.contact_sheet import draw_sample
from posepart.data.sample import Sample
from posepart.draw import draw_overlay
from posepart.io.photos import read_photo
from posepart.structures import Scene

PICTURE_SIDE = 640  # px, the longer one
_JPEG_QUALITY = 85


@dataclass(frozen=True)
class Case:
    """A photo with its score in [0, 1]; truth, prediction: JPEG pictures of the labels and of the result."""

    name: str
    score: float
    truth: bytes
    prediction: bytes


class WorstCases:
    """Keeps the cases of lowest score, at most `number`; of equal ones those that came first."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._heap: list[tuple[float, int, Case]] = []  # the best of the kept ones on top
        self._order = itertools.count()

    def offer(self, score: float, draw: Callable[[float], Case]) -> None:
        """Consider a photo; `draw` is called only if it is among the worst so far. nan is passed over."""
        if math.isnan(score) or self.number < 1:
            return
        if len(self._heap) < self.number:
            heapq.heappush(self._heap, (-score, -next(self._order), draw(score)))
        elif -score > self._heap[0][0]:
            heapq.heapreplace(self._heap, (-score, -next(self._order), draw(score)))

    def cases(self) -> tuple[Case, ...]:
        """The kept cases, the worst first."""
        return tuple(case for _, _, case in sorted(self._heap, key=lambda entry: entry[:2], reverse=True))


def draw_case(sample: Sample, scene: Scene, score: float) -> Case:
    """Draw the labels and the result of a photo; it is read anew."""
    prediction = draw_overlay(read_photo(sample.image_path), scene, PICTURE_SIDE)
    return Case(sample.image_path.name, score, _jpeg(draw_sample(sample, PICTURE_SIDE)), _jpeg(prediction))


def _jpeg(picture: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=_JPEG_QUALITY)
    return file.getvalue()
