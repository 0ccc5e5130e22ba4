from dataclasses import replace

import numpy as np
import pytest
from helpers.candidates import CONFIG, FEATURES, candidates_of, distance_model, skeleton

from posepart.config import CrfConfig, FeatureConfig
from posepart.ilp import Solution
from posepart.schema import NUM_JOINTS, Joint
from posepart.stages.crf import (
    assemble,
    build_problem,
    further_poses,
    grouping,
    nodes,
    overlapping_pose,
    pairwise,
    pose_extent,
    pose_fit,
    pose_of_box,
    select_pose,
    tempered,
    unary,
)
from posepart.structures import Candidates, Certificate, Grouping, Pose

CROP = 256


def pose_of(xy: np.ndarray, joints: list[Joint], score: float = -1.0) -> Pose:
    present = np.zeros(NUM_JOINTS, np.float32)
    present[joints] = 0.9
    return Pose(np.where(present[:, None] > 0, xy, 0).astype(np.float32), present, score)


def test_no_candidates_give_no_pose() -> None:
    found = assemble(Candidates.empty(), None, distance_model(), FEATURES, CONFIG)
    assert found.poses == ()
    assert found.certificate.energy == 0
    assert found.certificate.status == "optimal"
    assert select_pose(found, CROP) is None


def test_unary_and_pairwise_are_negative_log_odds() -> None:
    np.testing.assert_allclose(unary(np.array([0.5, 0.8, 0.2]), 1e-7), [0, -np.log(4), np.log(4)])
    np.testing.assert_allclose(pairwise(np.array([0.0, 1.0]), 1e-7), [np.log(1e7 - 1), -np.log(1e7 - 1)])


def test_one_person_is_found_whole_with_the_energy_of_equation_1() -> None:
    person = skeleton(128, 70)
    printed = replace(CONFIG, pairwise_scale=1.0, pairwise_prior=0.0)
    found = assemble(candidates_of([person]), None, distance_model(), FEATURES, printed)
    assert len(found.poses) == 1
    np.testing.assert_allclose(found.poses[0].xy, person)
    # 14 unaries log(0.2 / 0.8) and 91 pairs of probability 1 / (1 + exp(-3))
    assert found.certificate.energy == pytest.approx(14 * -np.log(4) + 91 * -3, rel=1e-6)
    assert found.certificate.gap == 0
    assert found.poses[0].log_score == pytest.approx(14 * np.log(0.8), rel=1e-6)


def test_pairwise_potentials_are_tempered() -> None:
    config = replace(CONFIG, pairwise_scale=0.5, pairwise_prior=0.25)
    np.testing.assert_allclose(tempered(np.array([-3.0, 2.0]), config), [-1.75, 0.75])
    found = assemble(candidates_of([skeleton(128, 70)]), None, distance_model(), FEATURES, config)
    assert found.certificate.energy == pytest.approx(14 * -np.log(4) + 91 * -1.75, rel=1e-6)


def test_two_people_are_told_apart_and_the_one_at_the_centre_is_chosen() -> None:
    people = [skeleton(60, 70), skeleton(135, 75)]
    found = assemble(candidates_of(people), None, distance_model(), FEATURES, CONFIG)
    assert len(found.poses) == 2
    chosen = select_pose(found, CROP)
    assert chosen is not None
    np.testing.assert_allclose(chosen.xy, people[1])


def test_missing_joints_count_as_one_tenth() -> None:
    whole = candidates_of([skeleton(128, 70)], score=0.9)
    kept = whole.joint < Joint.LEFT_KNEE
    part = Candidates(whole.xy[kept], whole.joint[kept], whole.scores[kept], whole.offsets[kept])
    pose = assemble(part, None, distance_model(), FEATURES, CONFIG).poses[0]
    assert pose.log_score == pytest.approx(10 * np.log(0.9) + 4 * np.log(0.1), rel=1e-6)
    assert not pose.present[Joint.LEFT_KNEE]
    assert pose.xy[Joint.LEFT_KNEE].tolist() == [0, 0]


