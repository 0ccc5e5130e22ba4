from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from posepart.metrics.pck import (
    JointCounts,
    aligned_joints,
    count_joints,
    head_lengths,
    match_people,
    merge_counts,
    pck_hits,
    pooled_rate,
    relative_errors,
    torso_diameters,
)
from posepart.metrics.people import JOINT_GROUPS, LabelledPeople, PredictedPeople
from posepart.schema import LIMB_JOINTS, Joint

ALL = np.ones((1, 14), dtype=bool)


def test_nobody() -> None:
    nobody = LabelledPeople.empty()
    counts = count_joints(nobody, nobody.xy, nobody.labelled, np.zeros(0), 0.2, "torso")
    assert np.isnan(pooled_rate(counts))
    assert np.isnan(pooled_rate(JointCounts.empty("torso"), (Joint.NECK,)))
    assert match_people(np.zeros((0, 2))).tolist() == [-1, -1]
    assert match_people(np.zeros((2, 0))).tolist() == []


def test_reference_lengths_by_hand(standing: NDArray) -> None:
    one = standing[None]
    assert torso_diameters(one, ALL) == 50
    stretched = one.copy()
    stretched[0, Joint.RIGHT_HIP] += (0, -40)
    assert torso_diameters(stretched, ALL) == 30, "left shoulder to right hip goes first"
    labelled = ALL.copy()
    labelled[0, Joint.RIGHT_HIP] = False
    assert torso_diameters(stretched, labelled) == 50, "the other diagonal stands in"
    labelled[0, Joint.RIGHT_SHOULDER] = False
    assert np.isnan(torso_diameters(one, labelled))
    flat = one.copy()
    flat[0, Joint.RIGHT_HIP] = flat[0, Joint.LEFT_SHOULDER]
    assert torso_diameters(flat, ALL) == 0, "a torso without length is no torso without labels"
    assert head_lengths(one, ALL) == 20
    assert np.isnan(head_lengths(one, ~ALL))


def test_given_boxes_by_hand(standing: NDArray, truth_of: Callable[..., LabelledPeople]) -> None:
    truth = truth_of([standing])
    moved = standing.copy()
    moved[Joint.LEFT_WRIST] += (6, 8)  # 10 px: exactly 0.2 x 50, still right
    moved[Joint.RIGHT_WRIST] += (6, 8.1)
    present = ALL.copy()
    present[0, Joint.LEFT_KNEE] = False
    counts = count_joints(truth, moved[None], present, np.array([50.0]), 0.2, "torso")
    assert pooled_rate(counts) == 12 / 14
    assert pooled_rate(counts, LIMB_JOINTS) == 10 / 12
    rates = [pooled_rate(counts, JOINT_GROUPS[name]) for name in ("head", "wrist", "knee")]
    assert rates == [1, 0.5, 0.5]


def test_relative_errors_by_hand(standing: NDArray, truth_of: Callable[..., LabelledPeople]) -> None:
    moved = standing.copy()
    moved[Joint.LEFT_WRIST] += (15, 20)  # 25 px of 50
    present, labelled = ALL.copy(), ALL.copy()
    present[0, Joint.LEFT_KNEE] = labelled[0, Joint.NECK] = False
    truth = truth_of([standing, standing], np.concatenate([labelled, ALL]))
    twice = np.array([moved, moved]), np.concatenate([present, present])
    errors = relative_errors(truth, *twice, np.array([50.0, np.nan]))
    expected = np.zeros(14)
    expected[[Joint.LEFT_WRIST, Joint.LEFT_KNEE, Joint.NECK]] = 0.5, np.inf, np.nan
    np.testing.assert_array_equal(errors, [expected, np.full(14, np.nan)])


def test_occluded_joints_count_and_unlabelled_do_not(
    standing: NDArray, truth_of: Callable[..., LabelledPeople]
) -> None:
    labelled = ALL.copy()
    labelled[0, Joint.NECK] = False
    counts = count_joints(truth_of([standing], labelled), standing[None], ALL, np.array([50.0]), 0.2, "torso")
    assert counts.counted.sum() == 13
    assert np.isnan(pooled_rate(counts, (Joint.NECK,)))


def test_people_without_a_reference_are_left_out(
    standing: NDArray, truth_of: Callable[..., LabelledPeople]
) -> None:
    counts = count_joints(truth_of([standing]), standing[None], ALL, np.array([np.nan]), 0.2, "torso")
    assert counts.counted.sum() == 0


def test_match_people_takes_the_most_similar_pair_first() -> None:
    similarity = np.array([[0.9, 0.8], [0.7, 0.0], [0.0, 0.1]])
    assert match_people(similarity).tolist() == [0, 2]
    assert match_people(np.zeros((1, 1))).tolist() == [-1]


def test_unmatched_people_count_as_misses(
    standing: NDArray, truth_of: Callable[..., LabelledPeople], predicted_of: Callable[..., PredictedPeople]
) -> None:
    truth = truth_of([standing, standing + 500])
    xy, present = aligned_joints(predicted_of([standing]), np.array([0, -1]))
    counts = count_joints(truth, xy, present, np.array([50.0, 50.0]), 0.2, "torso")
    assert pooled_rate(counts) == 0.5
    xy, present = aligned_joints(PredictedPeople.empty(), np.array([-1, -1]))
    assert pooled_rate(count_joints(truth, xy, present, np.array([50.0, 50.0]), 0.2, "torso")) == 0


def test_pooling_and_weights() -> None:
    first = JointCounts(np.ones((1, 14), np.int64), np.ones((1, 14), np.int64), "torso")
    second = JointCounts(np.zeros((1, 14), np.int64), np.full((1, 14), 3), "torso")
    both = merge_counts([first, second])
    assert pooled_rate(both) == 0.25
    assert pooled_rate(both, weights=np.array([3, 1])) == 0.5
    with pytest.raises(ValueError, match="one reference length"):
        merge_counts([first, JointCounts.empty("head")])


def test_pck_of_crops_by_hand(standing: NDArray) -> None:
    """As `right_joints`, from joints with a visibility and with every joint found."""
    joints = np.concatenate([standing, np.full((14, 1), 2)], axis=1)[None].repeat(2, axis=0)
    joints[1, [Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER], 2] = 0  # no torso diameter
    found = joints[..., :2].copy()
    found[0, Joint.LEFT_WRIST] += (6, 8)  # 10 px: exactly 0.2 x 50, still right
    found[0, Joint.RIGHT_WRIST] += (6, 8.1)
    right, counted = pck_hits(found, joints)
    assert counted[0].all() and not counted[1].any()
    assert (~right[0]).nonzero()[0].tolist() == [Joint.RIGHT_WRIST] and not right[1].any()
    assert pck_hits(found, joints, fraction=0.25)[0][0].all()
    assert pck_hits(np.zeros((0, 14, 2)), np.zeros((0, 14, 3)))[0].shape == (0, 14)
    with pytest.raises(ValueError, match=r"joints: expected shape \(_, 14, 3\), got \(14, 3\)"):
        pck_hits(found[0], joints[0])
