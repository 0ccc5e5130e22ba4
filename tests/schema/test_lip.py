"""LIP's labels and joints, written out by hand, and the way to and from ours."""

import numpy as np
import pytest

from posepart.schema import IGNORE, POSEPART, Joint, Part
from posepart.schema.lip import (
    FLIP_LIP_JOINTS,
    FLIP_LIP_LABELS,
    LIP_JOINT_GROUPS,
    LIP_JOINT_NAMES,
    LIP_LABEL_NAMES,
    LIP_PALETTE,
    LIP_REGIONS,
    LIP_TO_PART,
    LIP_TOTAL_JOINTS,
    LipJoint,
    LipLabel,
    coco_visibility,
    joints_from_lip,
    lip_from_joints,
    lip_from_parts,
    lip_visibility,
    parts_from_lip,
)

LABELS = [
    "background", "hat", "hair", "glove", "sunglasses", "upper_clothes", "dress", "coat", "socks", "pants",
    "jumpsuits", "scarf", "skirt", "face", "left_arm", "right_arm", "left_leg", "right_leg", "left_shoe",
    "right_shoe",
]  # fmt: skip

JOINTS = [
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis", "spine", "neck",
    "head_top", "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist",
]  # fmt: skip


def test_names_and_order() -> None:
    assert list(LIP_LABEL_NAMES) == LABELS
    assert list(LIP_JOINT_NAMES) == JOINTS


def test_flips() -> None:
    assert (*range(14), 15, 14, 17, 16, 19, 18) == FLIP_LIP_LABELS
    assert FLIP_LIP_JOINTS == (5, 4, 3, 2, 1, 0, 6, 7, 8, 9, 15, 14, 13, 12, 11, 10)


def test_palette() -> None:
    assert LIP_PALETTE.shape == (20, 3)
    assert len(np.unique(LIP_PALETTE, axis=0)) == 20
    assert LIP_PALETTE[[0, 4, 11, 13, 19]].tolist() == [
        [0, 0, 0], [170, 0, 51], [52, 86, 128], [0, 0, 255], [255, 170, 0],
    ]  # fmt: skip


def test_regions_of_the_structure_loss() -> None:
    found = {name: [int(label) for label in labels] for name, labels in LIP_REGIONS.items()}
    assert found == {
        "head": [1, 2, 4, 13], "upper_body": [5, 7, 11], "lower_body": [9, 12], "left_arm": [14],
        "right_arm": [15], "left_leg": [16], "right_leg": [17], "left_shoe": [18], "right_shoe": [19],
    }  # fmt: skip
    assert list(POSEPART.regions.values()) == [(1,), (2,), (3,), (4,), (5,), (6,)]


def test_joints_that_are_scored() -> None:
    assert {name: tuple(map(int, pair)) for name, pair in LIP_JOINT_GROUPS.items()} == {
        "head": (8, 9), "shoulder": (13, 12), "elbow": (14, 11), "wrist": (15, 10), "hip": (3, 2),
        "knee": (4, 1), "ankle": (5, 0),
    }  # fmt: skip
    assert list(LIP_TOTAL_JOINTS) == [0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15]


def test_visibility_is_reversed() -> None:
    lip = np.array([0.0, 1.0, np.nan])
    assert coco_visibility(lip).tolist() == [2, 1, 0]
    np.testing.assert_array_equal(lip_visibility(coco_visibility(lip)), lip)


def test_parts_by_hand() -> None:
    head, torso, lower_arm, lower_leg, none = (
        Part.HEAD, Part.TORSO, Part.LOWER_ARM, Part.LOWER_LEG, IGNORE,
    )  # fmt: skip
    expected = [
        0, head, head, lower_arm, head, torso, none, torso, lower_leg, none,
        none, torso, none, head, none, none, none, none, lower_leg, lower_leg,
    ]  # fmt: skip
    assert parts_from_lip(np.arange(20, dtype=np.uint8)).tolist() == expected
    assert parts_from_lip(np.array([IGNORE], np.uint8)).tolist() == [IGNORE]
    assert LIP_TO_PART.dtype == np.uint8
    assert parts_from_lip(np.zeros((0, 3), np.uint8)).shape == (0, 3)


def test_a_part_does_not_tell_its_label() -> None:
    assert lip_from_parts(np.arange(7, dtype=np.uint8)).tolist() == [0] + [IGNORE] * 6


def test_ids_of_another_schema_are_refused() -> None:
    with pytest.raises(ValueError, match=r"LIP label map: expected ids 0\.\.19 or 255, got 20"):
        parts_from_lip(np.array([20], np.uint8))
    with pytest.raises(ValueError, match=r"part map: expected ids 0\.\.6 or 255, got 13"):
        lip_from_parts(np.array([LipLabel.FACE], np.uint8))


def person() -> np.ndarray:
    """(16, 3): joint j at (10 j, 5 j), all visible but an occluded left knee."""
    joints = np.array([[10.0 * j, 5.0 * j, 2.0] for j in range(16)])
    joints[LipJoint.LEFT_KNEE, 2] = 1
    return joints


def test_joints_by_hand() -> None:
    ours = joints_from_lip(person())
    assert ours.shape == (14, 3)
    assert ours[Joint.LEFT_WRIST].tolist() == [150, 75, 2]
    assert ours[Joint.LEFT_KNEE].tolist() == [40, 20, 1]
    assert ours[Joint.NECK].tolist() == [80, 40, 2]
    assert ours[Joint.FOREHEAD].tolist() == [88, 44, 2]  # 0.8 of the way from (80, 40) to (90, 45)


def test_joints_and_back() -> None:
    lip = person()
    back = lip_from_joints(joints_from_lip(lip))
    missing = [LipJoint.PELVIS, LipJoint.SPINE]
    assert not back[missing].any(), "our joints have no pelvis and no spine"
    kept = list(LIP_TOTAL_JOINTS)
    np.testing.assert_allclose(back[kept], lip[kept], atol=1e-4)


@pytest.mark.parametrize("absent", [LipJoint.NECK, LipJoint.HEAD_TOP])
def test_a_forehead_needs_neck_and_head_top(absent: LipJoint) -> None:
    lip = person()
    lip[absent] = np.nan, np.nan, 0
    ours = joints_from_lip(lip)
    assert not ours[Joint.FOREHEAD].any()
    assert np.isfinite(ours).all()
    ours = joints_from_lip(person())
    ours[Joint.FOREHEAD, 2] = 0
    assert not lip_from_joints(ours)[LipJoint.HEAD_TOP].any()


def test_several_people_at_once() -> None:
    assert joints_from_lip(np.zeros((0, 16, 3))).shape == (0, 14, 3)
    assert lip_from_joints(joints_from_lip(np.stack([person(), person()]))).shape == (2, 16, 3)
