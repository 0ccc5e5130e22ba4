"""Boxes that no detector found."""

from pathlib import Path

import numpy as np

from posepart.ablation.boxes import FixedBoxes, labelled_boxes, whole_photo
from posepart.data.sample import LabelledPerson, Sample

IMAGE = np.zeros((30, 40, 3), np.uint8)
BOXES = np.array([[1, 2, 11, 22], [15, 2, 25, 22]], np.float32)


def sample(people: int) -> Sample:
    labelled = tuple(LabelledPerson(box, None, "none") for box in BOXES[:people])
    return Sample(Path("photo.jpg"), 40, 30, labelled, np.zeros((0, 4), np.float32), True)


def test_labelled_boxes_stand_in_for_a_detector() -> None:
    assert len(FixedBoxes(labelled_boxes(sample(0)))(IMAGE)) == 0
    boxes = FixedBoxes(labelled_boxes(sample(2)))(IMAGE)
    np.testing.assert_array_equal(boxes.xyxy, BOXES)
    assert boxes.scores.tolist() == [1, 1]


def test_the_box_of_a_photo_reaches_to_the_outer_edges_of_its_pixels() -> None:
    boxes = whole_photo(40, 30)
    assert boxes.xyxy.tolist() == [[-0.5, -0.5, 39.5, 29.5]]
    assert boxes.scores.tolist() == [1]
