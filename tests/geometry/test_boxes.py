from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from posepart.geometry.boxes import box_areas, box_coverage, box_iou


@pytest.mark.parametrize("overlap", [box_iou, box_coverage])
def test_overlap_of_no_boxes(overlap: Callable[[NDArray, NDArray], NDArray]) -> None:
    assert overlap(np.zeros((0, 4)), np.zeros((3, 4))).shape == (0, 3)
    assert overlap(np.zeros((2, 4)), np.zeros((0, 4))).shape == (2, 0)
    np.testing.assert_array_equal(overlap(np.zeros((1, 4)), np.zeros((1, 4))), [[0.0]])


def test_overlap_by_hand() -> None:
    first, second = np.array([[0, 0, 10, 10]]), np.array([[5, 0, 15, 10], [0, 0, 10, 10], [20, 20, 30, 30]])
    np.testing.assert_allclose(box_iou(first, second), [[1 / 3, 1, 0]])
    np.testing.assert_allclose(box_coverage(first, second), [[0.5, 1, 0]])


def test_inverted_boxes_are_empty() -> None:
    boxes = np.array([[4, 0, 1, 5], [0, 0, 2, 3]])
    np.testing.assert_array_equal(box_areas(boxes), [0, 6])


def test_a_box_of_nan_overlaps_nothing() -> None:
    boxes = np.array([[0, 0, 10, 10], [np.nan] * 4])
    np.testing.assert_array_equal(box_iou(boxes, boxes), [[1, 0], [0, 0]])
