import numpy as np
import pytest
from helpers.fixtures import PredictedOf, Scenes, TruthOf
from numpy.typing import NDArray

from posepart.metrics.average_precision import Detections, merge_detections
from posepart.metrics.people import LabelledPeople, PredictedPeople
from posepart.metrics.pose_average_precision import (
    Matching,
    PoseAveragePrecision,
    judge_joints,
    match_poses_to_people,
    pose_average_precision,
    table_1_row,
)
from posepart.schema import Joint

MATCHINGS: list[Matching] = ["pckh", "pose_box"]

# From poseval (evaluateAP) on the scenes of conftest with head boxes of size 20 px, in percent.
POSEVAL_AP = [
    15.576923, 13.795238, 12.666667, 42.635176, 33.207071, 32.281242, 28.59623,
    24.423584, 22.5, 29.62963, 31.605449, 43.029074, 33.975177, 24.995651,
]  # fmt: skip
TIED_SCENE = 4  # two poses hit the same share of a person: poseval keeps whichever comes first


def judge_all(scenes: Scenes, matching: Matching) -> PoseAveragePrecision:
    photos = [judge_joints(p, t, np.full(len(t), 20.0), matching) for p, t in scenes]
    return pose_average_precision(merge_detections([Detections.empty(14), *photos]))


@pytest.mark.parametrize("matching", MATCHINGS)
def test_nobody(matching: Matching, standing: NDArray, truth_of: TruthOf, predicted_of: PredictedOf) -> None:
    assert np.isnan(judge_all([], matching).total)
    assert judge_all([(PredictedPeople.empty(), truth_of([standing]))], matching).total == 0
    invented = judge_joints(predicted_of([standing]), LabelledPeople.empty(), np.zeros(0), matching)
    assert not invented.hits.any()
    assert len(invented.scores) == 14


@pytest.mark.parametrize("matching", MATCHINGS)
def test_perfect(matching: Matching, scenes: Scenes) -> None:
    exact = [
        (PredictedPeople(t.xy, np.where(t.labelled, 0.9, 0.0), t.boxes, np.ones(len(t)), np.ones(len(t))), t)
        for _, t in scenes
    ]
    result = judge_all(exact, matching)
    assert (result.total, result.upper_body) == (1, 1)


@pytest.mark.parametrize("matching", MATCHINGS)
def test_shuffled_people_change_nothing(matching: Matching, scenes: Scenes) -> None:
    shuffled = [(p.select(np.arange(len(p))[::-1]), t.select(np.arange(len(t))[::-1])) for p, t in scenes]
    shuffled.reverse()
    np.testing.assert_allclose(judge_all(shuffled, matching).joints, judge_all(scenes, matching).joints)


def test_agrees_with_poseval(scenes: Scenes) -> None:
    scenes.pop(TIED_SCENE)
    np.testing.assert_allclose(100 * judge_all(scenes, "pckh").joints, POSEVAL_AP, atol=1e-6)


@pytest.mark.parametrize("matching", MATCHINGS)
def test_a_second_pose_of_a_person_is_false_in_every_joint(
    matching: Matching, standing: NDArray, truth_of: TruthOf, predicted_of: PredictedOf
) -> None:
    near = standing + np.array([6, 0])
    detections = judge_joints(
        predicted_of([near, standing], [0.9, 0.8]), truth_of([standing]), np.array([20.0]), matching
    )
    assert detections.hits[0, detections.scores == 0.8].all()
    assert not detections.hits[0, detections.scores == 0.9].any()
    assert pose_average_precision(detections).total == 0.5


def test_a_joint_beyond_half_a_head_is_false(
    standing: NDArray, truth_of: TruthOf, predicted_of: PredictedOf
) -> None:
    moved = standing.copy()
    moved[Joint.LEFT_KNEE] += (10, 0)
    moved[Joint.RIGHT_KNEE] += (10.1, 0)
    result = pose_average_precision(
        judge_joints(predicted_of([moved]), truth_of([standing]), np.array([20.0]))
    )
    assert result.joints[Joint.LEFT_KNEE] == 1
    assert result.joints[Joint.RIGHT_KNEE] == 0
    assert result.groups["knee"] == 0.5
    np.testing.assert_allclose(result.total, 6.5 / 7)


def test_matchings_differ(standing: NDArray, truth_of: TruthOf, predicted_of: PredictedOf) -> None:
    """A pose with the right extent but mirrored limbs overlaps best, a shifted half pose hits more joints."""
    mirrored = standing * (-1, 1)
    half = np.zeros((1, 14))
    half[0, : Joint.LEFT_HIP] = 1
    predicted = predicted_of([mirrored, standing], [0.5, 0.4], np.concatenate([np.ones((1, 14)), half]))
    truth, sizes = truth_of([standing]), np.array([20.0])
    assert match_poses_to_people(predicted, truth, sizes, "pckh").tolist() == [-1, 0]
    assert match_poses_to_people(predicted, truth, sizes, "pose_box").tolist() == [0, -1]


def test_people_without_a_size_are_not_judged(
    standing: NDArray, truth_of: TruthOf, predicted_of: PredictedOf
) -> None:
    truth = truth_of([standing, standing + 500])
    detections = judge_joints(predicted_of([standing, standing + 500]), truth, np.array([20.0, np.nan]))
    assert detections.positives.sum() == 14
    assert detections.ignored.sum() == 14
    assert pose_average_precision(detections).total == 1


def test_grouping_of_the_paper() -> None:
    """The last row of Table 1: 58.0 52.1 43.1 37.2 22.1 30.8 31.1, U-Body 47.6, total 39.2."""
    printed = [58.0, 52.1, 43.1, 37.2, 22.1, 30.8, 31.1]
    row = table_1_row(np.array([58.0, 58.0] + [v for v in printed[1:] for _ in range(2)]))
    assert list(row.groups.values()) == printed
    assert round(row.upper_body, 1) == 47.6
    assert round(row.total, 1) == 39.2
