"""The photos with the worst results, of which only pictures are kept, so that memory is bounded."""

import heapq
import io
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from posepart.arrays import Rgb
from posepart.data.contact_sheet import draw_sample
from posepart.data.sample import Sample
from posepart.draw import draw_overlay
from posepart.io.photos import read_photo
from posepart.structures import Scene

PICTURE_SIDE = 640  # px, the longer one
_JPEG_QUALITY = 85


@dataclass(frozen=True)
class Case:
    """A photo with a bad result."""

    name: str  # of the photo's file
    score: float  # in [0, 1]
    truth: bytes  # JPEG picture of the labels
    prediction: bytes  # JPEG picture of the result


class WorstCases:
    """Keeps the cases of lowest score, at most `number`; of equal scores, those that came first."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._heap: list[tuple[float, int, Case]] = []  # the best kept case first
        self._order = itertools.count()

    def offer(self, score: float, draw: Callable[[float], Case]) -> None:
        """Consider a photo; `draw` is called only if its score is among the lowest so far. nan is ignored."""
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
    """Draw the labels and the result of a photo, which is read again."""
    prediction = draw_overlay(read_photo(sample.image_path), scene, PICTURE_SIDE)
    return Case(sample.image_path.name, score, _jpeg(draw_sample(sample, PICTURE_SIDE)), _jpeg(prediction))


def _jpeg(picture: Rgb) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=_JPEG_QUALITY)
    return file.getvalue()
