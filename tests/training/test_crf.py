import json

import numpy as np
import pytest
from helpers.candidates import evidence_of

from posepart.config import FeatureConfig, LabelConfig
from posepart.schema import NUM_JOINTS, Joint
from posepart.stages.features import FEATURE_NAMES, OFFSET_FEATURES
from posepart.stages.pairwise import (
    PAIR_CLASS,
    PAIR_CLASS_NAMES,
    LogisticWeights,
    PairwiseModel,
    swap_ends,
    term_names,
)
from posepart.structures import Candidates
from posepart.training.crf import compare_variants, evaluate, fit, fit_weights
from posepart.training.evidence_batches import LabelledEvidence
from posepart.training.pairs import (
    LabelledPairs,
    PairFitConfig,
    collect_pairs,
    join,
    node_owners,
    person_scale,
)

CONFIG = PairFitConfig()
OFFSETS_ONLY = FeatureConfig(segment_term=False)


def person(neck: tuple[float, float], **places: tuple[float, float]) -> np.ndarray:
    """(14, 3): a torso of 50 px and the joints named; the rest unlabelled."""
    joints = np.zeros((NUM_JOINTS, 3))
    joints[Joint.NECK] = [*neck, 2]
    joints[Joint.LEFT_HIP] = [neck[0] + 5, neck[1] + 50, 2]
    joints[Joint.RIGHT_HIP] = [neck[0] - 5, neck[1] + 50, 2]
    for name, place in places.items():
        joints[Joint[name]] = [*place, 2]
    return joints


def candidates_of(places: list[tuple[Joint, float, float]]) -> Candidates:
    n = len(places)
    return Candidates(
        np.array([place[1:] for place in places], np.float32).reshape(n, 2),
        np.array([place[0] for place in places], np.int64),
        np.full((n, NUM_JOINTS), 0.1, np.float32),
        np.zeros((n, NUM_JOINTS, NUM_JOINTS, 2), np.float32),
    )


def collect(candidates: Candidates, joints: np.ndarray, ignore: np.ndarray | None = None) -> LabelledPairs:
    ignore = np.zeros((64, 64), bool) if ignore is None else ignore
    labels = np.zeros((64, 64), np.uint8)
    crop = LabelledEvidence(evidence_of(candidates), joints, ignore, 4.0, labels)
    return collect_pairs(crop, OFFSETS_ONLY, LabelConfig(), CONFIG)


def test_no_candidates_give_no_pairs() -> None:
    pairs = collect(Candidates.empty(), np.zeros((0, NUM_JOINTS, 3)))
    assert len(pairs) == 0
    assert pairs.features.shape == (0, 4)
    assert len(join([pairs, pairs])) == 0


def test_person_scale_is_the_torso_or_a_third_of_the_extent() -> None:
    assert person_scale(person((10, 20))) == pytest.approx(50)
    arm = np.zeros((NUM_JOINTS, 3))
    assert person_scale(arm) == 0
    arm[Joint.LEFT_ELBOW], arm[Joint.LEFT_WRIST] = [0, 0, 1], [10, 60, 2]
    assert person_scale(arm) == pytest.approx(20)


def test_nodes_belong_to_the_nearest_person_within_a_fifth_of_the_torso() -> None:
    joints = np.stack([person((100, 50)), person((115, 50))])
    xy = np.array([[90.5, 50], [106, 50], [109, 50], [125.5, 50], [89, 50], [100, 50]])
    label = np.full(6, Joint.NECK)
    label[5] = Joint.LEFT_HIP
    assert node_owners(xy, label, joints, CONFIG).tolist() == [0, 0, 1, -1, -1, -1]


def test_false_candidates_near_a_person_without_that_label_are_unclear() -> None:
    xy = np.array([[100.0, 60], [100, 220], [100, 60]])
    label = np.array([Joint.LEFT_WRIST, Joint.LEFT_WRIST, Joint.LEFT_HIP])
    # the wrist is unlabelled: near the person unclear, far away nobody's; the hip is labelled elsewhere
    assert node_owners(xy, label, person((100, 50))[None], CONFIG).tolist() == [-2, -1, -1]


def test_pairs_of_one_person_are_positive_all_others_negative() -> None:
    joints = np.stack([person((50, 50)), person((150, 50))])
    candidates = candidates_of(
        [
            (Joint.NECK, 50, 50),
            (Joint.NECK, 150, 50),
            (Joint.LEFT_HIP, 55, 102),
            (Joint.LEFT_HIP, 230, 230),  # nobody's
            (Joint.LEFT_WRIST, 50, 80),  # unclear
        ]
    )
    pairs = collect(candidates, joints)
    assert (pairs.label_u == Joint.NECK).all() and (pairs.label_v == Joint.LEFT_HIP).all()
    assert pairs.positive.tolist() == [True, False, False, False]


def test_two_false_candidates_are_no_positive_pair_and_ignored_regions_are_left_out() -> None:
    candidates = candidates_of([(Joint.NECK, 200, 50), (Joint.LEFT_HIP, 230, 230), (Joint.LEFT_HIP, 20, 20)])
    nobody = np.zeros((0, NUM_JOINTS, 3))
    assert collect(candidates, nobody).positive.tolist() == [False, False]
    ignore = np.zeros((64, 64), bool)
    ignore[57, 57] = True  # crop pixels 228..231
    assert len(collect(candidates, nobody, ignore)) == 1


