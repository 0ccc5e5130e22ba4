from dataclasses import replace

import numpy as np
import pytest
from helpers.candidates import CONFIG, assemble, candidates_of, distance_model, skeleton

from posepart.config import CrfConfig, FeatureConfig, LabelConfig, PipelineConfig, PotentialConfig
from posepart.schema import NUM_JOINTS, Joint
from posepart.stages.crf import build_problem, nodes, pairwise, tempered, unary
from posepart.stages.poses import pose_by_centre
from posepart.structures import TIME_LIMIT, Candidates

MANY_LABELS = LabelConfig(multi_label=True)


def with_crf(labels: LabelConfig | None = None, potentials: PotentialConfig | None = None) -> PipelineConfig:
    crf = CrfConfig(potentials or PotentialConfig(), labels or LabelConfig(), CONFIG.crf.solver)
    return replace(CONFIG, crf=crf)


def test_no_candidates_give_no_pose() -> None:
    found = assemble(Candidates.empty())
    assert found.poses == ()
    assert found.certificate.energy == 0
    assert found.certificate.status == "optimal"


def test_unary_and_pairwise_are_negative_log_odds() -> None:
    np.testing.assert_allclose(unary(np.array([0.5, 0.8, 0.2]), 1e-7), [0, -np.log(4), np.log(4)])
    np.testing.assert_allclose(pairwise(np.array([0.0, 1.0]), 1e-7), [np.log(1e7 - 1), -np.log(1e7 - 1)])


def test_one_person_is_found_whole_with_the_energy_of_equation_1() -> None:
    person = skeleton(128, 70)
    printed = with_crf(potentials=PotentialConfig(pairwise_scale=1.0, pairwise_prior=0.0))
    found = assemble(candidates_of([person]), printed)
    assert len(found.poses) == 1
    np.testing.assert_allclose(found.poses[0].xy, person)
    # 14 unaries log(0.2 / 0.8) and 91 pairs of probability 1 / (1 + exp(-3))
    assert found.certificate.energy == pytest.approx(14 * -np.log(4) + 91 * -3, rel=1e-6)
    assert found.certificate.gap == 0
    assert found.poses[0].log_score == pytest.approx(14 * np.log(0.8), rel=1e-6)


def test_pairwise_potentials_are_tempered() -> None:
    potentials = PotentialConfig(pairwise_scale=0.5, pairwise_prior=0.25)
    np.testing.assert_allclose(tempered(np.array([-3.0, 2.0]), potentials), [-1.75, 0.75])
    found = assemble(candidates_of([skeleton(128, 70)]), with_crf(potentials=potentials))
    assert found.certificate.energy == pytest.approx(14 * -np.log(4) + 91 * -1.75, rel=1e-6)


def test_two_people_are_told_apart_and_the_one_at_the_centre_is_chosen() -> None:
    people = [skeleton(60, 70), skeleton(135, 75)]
    found = assemble(candidates_of(people))
    assert len(found.poses) == 2
    chosen = pose_by_centre(found, np.array([0.0, 0.0, 255.0, 255.0]), 0.0)
    assert chosen is not None
    np.testing.assert_allclose(chosen.xy, people[1])


def test_missing_joints_count_as_one_tenth() -> None:
    whole = candidates_of([skeleton(128, 70)], score=0.9)
    kept = whole.joint < Joint.LEFT_KNEE
    part = Candidates(whole.xy[kept], whole.joint[kept], whole.scores[kept], whole.offsets[kept])
    pose = assemble(part).poses[0]
    assert pose.log_score == pytest.approx(10 * np.log(0.9) + 4 * np.log(0.1), rel=1e-6)
    assert not pose.present[Joint.LEFT_KNEE]
    assert pose.xy[Joint.LEFT_KNEE].tolist() == [0, 0]


def test_a_single_joint_is_no_pose() -> None:
    whole = candidates_of([skeleton(128, 70)])
    single = Candidates(whole.xy[:1], whole.joint[:1], whole.scores[:1], whole.offsets[:1])
    assert assemble(single).poses == ()


def test_problem_has_all_pairs_of_different_types() -> None:
    problem = build_problem(
        candidates_of([skeleton(60, 70), skeleton(150, 70)]),
        None,
        distance_model(),
        CONFIG.features,
        CONFIG.crf,
    )
    assert problem.n_nodes == 28
    assert len(problem.pair_cost) == 28 * 27 // 2 - 14
    assert problem.unique_labels
    assert problem.n_candidates == 28


def test_without_unique_joints_close_joints_of_one_type_merge_and_the_best_is_kept() -> None:
    person = skeleton(128, 70)
    candidates = candidates_of([person, person + np.array([4, 0], np.float32)])
    candidates.scores[Joint.LEFT_WRIST, Joint.LEFT_WRIST] = 0.95
    config = with_crf(labels=LabelConfig(unique_joints=False))
    problem = build_problem(candidates, None, distance_model(), config.features, config.crf)
    assert not problem.unique_labels
    assert len(problem.pair_cost) == 28 * 27 // 2
    same = problem.label[problem.pair_u] == problem.label[problem.pair_v]
    np.testing.assert_allclose(problem.pair_cost[same], 0.2 * 4 - 7.5, rtol=1e-5)
    found = assemble(candidates, config)
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
    plain = assemble(candidates)
    assert not plain.poses[0].present[Joint.LEFT_WRIST]
    found = assemble(candidates, with_crf(labels=MANY_LABELS))
    np.testing.assert_allclose(found.poses[0].xy, person)


def test_variant_b_has_a_node_for_every_type_above_the_threshold() -> None:
    candidates = candidates_of([skeleton(128, 70)])
    candidates.scores[Joint.NECK, Joint.FOREHEAD] = 0.2
    candidates.scores[Joint.NECK, Joint.LEFT_HIP] = 0.19
    candidate, label = nodes(candidates, MANY_LABELS)
    assert label[candidate == Joint.NECK].tolist() == [Joint.FOREHEAD, Joint.NECK]
    assert len(nodes(candidates, CONFIG.crf.labels)[0]) == NUM_JOINTS


def test_a_search_that_the_clock_stops_says_so() -> None:
    people = [skeleton(100 + 9 * k, 60 + 5 * k, 80) for k in range(6)]
    candidates = candidates_of(people)
    assert assemble(candidates).certificate.status == "optimal"
    solver = replace(CONFIG.crf.solver, time_limit=1e-9)
    stopped = assemble(candidates, replace(CONFIG, crf=replace(CONFIG.crf, solver=solver)))
    assert stopped.certificate.status == TIME_LIMIT == "time_limit"
    assert stopped.certificate.bound < stopped.certificate.energy


def test_a_model_without_the_segment_variant_refuses_the_segment_term() -> None:
    with pytest.raises(ValueError, match="--no-segment-term"):
        assemble(Candidates.empty(), replace(CONFIG, features=FeatureConfig()))
