"""Explanations add up, and their prices are those of the optimiser."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from helpers.candidates import evidence_of
from helpers.scenes import STANDING
from helpers.stand_ins import FIGURES, boxes_of, draw, pipeline_of

from posepart.config import (
    ChoiceConfig,
    CrfConfig,
    FeatureConfig,
    LabelConfig,
    PipelineConfig,
    PotentialConfig,
    SolverConfig,
)
from posepart.explanation.explain import crf_of, explain, explain_pose, pair_contributions, person_of
from posepart.explanation.records import FAMILIES, PoseExplanation
from posepart.ilp import Problem
from posepart.ilp.reference.brute_force import solve_brute_force
from posepart.jppnet.networks import PeakAssembler
from posepart.schema import NUM_JOINTS, NUM_PARTS, Joint, Part
from posepart.stages.crf import CrfAssembler, SolvedCrf, build_problem, pairwise, tempered, unary
from posepart.stages.features import (
    FEATURE_NAMES,
    OFFSET_FEATURES,
    PartGeometry,
    pairwise_features,
    part_geometry,
)
from posepart.stages.pairwise import PAIR_CLASS, PAIR_CLASS_NAMES, LogisticWeights, PairwiseModel, term_names
from posepart.structures import Candidates, PartMaps, Pose

SEGMENTS, PLAIN = FeatureConfig(), FeatureConfig(segment_term=False)
POTENTIALS = PotentialConfig(pairwise_scale=0.15, pairwise_prior=0.5)
CONFIG = CrfConfig(POTENTIALS, solver=SolverConfig(time_limit=20.0))


def weights_of(columns: tuple[str, ...], scale: float = 1.0) -> LogisticWeights:
    """Joints belong together when their offsets agree; all other terms count a little, at random."""
    rng = np.random.default_rng(len(columns))
    count = len(columns)
    weights = scale * rng.normal(0, 0.2, (len(PAIR_CLASS_NAMES), len(term_names(columns))))
    weights[:, :2] -= 0.8 * scale
    return LogisticWeights(
        columns,
        np.where(np.arange(count) < len(OFFSET_FEATURES), 5.0, 0.4),
        rng.uniform(0.5, 8, count),
        np.array([8.0, 8.0, 0.5, 0.5]),
        weights,
        scale * rng.normal(1, 0.3, len(PAIR_CLASS_NAMES)),
    )


MODEL = PairwiseModel(weights_of(FEATURE_NAMES), weights_of(OFFSET_FEATURES))
CERTAIN = PairwiseModel(weights_of(FEATURE_NAMES, 9.0), weights_of(OFFSET_FEATURES, 9.0))


def crowd(joints: list[Joint], people: int = 2, rivals: tuple[Joint, ...] = (), seed: int = 0) -> Candidates:
    """Noisy joints of standing people, 70 px apart, and for each of `rivals` a second candidate 8 px aside."""
    rng = np.random.default_rng(seed)
    xy, label, whole = [], [], []
    for person in range(people):
        places = np.array([np.add(STANDING[joint], (70 * person + 20, 20)) for joint in Joint])
        for joint, shift in [(j, 0) for j in joints] + [(j, 8) for j in rivals]:
            xy.append(places[joint] + rng.normal(0, 2, 2) + [shift, 0])
            label.append(joint)
            whole.append(places)
    places, target = np.array(xy, np.float32).reshape(-1, 2), np.array(whole).reshape(-1, NUM_JOINTS, 2)
    exact = target[:, None] - target[:, :, None]
    offsets = (exact + rng.normal(0, 3, exact.shape)).astype(np.float32)
    scores = rng.uniform(0.05, 0.3, (len(label), NUM_JOINTS)).astype(np.float32)
    scores[np.arange(len(label)), label] = rng.uniform(0.5, 0.9, len(label))
    return Candidates(places, np.array(label, np.int64).reshape(-1), scores, offsets)


def some_parts() -> PartMaps:
    scores = np.random.default_rng(0).uniform(size=(NUM_PARTS, 16, 16)).astype(np.float32)
    return PartMaps(scores, 16.0)


def blank() -> PartGeometry:
    scores = np.zeros((NUM_PARTS, 16, 16), np.float32)
    scores[Part.BACKGROUND] = 1
    return part_geometry(PartMaps(scores, 16.0), SEGMENTS)


@dataclass(frozen=True)
class Case:
    """One crop and the explanation of its best pose."""

    crf: SolvedCrf
    explanation: PoseExplanation


def case_of(
    candidates: Candidates,
    features: FeatureConfig = SEGMENTS,
    config: CrfConfig = CONFIG,
    model: PairwiseModel = MODEL,
) -> Case:
    assembler = CrfAssembler(model, PipelineConfig(features=features, crf=config))
    crf = assembler(replace(evidence_of(candidates), parts=some_parts()))
    return Case(crf, explain_pose(crf, crf.poses[0]))


SETTINGS = [
    pytest.param((SEGMENTS, CONFIG, MODEL), id="segments"),
    pytest.param((PLAIN, CONFIG, MODEL), id="no segments"),
    pytest.param((SEGMENTS, replace(CONFIG, labels=LabelConfig(multi_label=True)), MODEL), id="variant B"),
    pytest.param(
        (SEGMENTS, replace(CONFIG, labels=LabelConfig(unique_joints=False)), MODEL), id="twins allowed"
    ),
    pytest.param((SEGMENTS, CONFIG, CERTAIN), id="clipped"),
]


@pytest.fixture(scope="module", params=SETTINGS)
def case(request: pytest.FixtureRequest) -> Case:
    rivals = (Joint.LEFT_WRIST, Joint.RIGHT_ANKLE, Joint.NECK)
    features, config, model = request.param
    return case_of(crowd(list(Joint), 2, rivals), features, config, model)


def test_a_pose_of_another_crop_is_refused() -> None:
    found = case_of(crowd(list(Joint)))
    own = found.crf.poses[0]
    nobody = Pose(np.zeros((NUM_JOINTS, 2), np.float32), np.zeros(NUM_JOINTS, np.float32), 0.0)
    for pose in (nobody, replace(own, xy=own.xy + 1)):
        with pytest.raises(ValueError, match="no joint of this solution"):
            person_of(pose, found.crf)


def test_two_joints_have_one_pair() -> None:
    found = case_of(crowd([Joint.NECK, Joint.LEFT_SHOULDER], people=1)).explanation
    assert [joint.joint for joint in found.joints] == [Joint.NECK, Joint.LEFT_SHOULDER]
    assert len(found.pairs) == 1
    assert found.pairs[0].terms == found.joints[0].pairwise == found.joints[1].pairwise
    assert all(joint.runner_up is None and joint.successor is None for joint in found.joints)


def test_the_terms_add_up_to_the_energy_of_the_person(case: Case) -> None:
    found = case.explanation
    unaries = sum(joint.unary for joint in found.joints)
    pairs = sum(pair.cost for pair in found.pairs)
    assert unaries + pairs == pytest.approx(found.energy, rel=1e-9)
    assert len(found.pairs) == len(found.joints) * (len(found.joints) - 1) // 2
    assert sum(joint.pairwise.cost for joint in found.joints) == pytest.approx(2 * pairs, rel=1e-9)
    person = person_of(case.crf.poses[0], case.crf)
    assert found.energy == pytest.approx(case.crf.problem.energy([case.crf.solution.nodes[person]]))
    everyone = sum(case.crf.problem.energy([nodes]) for nodes in case.crf.solution.nodes)
    assert found.crop_energy == case.crf.solution.energy == pytest.approx(everyone)


def test_every_cost_is_that_of_the_problem(case: Case) -> None:
    costs = {
        frozenset(case.crf.problem.candidate[[u, v]].tolist()): cost
        for u, v, cost in zip(
            case.crf.problem.pair_u, case.crf.problem.pair_v, case.crf.problem.pair_cost, strict=True
        )
        if case.crf.solution.labels[case.crf.problem.candidate[u]] == case.crf.problem.label[u]
        and case.crf.solution.labels[case.crf.problem.candidate[v]] == case.crf.problem.label[v]
    }
    for pair in case.explanation.pairs:
        assert pair.cost == pytest.approx(costs[frozenset(pair.candidates)], rel=1e-9)
        assert sum(pair.by_feature) == pytest.approx(pair.terms.offsets + pair.terms.segments)
        assert sum(pair.terms.families) == pytest.approx(pair.terms.offsets + pair.terms.segments)
    for joint in case.explanation.joints:
        score = case.crf.candidates.scores[joint.candidate, joint.joint]
        assert joint.unary == pytest.approx(float(unary(score, 1e-7)))
        assert joint.score == pytest.approx(float(score))


def test_prices_are_in_order(case: Case) -> None:
    for joint in case.explanation.joints:
        assert 0 <= joint.margin.low <= joint.margin.high + 1e-9
        assert joint.margin.high == pytest.approx(joint.margin.low, abs=1e-4)  # proven
        assert joint.margin.high <= joint.removal + 1e-6
        if joint.runner_up is not None:
            assert joint.margin.high <= joint.runner_up.price + 1e-6


def test_clipping_changes_the_sum_only_where_it_happens() -> None:
    for pair in case_of(crowd(list(Joint), 1)).explanation.pairs:
        assert pair.terms.clipped == pytest.approx(0, abs=1e-4)
    clipped = case_of(crowd(list(Joint), 1), model=CERTAIN).explanation.pairs
    limit = float(tempered(pairwise(np.array([1.0]), POTENTIALS.probability_clip), POTENTIALS)[0])
    assert min(pair.cost for pair in clipped) == pytest.approx(limit)
    assert max(pair.terms.clipped for pair in clipped) > 1


def test_contributions_by_hand() -> None:
    count = len(FEATURE_NAMES)
    weights = np.zeros((len(PAIR_CLASS_NAMES), len(term_names(FEATURE_NAMES))))
    distance, line = FEATURE_NAMES.index("distance_v_to_u"), FEATURE_NAMES.index("line_share_p3")
    weights[:, [distance, line, count]] = -3.0, 2.0, 4.0
    model = LogisticWeights(
        FEATURE_NAMES,
        np.full(count, 1.0),
        np.full(count, 2.0),
        np.array([10.0, 1, 1, 1]),
        weights,
        np.full(len(weights), 0.5),
    )
    features = np.zeros((1, count))
    features[0, [distance, line]] = 5.0, 0.6
    neck, hip = np.array([Joint.NECK]), np.array([Joint.LEFT_HIP])
    base, by_feature = pair_contributions(model, features, neck, hip)
    # at 0: -3 * (0 - 1) / 2 + 2 * (0 - 1) / 2 + 4 * exp(0) + 0.5 = 5
    assert base[0] == pytest.approx(-5)
    assert by_feature[0, distance] == pytest.approx(3 * 5 / 2 - 4 * (np.exp(-0.5) - 1))
    assert by_feature[0, line] == pytest.approx(-2 * 0.6 / 2)
    assert np.count_nonzero(by_feature) == 2


@pytest.mark.parametrize("extended", [True, False])
def test_contributions_add_up_in_either_order(extended: bool) -> None:
    candidates, weights = crowd(list(Joint), 1), MODEL.variant(True)
    if not extended:
        weights = replace(weights, decay=np.zeros(0), weights=weights.weights[:, : len(weights.columns)])
    geometry = part_geometry(some_parts(), SEGMENTS)
    u, v = np.triu_indices(NUM_JOINTS, 1)
    results = []
    for first, second in ((u, v), (v, u)):
        label = candidates.joint
        columns = pairwise_features(
            candidates, geometry, np.arange(NUM_JOINTS), label, first, second, SEGMENTS
        )
        base, by_feature = pair_contributions(weights, columns, label[first], label[second])
        probability = weights.probability(columns, label[first], label[second])
        np.testing.assert_allclose(base + by_feature.sum(1), pairwise(probability, 1e-12), rtol=1e-6)
        np.testing.assert_allclose(base, -(weights.bias + _at_zero(weights))[PAIR_CLASS[u, v]])
        results.append(by_feature)
    np.testing.assert_allclose(results[0], results[1], rtol=1e-4, atol=1e-6)


def _at_zero(weights: LogisticWeights) -> np.ndarray:
    return np.asarray(weights.weights @ weights.terms(np.zeros((1, len(weights.columns))))[0])


def test_segments_are_the_difference_to_a_crop_without_parts() -> None:
    candidates = crowd(list(Joint), 1)
    found = case_of(candidates)
    without = build_problem(candidates, blank(), MODEL, SEGMENTS, CONFIG)
    u, v = without.pair_u, without.pair_v
    costs = {frozenset((int(a), int(b))): cost for a, b, cost in zip(u, v, without.pair_cost, strict=True)}
    assert any(abs(pair.terms.segments) > 0.02 for pair in found.explanation.pairs)
    for pair in found.explanation.pairs:
        difference = pair.cost - costs[frozenset(pair.candidates)]
        assert pair.terms.segments == pytest.approx(difference, abs=1e-4)


def test_without_the_segment_term_no_segments_count() -> None:
    found = case_of(crowd(list(Joint), 1), PLAIN).explanation
    assert found.columns == OFFSET_FEATURES
    assert all(pair.terms.segments == 0 for pair in found.pairs)
    assert any(pair.terms.offsets != 0 for pair in found.pairs)


@pytest.mark.parametrize("seed", range(4))
def test_margins_are_those_of_brute_force(seed: int) -> None:
    joints = [Joint.NECK, Joint.LEFT_SHOULDER, Joint.LEFT_ELBOW, Joint.LEFT_WRIST]
    found = case_of(crowd(joints, 2, (Joint.LEFT_WRIST,), seed))
    optimum = solve_brute_force(found.crf.problem).energy
    for joint in found.explanation.joints:
        forbidden = found.crf.problem.candidate == joint.candidate
        left = replace(found.crf.problem, unary=np.where(forbidden, np.inf, found.crf.problem.unary))
        expected = _brute_force_energy(left) - optimum
        assert joint.margin.high == pytest.approx(expected, abs=1e-5)


def _brute_force_energy(problem: Problem) -> float:
    """The optimum over the nodes that are not forbidden."""
    keep = np.flatnonzero(np.isfinite(problem.unary))
    rank = np.full(problem.n_nodes, -1)
    rank[keep] = np.arange(len(keep))
    pairs = (rank[problem.pair_u] >= 0) & (rank[problem.pair_v] >= 0)
    return solve_brute_force(
        Problem(
            problem.unary[keep],
            problem.candidate[keep],
            problem.label[keep],
            rank[problem.pair_u[pairs]],
            rank[problem.pair_v[pairs]],
            problem.pair_cost[pairs],
            problem.unique_labels,
        )
    ).energy


def test_the_rival_beside_a_joint_is_its_successor_and_others_go_missing() -> None:
    rivals = (Joint.LEFT_WRIST,)
    candidates = crowd(list(Joint), 1, rivals)
    found = case_of(candidates)
    wrist = next(joint for joint in found.explanation.joints if joint.joint == Joint.LEFT_WRIST)
    pair = set(np.flatnonzero(candidates.joint == Joint.LEFT_WRIST).tolist())
    assert {wrist.candidate, wrist.successor} == pair
    assert wrist.runner_up is not None
    assert wrist.runner_up.candidate == wrist.successor
    assert wrist.margin.high == pytest.approx(wrist.runner_up.price)
    for joint in found.explanation.joints:
        if joint.joint not in rivals:
            assert joint.successor is None
            assert joint.margin.high == pytest.approx(joint.removal)
        assert joint.leaving == ()


def test_an_unproven_optimum_makes_margins_intervals() -> None:
    found = case_of(crowd(list(Joint), 1))
    loose = replace(found.crf.solution, bound=found.crf.solution.bound - 1.0)
    again = explain_pose(replace(found.crf, solution=loose), found.crf.poses[0])
    for joint, exact in zip(again.joints, found.explanation.joints, strict=True):
        assert joint.margin.low == pytest.approx(exact.margin.low)
        assert joint.margin.high == pytest.approx(exact.margin.high + 1.0)


def test_twins_of_a_joint_are_explained_but_not_shown() -> None:
    candidates = crowd(list(Joint), 1, (Joint.LEFT_WRIST,))
    close = candidates.xy.copy()
    close[-1] = close[Joint.LEFT_WRIST] + 3
    twins = replace(candidates, xy=close)
    found = case_of(twins, config=replace(CONFIG, labels=LabelConfig(unique_joints=False))).explanation
    wrists = [joint for joint in found.joints if joint.joint == Joint.LEFT_WRIST]
    assert len(found.joints) == NUM_JOINTS + 1
    assert sorted(joint.in_pose for joint in wrists) == [False, True]
    assert max(wrists, key=lambda joint: joint.score).in_pose
    twin = next(pair for pair in found.pairs if pair.joints[0] == pair.joints[1])
    assert twin.terms.base == twin.cost < 0
    assert not any(twin.by_feature)


def test_families_cover_every_feature() -> None:
    words = [set(name.split("_")) for name in FEATURE_NAMES]
    assert all(sum(family in word for family in FAMILIES) == 1 for word in words)


def test_the_people_of_a_photo_are_explained_by_index() -> None:
    pipeline = pipeline_of(boxes_of(FIGURES[:2]))
    trace = pipeline.trace(draw(FIGURES[:2]))
    for k, person in enumerate(trace.scene.people):
        crf = crf_of(trace, k)
        crop = trace.evidence[trace.sources[k].crop].crop
        found = explain(trace, k)
        assert found.crop_energy == crf.solution.energy == person.certificate.energy
        assert len(found.joints) == NUM_JOINTS
        for joint in found.joints:
            place = crop.affine.inverse(crf.candidates.xy[joint.candidate])
            np.testing.assert_allclose(place, person.pose.xy[joint.joint], atol=1e-3)
    for missing in (-1, 2):
        with pytest.raises(ValueError, match=f"person {missing}: the photo has 2 people"):
            explain(trace, missing)


def test_without_a_crf_there_is_nothing_to_explain() -> None:
    pipeline = pipeline_of(boxes_of(FIGURES[:1]))
    peaks = replace(pipeline, assembler=PeakAssembler(ChoiceConfig()))
    with pytest.raises(ValueError, match="stand-in has no CRF, so there is nothing to explain"):
        explain(peaks.trace(draw(FIGURES[:1])), 0)
