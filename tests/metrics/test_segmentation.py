import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, jaccard_score
from sklearn.metrics import confusion_matrix as reference_confusion

from posepart.metrics.people import mean_defined
from posepart.metrics.segmentation import (
    SIZE_NAMES,
    check_size_edges,
    confusion_by_size,
    confusion_matrix,
    pooled_scores,
    segmentation_scores,
    size_bucket,
)
from posepart.schema import IGNORE, Part


def test_nothing() -> None:
    confusion = confusion_matrix(np.zeros((0, 0), np.uint8), np.zeros((0, 0), np.uint8))
    assert confusion.sum() == 0
    scores = segmentation_scores(confusion)
    assert np.isnan([scores.miou, scores.pixel_accuracy, scores.mean_accuracy]).all()
    assert np.isnan(pooled_scores(np.zeros((0, 7, 7))).miou)
    assert confusion_by_size(np.zeros((4, 4)), np.zeros((4, 4)), np.zeros((0, 4))).shape == (4, 7, 7)


def test_by_hand() -> None:
    truth = np.array([[0, 0, 1], [1, 1, IGNORE]], dtype=np.uint8)
    predicted = np.array([[0, 1, 1], [1, 2, 3]], dtype=np.uint8)
    scores = segmentation_scores(confusion_matrix(truth, predicted))
    np.testing.assert_allclose(scores.iou, [0.5, 0.5, 0, np.nan, np.nan, np.nan, np.nan])
    np.testing.assert_allclose(scores.miou, 1 / 3)
    assert scores.pixel_accuracy == 3 / 5
    np.testing.assert_allclose(scores.mean_accuracy, (1 / 2 + 2 / 3) / 2)


def test_perfect_and_empty() -> None:
    truth = np.arange(49).reshape(7, 7) % 7
    assert segmentation_scores(confusion_matrix(truth, truth)).miou == 1
    nothing = segmentation_scores(confusion_matrix(truth, np.zeros_like(truth)))
    np.testing.assert_array_equal(nothing.iou[1:], np.zeros(6))


def test_agrees_with_scikit_learn() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 7, (60, 50))
    predicted = np.where(random.random(truth.shape) < 0.6, truth, random.integers(0, 7, truth.shape))
    truth[random.random(truth.shape) < 0.1] = IGNORE
    counted = truth != IGNORE
    confusion = confusion_matrix(truth, predicted)
    np.testing.assert_array_equal(confusion, reference_confusion(truth[counted], predicted[counted]))
    scores = segmentation_scores(confusion)
    np.testing.assert_allclose(
        scores.miou, jaccard_score(truth[counted], predicted[counted], average="macro")
    )
    np.testing.assert_allclose(scores.pixel_accuracy, accuracy_score(truth[counted], predicted[counted]))
    np.testing.assert_allclose(
        scores.mean_accuracy, balanced_accuracy_score(truth[counted], predicted[counted])
    )


def test_pixels_are_pooled_not_photos() -> None:
    small, large = np.zeros((2, 7, 7), np.int64)
    small[1, 1], small[0, 0] = 1, 1
    large[1, 0], large[0, 0] = 9, 90
    scores = pooled_scores(np.stack([small, large]))
    np.testing.assert_allclose(scores.iou[:2], [91 / 100, 1 / 10])
    np.testing.assert_allclose(pooled_scores(np.stack([small, large]), weights=np.array([2, 0])).miou, 1)


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"expected shape \(2, 2\), got \(2, 3\)"):
        confusion_matrix(np.zeros((2, 2)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"true part map: expected ids 0..6, got 0..7"):
        confusion_matrix(np.array([[0, 7]]), np.array([[0, 0]]))
    with pytest.raises(ValueError, match="predicted part map"):
        confusion_matrix(np.array([[0, 0]]), np.array([[0, IGNORE]]))


def test_size_buckets_by_hand() -> None:
    sides = np.array([10, 80, 80.1, 140, 220, 221])
    boxes = np.stack([0 * sides, 0 * sides, sides, sides], axis=1)
    assert [SIZE_NAMES[b] for b in size_bucket(boxes)] == ["XS", "XS", "S", "S", "M", "L"]


@pytest.mark.parametrize("edges", [(80, 140), (80, 70, 220), (0, 1, 2), (80, 80, 220), (float("nan"), 1, 2)])
def test_edges_are_three_rising_numbers(edges: tuple[float, ...]) -> None:
    check_size_edges((80, 140, 220))
    with pytest.raises(ValueError, match="edges between sizes of people: expected three rising numbers"):
        check_size_edges(edges)


def test_confusion_by_size_keeps_people_apart() -> None:
    truth = np.zeros((10, 300), np.uint8)
    truth[:, :5], truth[:, 5:] = Part.HEAD, Part.TORSO
    people = np.where(truth == Part.HEAD, 4, 9)
    boxes = np.array([[0, 0, 9, 9], [0, 0, 299, 9]])
    sizes = confusion_by_size(truth, truth, boxes, people, np.array([4, 9]), edges=(20.0,))
    assert sizes[0].sum() == sizes[0, Part.HEAD, Part.HEAD] == 50
    assert sizes[1].sum() == sizes[1, Part.TORSO, Part.TORSO] == 2950
    overlapping = confusion_by_size(truth, truth, boxes, edges=(20.0,))
    assert overlapping[0].sum() == 100


def test_average_of_the_paper() -> None:
    """The last row of Table 3 averages to 64.39 with the background."""
    assert round(mean_defined(np.array([85.50, 67.87, 54.72, 54.30, 48.25, 44.76, 95.32])), 2) == 64.39
