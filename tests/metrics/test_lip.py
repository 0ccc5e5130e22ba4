"""LIP's PCKh and groups of pictures against numbers computed by hand, and against the paper's tables."""

import numpy as np
import pytest

from posepart.data.visibility import derived_visibilities
from posepart.metrics.lip import (
    head_lengths,
    judge_lip_joints,
    lip_pose_scores,
    size_of_picture,
)
from posepart.schema.lip import LipJoint


def person() -> np.ndarray:
    """(16, 3), every joint at x = 100 j, y = 0 and visible, but the head top 20 px above the neck."""
    joints = np.zeros((16, 3))
    joints[:, 0] = 100 * np.arange(16)
    joints[:, 2] = 2
    joints[LipJoint.HEAD_TOP, :2] = joints[LipJoint.NECK, 0], -20
    return joints


def test_no_picture() -> None:
    scores = lip_pose_scores(judge_lip_joints(np.zeros((0, 16, 3)), np.zeros((0, 16, 2))))
    assert np.isnan(scores.total)
    assert np.isnan(scores.joints).all()


def test_head_length_has_no_factor() -> None:
    truth = person()[None]
    assert head_lengths(truth).tolist() == [20]
    truth[0, LipJoint.NECK, 2] = 0
    assert np.isnan(head_lengths(truth)).all()


def test_pckh_by_hand() -> None:
    truth = np.stack([person()] * 4)
    predicted = truth[..., :2].copy()
    predicted[0, LipJoint.LEFT_WRIST] += 6, 8  # 10 px: exactly 0.5 x 20, right
    predicted[0, LipJoint.RIGHT_WRIST] += 6, 8.1
    truth[1, LipJoint.LEFT_KNEE, 2] = 1  # occluded: counts
    predicted[1, LipJoint.LEFT_KNEE] += 11, 0
    truth[1, LipJoint.RIGHT_KNEE, 2] = 0  # not labelled: does not
    predicted[1, LipJoint.RIGHT_KNEE] += 99, 0
    predicted[1, LipJoint.PELVIS] += 99, 0  # wrong, but not in the total
    truth[2, LipJoint.HEAD_TOP, 2] = 0  # no head length: the picture is skipped
    predicted[2] += 99
    predicted[3, LipJoint.NECK] = np.nan  # not predicted: a miss
    scores = lip_pose_scores(judge_lip_joints(truth, predicted))
    assert scores.joints[[LipJoint.LEFT_WRIST, LipJoint.RIGHT_WRIST]].tolist() == pytest.approx([1, 2 / 3])
    assert scores.joints[[LipJoint.LEFT_KNEE, LipJoint.RIGHT_KNEE]].tolist() == pytest.approx([2 / 3, 1])
    assert scores.joints[LipJoint.PELVIS] == pytest.approx(2 / 3)
    assert scores.groups == pytest.approx(
        {
            "head": (2 / 3 + 1) / 2,
            "shoulder": 1,
            "elbow": 1,
            "wrist": 5 / 6,
            "hip": 1,
            "knee": 5 / 6,
            "ankle": 1,
        }
    )
    # 14 + 13 + 14 joints of three pictures, three misses; pelvis and spine stay out.
    assert scores.total == pytest.approx(38 / 41)
    assert "no other factor" in scores.reference


def test_pictures_of_a_factor() -> None:
    truth = np.stack([person(), person()])
    predicted = truth[..., :2].copy()
    predicted[1] += 99
    counts = judge_lip_joints(truth, predicted)
    assert lip_pose_scores(counts).total == 0.5
    assert lip_pose_scores(counts, np.array([True, False])).total == 1
    assert lip_pose_scores(counts, np.array([1, 3])).total == 0.25


@pytest.mark.parametrize(
    ("groups", "total"),
    [((93.2, 89.3, 84.6, 82.2, 69.9, 78.0, 77.3), 82.5), ((91.2, 85.7, 78.7, 75.5, 64.8, 70.5, 72.1), 77.5)],
)
def test_the_papers_totals_are_near_the_mean_of_the_groups(groups: tuple[float, ...], total: float) -> None:
    """Table 6: pooling 14 joints, nearly equally often labelled, lies within 0.6 of the mean of the groups."""
    everyone = np.concatenate([np.repeat(group, 2) for group in groups])
    right = np.zeros((1000, 16), bool)
    order = [8, 9, 13, 12, 14, 11, 15, 10, 3, 2, 4, 1, 5, 0]
    for joint, percent in zip(order, everyone, strict=True):
        right[: round(10 * percent), joint] = True
    truth = np.stack([person()] * 1000)
    predicted = truth[..., :2] + np.where(right, 0, 999)[..., None]
    scores = lip_pose_scores(judge_lip_joints(truth, predicted))
    assert [100 * v for v in scores.groups.values()] == pytest.approx(groups)
    assert 100 * scores.total == pytest.approx(total, abs=0.6)


def test_sizes_by_hand() -> None:
    areas = np.array([153**2 - 1, 153**2, 321**2 - 1, 321**2])
    assert size_of_picture(areas).tolist() == [0, 1, 1, 2]
    assert size_of_picture(np.zeros(0)).tolist() == []


def test_derived_visibilities_by_hand() -> None:
    full, upper, headless, nothing = (person() for _ in range(4))
    upper[[LipJoint.LEFT_ANKLE, LipJoint.RIGHT_ANKLE, LipJoint.LEFT_KNEE, LipJoint.RIGHT_KNEE], 2] = 0
    upper[LipJoint.LEFT_WRIST, 2] = 1
    headless[[LipJoint.NECK, LipJoint.HEAD_TOP], 2] = 0
    nothing[:, 2] = 0
    factors = derived_visibilities(np.stack([full, upper, headless, nothing]))
    assert {name: chosen.tolist() for name, chosen in factors.items()} == {
        "occlusion": [False, True, False, False],
        "full_body": [True, False, False, False],
        "upper_body": [False, True, False, False],
        "lower_body": [False, False, False, False],
        "head_missing": [False, False, True, False],
    }
    headless[[joint for joint in LipJoint if joint.name.endswith(("SHOULDER", "ELBOW", "WRIST"))], 2] = 0
    assert derived_visibilities(headless[None])["lower_body"].tolist() == [True]


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"predicted: expected shape \(1, 16, 2\)"):
        judge_lip_joints(person()[None], np.zeros((2, 16, 2)))
