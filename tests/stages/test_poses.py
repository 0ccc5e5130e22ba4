import numpy as np
import pytest
from helpers.candidates import candidates_of, skeleton
from numpy.typing import NDArray

from posepart.config import PAPER, ChoiceConfig, LabelConfig
from posepart.geometry.frames import Affine
from posepart.geometry.pose_boxes import pose_extent
from posepart.ilp import Solution
from posepart.schema import NUM_JOINTS, Joint
from posepart.stages.poses import choose_poses, decode, pose_by_centre
from posepart.structures import Candidates, Certificate, Choice, Crop, Grouping, Pose

NO_CERTIFICATE = Certificate.none("made up")
WHOLE = np.array([0.0, 0.0, 255.0, 255.0])


def pose_of(xy: NDArray, joints: list[Joint], score: float = -1.0) -> Pose:
    present = np.zeros(NUM_JOINTS, np.float32)
    present[joints] = 0.9
    return Pose(np.where(present[:, None] > 0, xy, 0).astype(np.float32), present, score)


def pose_between(low: tuple[float, float], high: tuple[float, float]) -> Pose:
    xy, scores = np.zeros((len(Joint), 2), np.float32), np.zeros(len(Joint), np.float32)
    xy[Joint.NECK], xy[Joint.LEFT_HIP] = low, high
    scores[[Joint.NECK, Joint.LEFT_HIP]] = 0.8
    return Pose(xy, scores, -1.0)


def solution_of(labels: list[int], clusters: list[int]) -> Solution:
    return Solution(np.array(labels), np.array(clusters), (), 0.0, 0.0, 0.0, "optimal")


def test_variant_b_drops_the_second_naming_of_a_joint() -> None:
    candidates = candidates_of([skeleton(128, 70)])
    xy = candidates.xy.copy()
    xy[2:5] = [[100, 100], [102, 100], [110, 100]]
    candidates.scores[2:5, Joint.LEFT_WRIST] = [0.5, 0.6, 0.9]
    candidates.scores[3, Joint.RIGHT_WRIST] = 0.95
    moved = Candidates(xy, candidates.joint, candidates.scores, candidates.offsets)
    labels, clusters = [Joint.FOREHEAD, Joint.NECK] + [-1] * 12, [0, 0] + [-1] * 12
    # candidate 2 is a left wrist 2 px from the right wrist of the same pose; 4 a left wrist of someone else
    labels[2:5] = [Joint.LEFT_WRIST, Joint.RIGHT_WRIST, Joint.LEFT_WRIST]
    clusters[2:5] = [0, 0, 1]
    found = decode(
        moved, solution_of(labels, clusters), LabelConfig(multi_label=True), ChoiceConfig(min_joints=1)
    )
    assert [np.flatnonzero(pose.present).tolist() for pose in found] == [
        [Joint.FOREHEAD, Joint.NECK, Joint.RIGHT_WRIST],
        [Joint.LEFT_WRIST],
    ]


def test_poses_come_best_score_first() -> None:
    candidates = candidates_of([skeleton(60, 70), skeleton(150, 70)])
    labels = list(range(NUM_JOINTS)) * 2
    labels[5] = -1
    clusters = [0] * NUM_JOINTS + [1] * NUM_JOINTS
    found = decode(candidates, solution_of(labels, clusters), LabelConfig(), ChoiceConfig())
    assert [np.count_nonzero(pose.present) for pose in found] == [14, 13]


def test_left_over_joints_at_the_centre_do_not_win_the_box() -> None:
    centre, aside = skeleton(127.5, 80), skeleton(150, 80)
    large = pose_of(aside, list(Joint)[:8])
    few = pose_of(centre, [Joint.LEFT_HIP, Joint.RIGHT_HIP, Joint.NECK])
    half = pose_of(centre, list(Joint)[8:12])
    assert pose_by_centre(Grouping((large, few), NO_CERTIFICATE), WHOLE, 0.5) is large
    assert pose_by_centre(Grouping((large, half), NO_CERTIFICATE), WHOLE, 0.5) is half
    assert pose_by_centre(Grouping((large, few), NO_CERTIFICATE), WHOLE, PAPER.choice.centre_share) is few


def test_of_equally_near_poses_the_better_scored_wins() -> None:
    low, high = pose_of(skeleton(120, 80), list(Joint), -5.0), pose_of(skeleton(120, 80), list(Joint), -4.0)
    assert pose_by_centre(Grouping((low, high), NO_CERTIFICATE), WHOLE, 0.5) is high


def own_pose(found: Grouping, box: NDArray, rule: str = "overlap") -> Pose | None:
    crop = Crop(np.zeros((256, 256, 3), np.uint8), Affine.identity(), box.astype(np.float32))
    return choose_poses(found, crop, ChoiceConfig(rule=rule)).own


def test_the_overlap_with_the_box_decides_which_pose_a_box_keeps() -> None:
    wide, leftover = pose_between((40, 60), (200, 220)), pose_between((118, 118), (138, 138))
    box = np.array([30.0, 50.0, 210.0, 230.0])
    found = Grouping((leftover, wide), NO_CERTIFICATE)
    assert own_pose(found, box) is wide
    assert own_pose(found, np.array([115.0, 115.0, 141.0, 141.0])) is leftover
    assert own_pose(Grouping((), NO_CERTIFICATE), box) is None
    assert own_pose(found, box, rule="all") is None
    with pytest.raises(ValueError, match="choose one of overlap, centre, all"):
        ChoiceConfig(rule="nearest")


def test_the_centre_of_the_box_decides_in_the_paper() -> None:
    left, right = pose_between((40, 60), (80, 120)), pose_between((140, 60), (180, 120))
    found = Grouping((left, right), NO_CERTIFICATE)
    assert own_pose(found, np.array([20.0, 40.0, 100.0, 140.0]), rule="centre") is left
    assert own_pose(found, np.array([120.0, 40.0, 200.0, 140.0]), rule="centre") is right
    assert own_pose(Grouping((), NO_CERTIFICATE), WHOLE, rule="centre") is None


def test_other_poses_of_a_box_are_people_if_they_have_enough_joints() -> None:
    own = pose_of(skeleton(120, 80), list(Joint))
    many, few = pose_of(skeleton(170, 80), list(Joint)[:8]), pose_of(skeleton(60, 80), list(Joint)[:7])
    found = Grouping((many, own, few), NO_CERTIFICATE)
    extent = pose_extent(own.xy, 0.08).astype(np.float32)
    crop = Crop(np.zeros((256, 256, 3), np.uint8), Affine.identity(), extent)
    assert choose_poses(found, crop, ChoiceConfig(extra_joints=8)) == Choice(own, (many,))
    assert choose_poses(found, crop, ChoiceConfig(extra_joints=15)) == Choice(own, ())
    everybody = choose_poses(found, crop, ChoiceConfig(rule="all"))
    assert everybody == Choice(None, found.poses)
    assert everybody.drawn == found.poses
    assert Choice(own, (many,)).drawn == (own,)
