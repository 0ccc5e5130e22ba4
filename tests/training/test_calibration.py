"""Fitting of score maps on outcomes whose true probabilities are known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from posepart.metrics.calibration import expected_calibration_error
from posepart.metrics.judged import JudgedPhoto
from posepart.metrics.people import LabelledPeople, PredictedPeople
from posepart.stages.calibration import RAW, IsotonicMap, PlattMap
from posepart.training.calibration import (
    FITS,
    Outcomes,
    calibration_error,
    chance_error,
    cross_fitted,
    error_change,
    fit_isotonic,
    fit_platt,
    joint_outcomes,
    pose_outcomes,
)

BODY = np.array(
    [(50, 15), (50, 45), (68, 50), (32, 50), (80, 75), (20, 75), (86, 100), (14, 100), (62, 105), (38, 105),
     (63, 145), (37, 145), (64, 185), (36, 185)], np.float64,
)  # fmt: skip
BOX = [10.0, 5.0, 90.0, 195.0]


def drawn(probability: NDArray, photos: int = 100, seed: int = 0) -> Outcomes:
    """Outcomes that are right with the given probability of their score."""
    random = np.random.default_rng(seed)
    scores = np.linspace(0.02, 0.98, len(probability))
    right = random.random(len(scores)) < probability
    return Outcomes(photos, random.integers(0, photos, len(scores)), scores, right)


OVERCONFIDENT = drawn(np.linspace(0.02, 0.98, 4000) ** 3)


def photo(
    poses: list[NDArray], scores: list[float], origin: str = "human", complete: bool = True, source: str = ""
) -> JudgedPhoto:
    """A photo of one labelled person, `BODY`, and the poses found in it, each with one joint score."""
    truth = LabelledPeople(BODY[None], np.ones((1, 14), bool), np.array([BOX]))
    xy = np.array(poses).reshape(-1, 14, 2)
    boxes = np.array([[*p.min(0), *p.max(0)] for p in xy]).reshape(-1, 4)
    joint_scores = np.repeat(np.array(scores)[:, None], 14, axis=1).reshape(-1, 14)
    found = PredictedPeople(xy, joint_scores, boxes, np.ones(len(xy)), 14 * np.log(np.array(scores)))
    return JudgedPhoto(
        source, truth, np.array([origin]), found, np.zeros((0, 4)), complete, None, None, None, "none"
    )


@pytest.mark.parametrize("outcomes_of", [joint_outcomes, pose_outcomes])
def test_nothing_to_learn_from(outcomes_of) -> None:  # type: ignore[no-untyped-def]
    for photos in ([], [photo([BODY], [0.9], origin="teacher")]):
        outcomes = outcomes_of(photos)
        assert (outcomes.photos, len(outcomes.scores), len(outcomes.right)) == (0, 0, 0)
    assert outcomes_of([photo([], [])]).photos == 1


def test_joints_are_right_within_a_fifth_of_the_torso() -> None:
    moved = BODY.copy()
    moved[4] += [100, 0]
    outcomes = joint_outcomes([photo([], []), photo([moved], [0.7])])
    assert outcomes.images.tolist() == [1] * 12  # the limbs
    assert outcomes.right.tolist() == [True, True, False] + [True] * 9
    np.testing.assert_allclose(outcomes.scores, 0.7)


def test_poses_are_right_from_half_an_oks() -> None:
    far = BODY + np.array([500, 0])
    bent = BODY + np.array([[20 * (-1) ** joint, 25] for joint in range(14)])
    outcomes = pose_outcomes([photo([BODY, far, bent], [0.8, 0.6, 0.4])])
    np.testing.assert_allclose(outcomes.scores, [0.8, 0.6, 0.4])
    assert outcomes.right.tolist() == [True, False, False]
    # not everybody is labelled: the far pose may be somebody, the bent one is meant for the labelled person
    outcomes = pose_outcomes([photo([BODY, far, bent], [0.8, 0.6, 0.4], complete=False)])
    np.testing.assert_allclose(outcomes.scores, [0.8, 0.4])
    assert outcomes.right.tolist() == [True, False]


def test_a_second_pose_of_a_person_is_wrong() -> None:
    outcomes = pose_outcomes([photo([BODY, BODY + 1], [0.5, 0.9])])
    np.testing.assert_allclose(outcomes.scores, [0.9, 0.5])
    assert outcomes.right.tolist() == [True, False]


def test_platt_finds_the_map_that_drew_the_outcomes() -> None:
    scores = np.linspace(0.02, 0.98, 20000)
    true = PlattMap(1.7, -0.8)
    found = fit_platt(scores, np.random.default_rng(1).random(20000) < true(scores))
    assert isinstance(found, PlattMap)
    assert found.slope == pytest.approx(1.7, abs=0.1)
    assert found.intercept == pytest.approx(-0.8, abs=0.1)


def test_isotonic_finds_steps_and_keeps_the_order() -> None:
    scores = np.linspace(0.01, 0.99, 20000)
    probability = np.where(scores < 0.5, 0.2, 0.9)
    found = fit_isotonic(scores, np.random.default_rng(1).random(20000) < probability)
    assert isinstance(found, IsotonicMap)
    np.testing.assert_allclose(found(np.array([0.2, 0.4, 0.6, 0.9])), [0.2, 0.2, 0.9, 0.9], atol=0.05)
    assert (np.diff(found(scores)) > 0).all()


@pytest.mark.parametrize("fit", [fit_platt, fit_isotonic])
@pytest.mark.parametrize("right", [[], [True] * 3, [False] * 3])
def test_outcomes_of_one_kind_teach_nothing(fit, right: list[bool]) -> None:  # type: ignore[no-untyped-def]
    assert fit(np.full(len(right), 0.5), np.array(right, bool)) is RAW


def test_outcomes_that_fall_with_the_score_keep_the_raw_scores() -> None:
    scores = np.linspace(0.1, 0.9, 200)
    assert fit_platt(scores, scores < 0.5) is RAW


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_the_error_of_overconfident_scores_falls(method: str) -> None:
    raw = cross_fitted(OVERCONFIDENT, "raw")
    assert raw.shape == (10, 4000)
    np.testing.assert_allclose(raw[3], OVERCONFIDENT.scores, rtol=1e-9)
    after = cross_fitted(OVERCONFIDENT, method, repeats=2)
    assert calibration_error(OVERCONFIDENT, raw[0], 50).value > 0.2
    assert calibration_error(OVERCONFIDENT, after, 50).value < 0.05
    change = error_change(OVERCONFIDENT, raw[0], after, 50)
    assert change.low <= change.value <= change.high < 0


def test_no_photo_is_judged_by_a_map_that_saw_it() -> None:
    # photo 0 is all right, photo 1 all wrong: maps that saw only the other know one kind of outcome
    outcomes = Outcomes(
        2, np.repeat([0, 1], 50), np.tile(np.linspace(0.1, 0.9, 50), 2), np.repeat([True, False], 50)
    )
    for method in FITS:
        for row in cross_fitted(outcomes, method, folds=2):
            np.testing.assert_allclose(row, outcomes.scores, rtol=1e-9)


def test_chance_alone_errs_less_with_more_samples() -> None:
    few, many = (chance_error(drawn(np.full(n, 0.5))) for n in (50, 5000))
    assert 0.05 < few < 0.3
    assert 0 < many < 0.03


def test_the_interval_is_over_photos() -> None:
    outcomes = drawn(np.full(400, 0.5), photos=3)
    interval = calibration_error(outcomes, outcomes.scores, 50)
    assert interval.low < interval.high
    assert interval.value == pytest.approx(expected_calibration_error(outcomes.scores, outcomes.right))
