import numpy as np
from helpers.fixtures import PredictedOf, Scenes, TruthOf
from numpy.typing import NDArray

from posepart.metrics.adk import JointDistances, average_distance, measure_distances, merge_distances
from posepart.metrics.people import JOINT_TYPES, LabelledPeople, PredictedPeople, mean_defined
from posepart.schema import Joint


def test_nobody(standing: NDArray, truth_of: TruthOf, predicted_of: PredictedOf) -> None:
    assert np.isnan(average_distance(JointDistances.empty()).average)
    assert len(merge_distances([]).total) == 0
    missed = average_distance(measure_distances(PredictedPeople.empty(), truth_of([standing])))
    assert np.isnan(missed.average)
    assert missed.coverage == 0
    invented = measure_distances(predicted_of([standing]), LabelledPeople.empty())
    assert invented.labelled.sum() == 0


def test_perfect(scenes: Scenes) -> None:
    exact = [
        PredictedPeople(t.xy, np.where(t.labelled, 1.0, 0.0), t.boxes, np.ones(len(t)), np.ones(len(t)))
        for _, t in scenes
    ]
    photos = [measure_distances(p, t) for p, (_, t) in zip(exact, scenes, strict=True)]
    result = average_distance(merge_distances(photos))
    assert (result.average, result.coverage) == (0, 1)


def test_by_hand(standing: NDArray, truth_of: TruthOf, predicted_of: PredictedOf) -> None:
    """The scale is half of 20 px."""
    moved = standing.copy()
    moved[Joint.LEFT_WRIST] += (3, 4)  # 5 px: 0.5
    moved[Joint.FOREHEAD] += (0, 1)
    scores = np.ones((1, 14))
    scores[0, Joint.RIGHT_KNEE] = 0
    result = average_distance(measure_distances(predicted_of([moved], [1.0], scores), truth_of([standing])))
    np.testing.assert_allclose(
        list(result.types.values()), [0.1, 0, 0, 0, 0.25, 0, 0, 0], err_msg=str(list(JOINT_TYPES))
    )
    np.testing.assert_allclose(result.average, 0.35 / 8)
    np.testing.assert_allclose(result.coverage, 13 / 14)


def test_only_the_pose_of_highest_overlap_counts(
    standing: NDArray, truth_of: TruthOf, predicted_of: PredictedOf
) -> None:
    predicted = predicted_of([standing + 2, standing + 9], [0.1, 0.9])
    result = average_distance(measure_distances(predicted, truth_of([standing])))
    np.testing.assert_allclose(result.average, np.sqrt(8) / 10)
    far = average_distance(measure_distances(predicted_of([standing + 900]), truth_of([standing])))
    assert far.coverage == 0


def test_people_without_a_scale_are_left_out(
    standing: NDArray, truth_of: TruthOf, predicted_of: PredictedOf
) -> None:
    labelled = np.ones((1, 14), dtype=bool)
    labelled[0, Joint.NECK] = False
    distances = measure_distances(predicted_of([standing]), truth_of([standing], labelled))
    assert distances.labelled.sum() == 0


def test_joints_are_pooled_over_photos(
    standing: NDArray, truth_of: TruthOf, predicted_of: PredictedOf
) -> None:
    near = measure_distances(predicted_of([standing]), truth_of([standing]))
    off = measure_distances(predicted_of([standing + np.array([10, 0])]), truth_of([standing]))
    pooled = merge_distances([near, off])
    np.testing.assert_allclose(average_distance(pooled).average, 0.5)
    np.testing.assert_allclose(average_distance(pooled, weights=np.array([3, 1])).average, 0.25)


def test_average_of_the_paper() -> None:
    """The last row of Table 2 averages to 40.7 over the eight types."""
    assert round(mean_defined(np.array([26.9, 26.1, 32.7, 39.5, 45.3, 50.9, 52.3, 51.8])), 1) == 40.7
