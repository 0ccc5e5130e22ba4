"""Person boxes that no detector found: the labelled ones, and the whole photo."""

from dataclasses import dataclass

import numpy as np

from posepart.arrays import Rgb
from posepart.data.sample import Sample
from posepart.structures import PersonBoxes


@dataclass(frozen=True)
class FixedBoxes:
    """A person detector that returns fixed boxes."""

    boxes: PersonBoxes

    def __call__(self, image: Rgb) -> PersonBoxes:
        """The boxes, whatever the photo."""
        return self.boxes


def labelled_boxes(sample: Sample) -> PersonBoxes:
    """The boxes of a sample's people, with score 1: the result of a perfect detector."""
    boxes = np.array([person.box for person in sample.people], np.float32).reshape(-1, 4)
    return PersonBoxes(boxes, np.ones(len(boxes), np.float32))


def whole_photo(width: int, height: int) -> PersonBoxes:
    """A photo as one box, with score 1."""
    edges = np.array([[-0.5, -0.5, width - 0.5, height - 0.5]], np.float32)
    return PersonBoxes(edges, np.ones(1, np.float32))
