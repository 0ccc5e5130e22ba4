import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from posepart.metrics.calibration import expected_calibration_error, reliability


def test_no_samples() -> None:
    assert np.isnan(expected_calibration_error(np.zeros(0), np.zeros(0, bool)))
    assert reliability(np.zeros(0), np.zeros(0, bool), bins=3).count.tolist() == [0, 0, 0]


def test_by_hand() -> None:
    scores, right = np.array([0.2, 0.4, 0.9, 1.0]), np.array([False, True, True, True])
    curve = reliability(scores, right, bins=2)
    np.testing.assert_allclose(curve.score, [0.3, 0.95])
    np.testing.assert_allclose(curve.accuracy, [0.5, 1])
    np.testing.assert_allclose(expected_calibration_error(scores, right, bins=2), (0.2 + 0.05) / 2)
    weighted = expected_calibration_error(scores, right, bins=2, weights=np.array([0, 0, 1, 1]))
    np.testing.assert_allclose(weighted, 0.05)


def test_certain_and_right_is_calibrated() -> None:
    assert expected_calibration_error(np.ones(5), np.ones(5, bool)) == 0
    assert expected_calibration_error(np.ones(5), np.zeros(5, bool)) == 1


def test_agrees_with_scikit_learn() -> None:
    random = np.random.default_rng(0)
    scores = random.random(500)
    right = random.random(500) < scores**2
    curve = reliability(scores, right, bins=10)
    accuracy, score = calibration_curve(right, scores, n_bins=10)
    np.testing.assert_allclose(curve.accuracy, accuracy)
    np.testing.assert_allclose(curve.score, score)


def test_scores_must_be_probabilities() -> None:
    with pytest.raises(ValueError, match=r"expected probabilities in \[0, 1\]"):
        reliability(np.array([1.5]), np.array([True]))