def test_a_single_joint_is_no_pose() -> None:
    whole = candidates_of([skeleton(128, 70)])
    single = Candidates(whole.xy[:1], whole.joint[:1], whole.scores[:1], whole.offsets[:1])
    assert assemble(single, None, distance_model(), FEATURES, CONFIG).poses == ()


def test_problem_has_all_pairs_of_different_types() -> None:
    problem = build_problem(
        candidates_of([skeleton(60, 70), skeleton(150, 70)]), None, distance_model(), FEATURES, CONFIG
    )
    assert problem.n_nodes == 28
    assert len(problem.pair_cost) == 28 * 27 // 2 - 14
    assert problem.unique_labels
    assert problem.n_candidates == 28


def test_without_unique_joints_close_joints_of_one_type_merge_and_the_best_is_kept() -> None:
    person = skeleton(128, 70)
    candidates = candidates_of([person, person + np.float32([4, 0])])
    candidates.scores[Joint.LEFT_WRIST, Joint.LEFT_WRIST] = 0.95
    config = replace(CONFIG, unique_joints=False)
    problem = build_problem(candidates, None, distance_model(), FEATURES, config)
    assert not problem.unique_labels
    assert len(problem.pair_cost) == 28 * 27 // 2
    same = problem.label[problem.pair_u] == problem.label[problem.pair_v]
    np.testing.assert_allclose(problem.pair_cost[same], 0.2 * 4 - 7.5, rtol=1e-5)
    found = assemble(candidates, None, distance_model(), FEATURES, config)
    assert len(found.poses) == 1
    np.testing.assert_allclose(found.poses[0].xy[Joint.LEFT_WRIST], person[Joint.LEFT_WRIST])


def test_variant_b_gives_a_candidate_the_type_that_fits() -> None:
    person = skeleton(128, 70)
    candidates = candidates_of([person])
    # the left wrist was proposed by the map of the left ankle, which has its own better candidate
    wrong = candidates.joint.copy()
    wrong[Joint.LEFT_WRIST] = Joint.LEFT_ANKLE
    candidates.scores[Joint.LEFT_WRIST, Joint.LEFT_ANKLE] = 0.6
    candidates.scores[Joint.LEFT_WRIST, Joint.LEFT_WRIST] = 0.5
    candidates = Candidates(candidates.xy, wrong, candidates.scores, candidates.offsets)
    plain = assemble(candidates, None, distance_model(), FEATURES, CONFIG)
    assert not plain.poses[0].present[Joint.LEFT_WRIST]
    found = assemble(candidates, None, distance_model(), FEATURES, replace(CONFIG, multi_label=True))
    np.testing.assert_allclose(found.poses[0].xy, person)


def test_variant_b_has_a_node_for_every_type_above_the_threshold() -> None:
    candidates = candidates_of([skeleton(128, 70)])
    candidates.scores[Joint.NECK, Joint.FOREHEAD] = 0.2
    candidates.scores[Joint.NECK, Joint.LEFT_HIP] = 0.19
    candidate, label = nodes(candidates, replace(CONFIG, multi_label=True))
    assert label[candidate == Joint.NECK].tolist() == [Joint.FOREHEAD, Joint.NECK]
    assert len(nodes(candidates, CONFIG)[0]) == NUM_JOINTS


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
    found = grouping(moved, solution_of(labels, clusters), replace(CONFIG, multi_label=True, min_joints=1))
    assert [np.flatnonzero(pose.present).tolist() for pose in found.poses] == [
        [Joint.FOREHEAD, Joint.NECK, Joint.RIGHT_WRIST],
        [Joint.LEFT_WRIST],
    ]


