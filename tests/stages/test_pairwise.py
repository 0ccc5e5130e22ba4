import dataclasses

import numpy as np
import pytest

from posepart.schema import FLIP_JOINTS, Joint
from posepart.stages.features import FEATURE_NAMES, OFFSET_FEATURES
from posepart.stages.pairwise import (
    PAIR_CLASS,
    PAIR_CLASS_NAMES,
    SYMMETRIC,
    LogisticWeights,
    PairwiseModel,
    swap_ends,
    term_names,
)


def random_weights(columns: tuple[str, ...], seed: int = 0) -> LogisticWeights:
    rng = np.random.default_rng(seed)
    return LogisticWeights(
        columns,
        rng.normal(size=len(columns)),
        rng.uniform(0.5, 2, len(columns)),
        rng.uniform(1, 5, len(OFFSET_FEATURES)),
        rng.normal(size=(len(PAIR_CLASS_NAMES), len(term_names(columns)))),
        rng.normal(size=len(PAIR_CLASS_NAMES)),
    )


MODEL = PairwiseModel(random_weights(FEATURE_NAMES), random_weights(OFFSET_FEATURES, 1))


def test_no_pairs_have_no_probability() -> None:
    none = np.zeros(0, np.int64)
    assert MODEL.variant(True).probability(np.zeros((0, 14)), none, none).shape == (0,)


def test_every_pair_shares_its_class_with_its_mirror_image_only() -> None:
    assert PAIR_CLASS.max() + 1 == len(PAIR_CLASS_NAMES) == 49
    for a in Joint:
        for b in Joint:
            assert PAIR_CLASS[a, b] == PAIR_CLASS[b, a] == PAIR_CLASS[FLIP_JOINTS[a], FLIP_JOINTS[b]]
    sizes = np.bincount(PAIR_CLASS[np.triu_indices(14, 1)])
    assert set(sizes) == {1, 2}
    assert SYMMETRIC.sum() == 6
    assert SYMMETRIC[PAIR_CLASS[Joint.LEFT_HIP, Joint.RIGHT_HIP]]


def test_probability_by_hand() -> None:
    weights = LogisticWeights(
        OFFSET_FEATURES,
        np.array([1.0, 0, 0, 0]),
        np.array([2.0, 1, 1, 1]),
        np.array([10.0, 1, 1, 1]),
        np.tile([-3.0, 0, 0, 0, 2, 0, 0, 0], (len(PAIR_CLASS_NAMES), 1)),
        np.full(len(PAIR_CLASS_NAMES), 0.5),
    )
    features = np.array([[5.0, 0, 0, 0]])
    # -3 * (5 - 1) / 2 + 2 * exp(-5 / 10) + 0.5
    logit = -6 + 2 * np.exp(-0.5) + 0.5
    found = weights.probability(features, np.array([Joint.NECK]), np.array([Joint.LEFT_HIP]))
    assert found[0] == pytest.approx(1 / (1 + np.exp(-logit)))


def test_the_order_of_a_pair_does_not_matter() -> None:
    rng = np.random.default_rng(3)
    features = rng.uniform(0, 3, (50, 14))
    u = rng.integers(0, 14, 50)
    v = (u + rng.integers(1, 14, 50)) % 14
    forward = MODEL.variant(True).probability(features, u, v)
    np.testing.assert_allclose(forward, MODEL.variant(True).probability(swap_ends(features), v, u))


def test_extreme_features_stay_probabilities() -> None:
    weights = MODEL.variant(False)
    for value in (1e6, 0.0):
        features = np.full((1, 4), value)
        found = weights.probability(features, np.array([Joint.NECK]), np.array([Joint.LEFT_HIP]))
        assert 0 <= found[0] <= 1


def test_arrays_round_trip() -> None:
    restored = PairwiseModel.from_arrays(MODEL.to_arrays())
    for segment_term in (True, False):
        for field in dataclasses.fields(LogisticWeights):
            expected = getattr(MODEL.variant(segment_term), field.name)
            np.testing.assert_array_equal(getattr(restored.variant(segment_term), field.name), expected)
    assert all(isinstance(array, np.ndarray) for array in MODEL.to_arrays().values())


def test_a_model_may_lack_one_variant_and_says_how_to_go_on() -> None:
    offsets_only = PairwiseModel.from_arrays(PairwiseModel(None, MODEL.without_segments).to_arrays())
    assert offsets_only.variant(False).columns == OFFSET_FEATURES
    with pytest.raises(ValueError, match=r"refit .* or pass --no-segment-term"):
        offsets_only.variant(True)
    with pytest.raises(ValueError, match="leave out --no-segment-term"):
        PairwiseModel(MODEL.with_segments, None).variant(False)
    with pytest.raises(ValueError, match="both variants are missing"):
        PairwiseModel.from_arrays({})


@pytest.mark.parametrize("name", ["columns", "terms", "classes"])
def test_other_names_are_refused(name: str) -> None:
    arrays = MODEL.to_arrays()
    arrays[f"segments.{name}"] = np.frombuffer(b"distance\nangle", np.uint8)
    with pytest.raises(ValueError, match="refit with"):
        PairwiseModel.from_arrays(arrays)


def test_missing_and_damaged_arrays_are_refused() -> None:
    arrays = MODEL.to_arrays()
    del arrays["segments.bias"]
    with pytest.raises(ValueError, match=r"segments\.bias is missing"):
        PairwiseModel.from_arrays(arrays)
    arrays = MODEL.to_arrays()
    arrays["offsets.weights"] = arrays["offsets.weights"] * np.nan
    with pytest.raises(ValueError, match="finite numbers"):
        PairwiseModel.from_arrays(arrays)


def test_wrong_number_of_columns_and_same_types_are_refused() -> None:
    neck, hip = np.array([Joint.NECK]), np.array([Joint.LEFT_HIP])
    with pytest.raises(ValueError, match="expected 14 columns"):
        MODEL.variant(True).probability(np.zeros((1, 4)), neck, hip)
    with pytest.raises(ValueError, match="same joint type twice"):
        MODEL.variant(False).probability(np.zeros((1, 4)), neck, neck)
    with pytest.raises(ValueError, match="other variant"):
        PairwiseModel(MODEL.without_segments, MODEL.with_segments)
