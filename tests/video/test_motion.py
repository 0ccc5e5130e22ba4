"""The filter on poses of known motion: it predicts, bridges gaps and removes noise."""

import numpy as np
import pytest
from helpers.scenes import make_pose

from posepart.arrays import Float64
from posepart.schema import NUM_JOINTS, Joint
from posepart.video.motion import advance, body_size, correct, foresee, smooth, unseen
from posepart.video.settings import MotionConfig

CONFIG = MotionConfig()
SIZE = 140.0  # px, of the standing person of 100 x 200 px
ALL = np.ones(NUM_JOINTS)
PLACE = make_pose().xy.astype(np.float64)


def walk(frames: int, speed: float, fps: float = 25.0) -> tuple[Float64, Float64]:
    """Times (T,) and joints (T, 14, 2) of a person who glides to the right at so many px / s."""
    seconds = np.arange(frames) / fps
    return seconds, PLACE + seconds[:, None, None] * [speed, 0.0]


def test_body_size() -> None:
    assert body_size(np.array([10, 20, 110, 220])) == pytest.approx(np.sqrt(100 * 200))
    assert body_size(np.zeros(4)) == 1.0


def test_nothing_is_known_before_anything_is_seen() -> None:
    motion = unseen(SIZE, CONFIG)
    assert not motion.known(SIZE).any()
    seen = correct(motion, PLACE, np.where(np.arange(NUM_JOINTS) == Joint.NECK, 0.9, 0.0), SIZE, CONFIG)
    assert seen.known(SIZE).tolist() == [joint == Joint.NECK for joint in Joint]
    np.testing.assert_allclose(seen.xy[Joint.NECK], PLACE[Joint.NECK], atol=0.1)


def test_velocity_is_learnt_and_predicts_the_next_place() -> None:
    seconds, places = walk(15, speed=200.0)
    motion = correct(unseen(SIZE, CONFIG), places[0], ALL, SIZE, CONFIG)
    for k in range(1, 14):
        motion = correct(advance(motion, 0.04, SIZE, CONFIG), places[k], ALL, SIZE, CONFIG)
    np.testing.assert_allclose(motion.velocity[:, 0], 200.0, rtol=0.05)
    np.testing.assert_allclose(
        foresee(motion, seconds[14] - seconds[13], SIZE, CONFIG).xy, places[14], atol=0.5
    )


def test_the_limbs_of_an_unseen_person_do_not_fly_away() -> None:
    motion = correct(unseen(SIZE, CONFIG), PLACE, ALL, SIZE, CONFIG)
    velocity = np.tile([100.0, 0.0], (NUM_JOINTS, 1))
    velocity[Joint.LEFT_WRIST] = 100.0, 900.0
    moved = foresee(type(motion)(PLACE, velocity, motion.covariance), 1.0, SIZE, CONFIG).xy
    np.testing.assert_allclose(moved[Joint.NECK], PLACE[Joint.NECK] + [100, 0])
    arm = moved[Joint.LEFT_WRIST] - PLACE[Joint.LEFT_WRIST]
    assert arm[0] == pytest.approx(100) and arm[1] == pytest.approx(900 * CONFIG.memory, rel=0.01)


def test_one_wild_joint_is_mistrusted_and_a_lasting_move_is_believed() -> None:
    seconds, places = walk(40, speed=0.0)
    places[20, Joint.LEFT_WRIST] += [150.0, 0.0]
    smoothed = smooth(seconds, places, np.ones((40, NUM_JOINTS)), np.full(40, SIZE), CONFIG)
    assert abs(smoothed[20, Joint.LEFT_WRIST, 0] - PLACE[Joint.LEFT_WRIST, 0]) < 30
    places[20:, Joint.LEFT_WRIST] = PLACE[Joint.LEFT_WRIST] + [150.0, 0.0]
    smoothed = smooth(seconds, places, np.ones((40, NUM_JOINTS)), np.full(40, SIZE), CONFIG)
    np.testing.assert_allclose(
        smoothed[[10, 35], Joint.LEFT_WRIST, 0] - PLACE[Joint.LEFT_WRIST, 0], [0, 150], atol=4
    )


def test_smoothing_removes_jitter_and_does_not_lag() -> None:
    """A swinging person with noise: less than half of the jitter is left, and the best shift in time is none."""
    rng = np.random.default_rng(0)
    seconds = np.arange(100) / 25
    swing = 60 * np.sin(2 * np.pi * 0.7 * seconds)
    truth = PLACE + np.stack([swing, 0 * swing], axis=1)[:, None]
    noisy = truth + rng.normal(0, 3.0, truth.shape)
    smoothed = smooth(seconds, noisy, np.ones((100, NUM_JOINTS)), np.full(100, SIZE), CONFIG)

    def jitter(places: Float64) -> float:
        return float(np.abs(np.diff(places - truth, n=2, axis=0)).mean())

    assert jitter(smoothed) < 0.5 * jitter(noisy)
    assert np.abs(smoothed - truth).mean() < 0.8 * np.abs(noisy - truth).mean()
    errors = {lag: np.abs(smoothed[5 + lag : 95 + lag] - truth[5:95]).mean() for lag in (-2, -1, 0, 1, 2)}
    assert min(errors, key=lambda lag: errors[lag]) == 0


def test_gaps_are_interpolated_also_at_a_variable_rate() -> None:
    seconds = np.array([0.0, 0.04, 0.08, 0.2, 0.24, 0.5, 0.54, 0.58])
    places = PLACE + seconds[:, None, None] * [100.0, 50.0]
    scores = np.ones((8, NUM_JOINTS))
    scores[3:5] = 0
    seen = np.where(scores[..., None] > 0, places, 0.0)
    smoothed = smooth(seconds, seen, scores, np.full(8, SIZE), CONFIG)
    np.testing.assert_allclose(smoothed, places, atol=1.0)
