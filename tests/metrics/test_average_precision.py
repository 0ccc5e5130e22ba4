import numpy as np
import pytest

from posepart.metrics.average_precision import (
    Detections,
    Interpolation,
    average_precision,
    interpolated_precision,
    merge_detections,
    operating_point,
    precision_recall,
)


def judged(
    scores: list[float],
    hits: list[bool],
    positives: list[int],
    images: list[int] | None = None,
    ignored: list[bool] | None = None,
) -> Detections:
    count = len(scores)
    return Detections(
        np.array(scores, dtype=float),
        np.zeros(count, dtype=np.int64),
        np.zeros(count, dtype=np.int64) if images is None else np.array(images),
        np.array([hits], dtype=bool),
        np.zeros((1, count), bool) if ignored is None else np.array([ignored], dtype=bool),
        np.array(positives, dtype=np.int64).reshape(-1, 1),
    )


@pytest.mark.parametrize("interpolation", ["all_points", "coco"])
def test_empty(interpolation: Interpolation) -> None:
    assert np.isnan(average_precision(Detections.empty(), interpolation=interpolation)).all()
    assert average_precision(judged([], [], [3]), interpolation=interpolation) == 0
    assert np.isnan(average_precision(judged([0.5], [False], [0]), interpolation=interpolation))
    assert len(merge_detections([]).scores) == 0


@pytest.mark.parametrize("interpolation", ["all_points", "coco"])
def test_perfect(interpolation: Interpolation) -> None:
    assert average_precision(judged([0.2, 0.9], [True, True], [2]), interpolation=interpolation) == 1


def test_by_hand() -> None:
    # Recall 1/2, 1/2, 1 at precision 1, 1/2, 2/3.
    detections = judged([0.8, 0.9, 0.7], [False, True, True], [2])
    curve = precision_recall(detections)
    np.testing.assert_allclose(curve.recall, [[0.5, 0.5, 1]])
    np.testing.assert_allclose(curve.precision, [[1, 0.5, 2 / 3]])
    np.testing.assert_allclose(interpolated_precision(curve), [[1, 2 / 3, 2 / 3]])
    np.testing.assert_allclose(average_precision(detections), [[0.5 + 0.5 * 2 / 3]])
    np.testing.assert_allclose(
        average_precision(detections, interpolation="coco"), [[(51 + 50 * 2 / 3) / 101]]
    )


def test_equal_scores_enter_together() -> None:
    for hits in ([True, False], [False, True]):
        np.testing.assert_allclose(average_precision(judged([0.5, 0.5], hits, [1])), [[0.5]])


def test_ignored_detections_count_neither_way() -> None:
    detections = judged([0.9, 0.8], [False, True], [1], ignored=[True, False])
    assert average_precision(detections) == 1
    assert operating_point(detections).false_per_photo == 0


def test_weights_repeat_photos() -> None:
    first, second = judged([0.9, 0.8], [False, True], [1]), judged([0.7], [True], [2])
    both = merge_detections([first, second])
    np.testing.assert_array_equal(both.images, [0, 0, 1])
    drawn = merge_detections([first, first, second])
    np.testing.assert_allclose(average_precision(both, weights=np.array([2, 1])), average_precision(drawn))
    np.testing.assert_allclose(average_precision(both, weights=np.array([0, 1])), average_precision(second))


def test_operating_point_by_hand() -> None:
    detections = judged([0.9, 0.6, 0.3], [True, False, True], [2, 1], images=[0, 0, 1])
    point = operating_point(detections, score=0.5)
    assert (point.recall, point.precision, point.false_per_photo) == (1 / 3, 0.5, 0.5)
    nothing = operating_point(Detections.empty())
    assert np.isnan([nothing.recall, nothing.precision, nothing.false_per_photo]).all()