def planted(seed: int, count: int) -> tuple[LogisticWeights, LabelledPairs]:
    """Random geometry and outcomes drawn from known weights over all 14 columns, three classes."""
    rng = np.random.default_rng(seed)
    classes = (
        (Joint.NECK, Joint.LEFT_HIP),
        (Joint.LEFT_ELBOW, Joint.LEFT_WRIST),
        (Joint.LEFT_HIP, Joint.RIGHT_HIP),
    )
    offsets = [rng.exponential(20, (count, 2)), rng.uniform(0, np.pi, (count, 2))]
    segments = [rng.integers(0, 2, (count, 8)), rng.random((count, 2))]
    features = np.concatenate([*offsets, *segments], axis=1).astype(np.float32)
    label_u, label_v = np.array(classes)[rng.integers(0, len(classes), count)].T
    weights = np.zeros((len(PAIR_CLASS_NAMES), len(term_names(FEATURE_NAMES))))
    for k, (a, b) in enumerate(classes):
        weights[PAIR_CLASS[a, b], :14] = [
            -0.06,
            -0.06,
            -0.5,
            -0.5,
            0.5,
            0.3 * k,
            0,
            0,
            0.5,
            0.3 * k,
            0,
            0,
            2,
            1,
        ]
    one = np.ones(14)
    truth = LogisticWeights(FEATURE_NAMES, 0 * one, one, one[:4], weights, np.zeros(len(PAIR_CLASS_NAMES)))
    positive = rng.random(count) < truth.probability(features, label_u, label_v)
    return truth, LabelledPairs(features, label_u, label_v, positive)


def test_fit_recovers_planted_probabilities() -> None:
    truth, pairs = planted(0, 20_000)
    unseen = planted(1, 5_000)[1]
    model = fit(pairs, CONFIG)
    found = model.variant(True).probability(unseen.features, unseen.label_u, unseen.label_v)
    expected = truth.probability(unseen.features, unseen.label_u, unseen.label_v)
    assert np.abs(found - expected).mean() < 0.02
    report = evaluate(model.variant(True), unseen)["all"]
    assert report.calibration_error < 0.03
    without = evaluate(model.variant(False), unseen)["all"]
    assert report.auc > without.auc + 0.02
    assert report.log_loss < without.log_loss


def test_the_papers_regression_is_on_the_14_features_alone() -> None:
    """Sec. 3.1 and the supplement: 1 / (1 + exp(-w . f)), also after a round through the weight file's arrays."""
    pairs = planted(0, 5_000)[1]
    model = fit(pairs, CONFIG, extended=False)
    again = PairwiseModel.from_arrays(model.to_arrays())
    for columns, own in ((FEATURE_NAMES, again.with_segments), (OFFSET_FEATURES, again.without_segments)):
        assert own is not None and not own.extended
        assert own.term_names == own.columns == columns
        assert own.weights.shape == (len(PAIR_CLASS_NAMES), len(columns))
        f = pairs.features[:1, : len(columns)].astype(np.float64)
        k = PAIR_CLASS[pairs.label_u[:1], pairs.label_v[:1]][0]
        w = own.weights[k] / own.deviation
        expected = 1 / (1 + np.exp(-(f[0] @ w + own.bias[k] - own.mean @ w)))
        found = own.probability(f, pairs.label_u[:1], pairs.label_v[:1])
        assert found[0] == pytest.approx(expected)
    extended = fit(pairs, CONFIG).variant(True)
    assert extended.extended and extended.weights.shape == (len(PAIR_CLASS_NAMES), 18)


def test_fit_is_deterministic_and_symmetric_for_a_joint_and_its_mirror_image() -> None:
    pairs = planted(0, 3_000)[1]
    weights = fit_weights(pairs, True, CONFIG)
    np.testing.assert_array_equal(weights.weights, fit_weights(pairs, True, CONFIG).weights)
    features = planted(2, 100)[1].features
    left, right = np.full(100, Joint.LEFT_HIP), np.full(100, Joint.RIGHT_HIP)
    forward = weights.probability(features, left, right)
    np.testing.assert_allclose(forward, weights.probability(swap_ends(features), left, right), atol=1e-3)


def test_classes_without_data_take_the_weights_of_their_kind() -> None:
    weights = fit_weights(planted(0, 3_000)[1], True, CONFIG)
    knee = PAIR_CLASS[Joint.LEFT_KNEE, Joint.LEFT_ANKLE]
    shin = PAIR_CLASS[Joint.LEFT_HIP, Joint.LEFT_KNEE]
    np.testing.assert_array_equal(weights.weights[knee], weights.weights[shin])
    far = PAIR_CLASS[Joint.FOREHEAD, Joint.LEFT_ANKLE]
    assert np.any(weights.weights[knee] != weights.weights[far])


def test_pairs_without_segment_columns_give_the_plain_variant_only() -> None:
    full = planted(0, 2_000)[1]
    pairs = LabelledPairs(full.features[:, :4], full.label_u, full.label_v, full.positive)
    model = fit(pairs, CONFIG)
    assert model.variant(False).columns == OFFSET_FEATURES
    with pytest.raises(ValueError, match="segment_term"):
        fit_weights(pairs, True, CONFIG)


def test_report_is_plain_numbers_for_every_class_that_occurs() -> None:
    pairs = planted(0, 2_000)[1]
    report = compare_variants(fit(pairs, CONFIG), pairs)
    assert set(report) == {"with_segments", "without_segments"}
    assert len(report["with_segments"]) == 3 + 3
    assert report["with_segments"]["all"]["pairs"] == 2_000
    json.dumps(report)


def test_one_sided_pairs_are_refused() -> None:
    pairs = planted(0, 100)[1]
    negative = LabelledPairs(pairs.features, pairs.label_u, pairs.label_v, np.zeros(100, bool))
    with pytest.raises(ValueError, match="0 of 100 pairs are positive"):
        fit(negative, CONFIG)