def test_poses_come_best_score_first() -> None:
    candidates = candidates_of([skeleton(60, 70), skeleton(150, 70)])
    labels = list(range(NUM_JOINTS)) * 2
    labels[5] = -1
    clusters = [0] * NUM_JOINTS + [1] * NUM_JOINTS
    found = grouping(candidates, solution_of(labels, clusters), CONFIG)
    assert [np.count_nonzero(pose.present) for pose in found.poses] == [14, 13]


def test_left_over_joints_at_the_centre_do_not_win_the_box() -> None:
    centre, aside = skeleton(127.5, 80), skeleton(150, 80)
    large = pose_of(aside, list(Joint)[:8])
    few = pose_of(centre, [Joint.LEFT_HIP, Joint.RIGHT_HIP, Joint.NECK])
    half = pose_of(centre, list(Joint)[8:12])
    assert select_pose(Grouping((large, few), Certificate()), CROP) is large
    assert select_pose(Grouping((large, half), Certificate()), CROP) is half


def test_of_equally_near_poses_the_better_scored_wins() -> None:
    low, high = pose_of(skeleton(120, 80), list(Joint), -5.0), pose_of(skeleton(120, 80), list(Joint), -4.0)
    assert select_pose(Grouping((low, high), Certificate()), CROP) is high


def test_a_model_without_the_segment_variant_refuses_the_segment_term() -> None:
    with pytest.raises(ValueError, match="--no-segment-term"):
        assemble(Candidates.empty(), None, distance_model(), FeatureConfig(), CONFIG)


def test_the_overlap_with_the_box_decides_which_pose_a_box_keeps() -> None:
    config = CrfConfig()
    wide, leftover = pose_between((40, 60), (200, 220)), pose_between((118, 118), (138, 138))
    box = np.array([30.0, 50.0, 210.0, 230.0])
    found = Grouping((leftover, wide), Certificate())
    assert pose_of_box(found, box, CROP, config) is wide
    assert pose_of_box(found, np.array([115.0, 115.0, 141.0, 141.0]), CROP, config) is leftover
    assert pose_of_box(Grouping((), Certificate()), box, CROP, config) is None
    with pytest.raises(ValueError, match="overlap or centre"):
        pose_of_box(found, box, CROP, replace(config, pose_choice="nearest"))


def test_other_poses_of_a_box_are_people_if_they_have_enough_joints() -> None:
    own = pose_of(skeleton(120, 80), list(Joint))
    many, few = pose_of(skeleton(170, 80), list(Joint)[:8]), pose_of(skeleton(60, 80), list(Joint)[:7])
    found = Grouping((many, own, few), Certificate())
    assert further_poses(found, own, CrfConfig(further_joints=8)) == (many,)
    assert further_poses(found, own, CrfConfig(further_joints=15)) == ()


def test_extent_of_a_pose_by_hand() -> None:
    np.testing.assert_allclose(pose_extent(np.array([[20.0, 30.0], [40.0, 80.0]]), 0.1), [15, 25, 45, 85])


def test_overlap_is_intersection_over_union_of_the_grown_extent() -> None:
    pose = pose_between((100, 100), (150, 200))  # grown by 8 of 100 px: 66 x 116
    found = Grouping((pose,), Certificate())
    assert overlapping_pose(found, np.array([0.0, 0.0, 1.0, 1.0]), 0.08) is pose
    expected = 66 * 116 / (2 * 66 * 116)
    assert pose_fit(pose, np.array([92.0, 92.0, 158.0, 324.0]), 0.08) == pytest.approx(expected)


def pose_between(low: tuple[float, float], high: tuple[float, float]) -> Pose:
    xy, scores = np.zeros((len(Joint), 2), np.float32), np.zeros(len(Joint), np.float32)
    xy[Joint.NECK], xy[Joint.LEFT_HIP] = low, high
    scores[[Joint.NECK, Joint.LEFT_HIP]] = 0.8
    return Pose(xy, scores, -1.0)
