"""The schema against the paper's supplement, written out by hand."""

import numpy as np
import pytest

from posepart.schema import (
    BODY_BOXES,
    FLIP_JOINTS,
    JOINT_NAMES,
    JOINT_PARTS,
    LIMB_JOINTS,
    NEIGHBOURS,
    NUM_JOINTS,
    NUM_PARTS,
    OKS_SIGMAS,
    PAIR_PART,
    PART_NAMES,
    SKELETON,
    Joint,
    Part,
    voc_palette,
)

NAMES = [
    "forehead", "neck", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist",
    "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
]  # fmt: skip

TABLE_1 = {
    "forehead": ("head", "head"),
    "neck": ("head", "torso"),
    "left_shoulder": ("torso", "upper_arm"),
    "right_shoulder": ("torso", "upper_arm"),
    "left_elbow": ("upper_arm", "lower_arm"),
    "right_elbow": ("upper_arm", "lower_arm"),
    "left_wrist": ("lower_arm", "lower_arm"),
    "right_wrist": ("lower_arm", "lower_arm"),
    "left_hip": ("torso", "upper_leg"),
    "right_hip": ("torso", "upper_leg"),
    "left_knee": ("upper_leg", "lower_leg"),
    "right_knee": ("upper_leg", "lower_leg"),
    "left_ankle": ("lower_leg", "lower_leg"),
    "right_ankle": ("lower_leg", "lower_leg"),
}

TABLE_2 = {
    ("forehead", "neck", "head"),
    ("neck", "left_shoulder", "torso"),
    ("neck", "right_shoulder", "torso"),
    ("left_shoulder", "left_elbow", "upper_arm"),
    ("right_shoulder", "right_elbow", "upper_arm"),
    ("left_elbow", "left_wrist", "lower_arm"),
    ("right_elbow", "right_wrist", "lower_arm"),
    ("neck", "left_hip", "torso"),
    ("neck", "right_hip", "torso"),
    ("left_hip", "left_knee", "upper_leg"),
    ("right_hip", "right_knee", "upper_leg"),
    ("left_knee", "left_ankle", "lower_leg"),
    ("right_knee", "right_ankle", "lower_leg"),
}


def test_names_and_order() -> None:
    assert list(JOINT_NAMES) == NAMES
    assert list(PART_NAMES) == [
        "background", "head", "torso", "upper_arm", "lower_arm", "upper_leg", "lower_leg",
    ]  # fmt: skip
    assert [int(j) for j in Joint] == list(range(14))
    assert [int(p) for p in Part] == list(range(7))
    assert (NUM_JOINTS, NUM_PARTS) == (14, 7)


def test_flips_swap_left_and_right() -> None:
    assert FLIP_JOINTS == (0, 1, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12)


def test_limb_joints_are_all_but_forehead_and_neck() -> None:
    assert list(LIMB_JOINTS) == list(range(2, 14))


def test_neighbours_list_the_other_joints_in_order() -> None:
    assert NEIGHBOURS.shape == (14, 13)
    assert NEIGHBOURS[0].tolist() == list(range(1, 14))
    assert NEIGHBOURS[5].tolist() == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13]
    assert NEIGHBOURS[13].tolist() == list(range(13))


def test_table_1() -> None:
    found = {NAMES[j]: tuple(PART_NAMES[p] for p in parts) for j, parts in enumerate(JOINT_PARTS)}
    assert found == TABLE_1


def test_table_2() -> None:
    assert {(NAMES[a], NAMES[b], PART_NAMES[p]) for a, b, p in SKELETON} == TABLE_2
    assert len(SKELETON) == 13


def test_skeleton_is_a_tree() -> None:
    reached = {Joint.FOREHEAD}
    for _ in SKELETON:
        reached |= {end for a, b, _ in SKELETON for end in (a, b) if a in reached or b in reached}
    assert reached == set(Joint)  # connected, and 13 edges on 14 joints


def test_pair_part_knows_both_orders_and_nothing_else() -> None:
    assert PAIR_PART[Joint.LEFT_HIP, Joint.LEFT_KNEE] == Part.UPPER_LEG
    assert PAIR_PART[Joint.LEFT_KNEE, Joint.LEFT_HIP] == Part.UPPER_LEG
    assert PAIR_PART[Joint.LEFT_HIP, Joint.RIGHT_KNEE] == -1
    assert (PAIR_PART >= 0).sum() == 26
    np.testing.assert_array_equal(PAIR_PART, PAIR_PART.T)


@pytest.mark.parametrize(
    ("box", "joints"),
    [
        ("head", [0, 1]),
        ("upper_body", [0, 1, 2, 3, 4, 5, 6, 7]),
        ("lower_body", [8, 9, 10, 11, 12, 13]),
        ("whole_body", list(range(14))),
    ],
)
def test_body_boxes(box: str, joints: list[int]) -> None:
    assert list(BODY_BOXES[box]) == joints


def test_oks_sigmas_are_those_of_crowdpose() -> None:
    by_name = dict(zip(NAMES, OKS_SIGMAS.tolist(), strict=True))
    assert by_name["forehead"] == by_name["neck"] == by_name["left_shoulder"] == 0.079
    assert (by_name["right_elbow"], by_name["left_wrist"], by_name["right_hip"]) == (0.072, 0.062, 0.107)
    assert (by_name["left_knee"], by_name["right_ankle"]) == (0.087, 0.089)


def test_palette_is_that_of_pascal_voc() -> None:
    palette = voc_palette()
    assert palette.shape == (256, 3)
    assert palette[:9].tolist() == [
        [0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128], [128, 0, 128], [0, 128, 128],
        [128, 128, 128], [64, 0, 0],
    ]  # fmt: skip
    assert palette[255].tolist() == [224, 224, 192]
    assert len(np.unique(palette, axis=0)) == 256
