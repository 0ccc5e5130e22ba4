from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from helpers.scenes import person_of

from posepart.arrays import Float32
from posepart.config import PAPER, MergeConfig
from posepart.schema import Joint
from posepart.stages.pose_nms import pose_nms, rank_of
from posepart.structures import Person

CONFIG = MergeConfig()
AS_PRINTED = MergeConfig(keep_by="pose")


def legs(x: float, score: float) -> Person:
    """Hips and ankles at the corners of the box (x, 0, x + 50, 100)."""
    return person_of(
        {
            Joint.LEFT_HIP: (x, 0),
            Joint.RIGHT_HIP: (x + 50, 0),
            Joint.LEFT_ANKLE: (x, 100),
            Joint.RIGHT_ANKLE: (x + 50, 100),
        },
        score,
    )


def box(*xyxy: float) -> Float32:
    return np.array(xyxy, np.float32)


def nms(people: Sequence[Person], config: MergeConfig, extra: int = 0) -> list[int]:
    """The last `extra` people have no box of their own."""
    boxed = len(people) - extra
    ranks = [rank_of(person, i >= boxed, 0.0, config) for i, person in enumerate(people)]
    return pose_nms(people, ranks, config)


def test_nobody_stays_nobody() -> None:
    assert nms([], CONFIG) == []


# boxes 50 wide, shifted by d: IoU (50 - d) / (50 + d) of the lower and of the whole body
@pytest.mark.parametrize(("shift", "kept"), [(16.0, [1]), (22.0, [0, 1])])
def test_pose_nms_drops_the_lower_score_above_a_threshold(shift: float, kept: list[int]) -> None:
    people = [legs(0, -3.0), legs(shift, -2.0)]
    config = replace(AS_PRINTED, whole_body_iou=0.5)
    assert sorted(nms(people, config)) == kept


def test_whole_body_threshold_is_lower() -> None:
    people = [legs(0, -3.0), legs(20, -2.0)]  # IoU 30 / 70
    assert nms(people, AS_PRINTED) == [1]


def test_the_papers_boxes_are_as_tight_as_the_joints() -> None:
    """Two narrow people whose whole bodies have an IoU of 13 / 47 = 0.28 stay two; widened to 1 : 2 they are one."""

    def narrow(x: float, score: float) -> Person:
        return person_of(
            {Joint.NECK: (x, 0), Joint.LEFT_HIP: (x + 30, 50), Joint.LEFT_ANKLE: (x + 15, 100)}, score
        )

    people = [narrow(0, -3.0), narrow(17, -2.0)]
    assert sorted(nms(people, PAPER.merge)) == [0, 1]
    assert nms(people, AS_PRINTED) == [1]


def test_pose_nms_returns_score_order_and_compares_with_kept_people_only() -> None:
    # the middle one overlaps both others, which do not overlap each other
    people = [legs(0, -1.0), legs(15, -2.0), legs(30, -3.0), legs(300, -0.5)]
    assert nms(people, AS_PRINTED) == [3, 0, 2]


def test_people_without_a_box_give_way_whatever_their_scores() -> None:
    people = [legs(0, -3.0), legs(100, -4.0), legs(10, -1.0), legs(200, -2.0)]
    assert nms(people, AS_PRINTED, extra=2) == [0, 1, 3]
    assert nms(people, AS_PRINTED) == [2, 3, 1]
    assert nms(people, CONFIG, extra=2) == [0, 1, 3]


def test_the_pose_that_fills_the_better_box_stays() -> None:
    tight, wide = (
        replace(legs(0, -3.0), box=box(0, 0, 50, 100)),
        replace(legs(4, -1.0), box=box(0, 0, 150, 150)),
    )
    unsure = replace(tight, box_score=0.2)
    assert nms([wide, tight], CONFIG) == [1]
    assert nms([wide, tight], AS_PRINTED) == [0]
    assert nms([wide, unsure], CONFIG) == [0]


def test_rank_of_a_box_by_hand() -> None:
    person = replace(legs(0, -3.0), box=box(-10, -10, 60, 60), box_score=0.5)  # the pose ends at 110
    boxed, score = rank_of(person, False, 0.1, CONFIG)
    assert boxed
    assert score == pytest.approx(0.5 * 70 / 120)


def test_unknown_rank() -> None:
    with pytest.raises(ValueError, match=r"unknown merge\.keep_by 'area': choose one of box, pose"):
        MergeConfig(keep_by="area")


def test_body_boxes_that_a_pose_lacks_are_not_compared() -> None:
    head = person_of({Joint.FOREHEAD: (0, 0), Joint.NECK: (0, 20)}, -5.0)
    same_head = person_of({Joint.FOREHEAD: (1, 0), Joint.NECK: (1, 20), Joint.LEFT_ANKLE: (0, 150)}, -4.0)
    feet = person_of({Joint.LEFT_ANKLE: (0, 150), Joint.RIGHT_ANKLE: (40, 150)}, -6.0)
    assert nms([head, same_head, feet], AS_PRINTED) == [1, 2]
