"""How the joints of one person move: a Kalman filter of constant velocity, and a smoother that knows the future.

State and covariance of every joint are those of x and of y, which are independent and alike. A joint that has not
been seen yet has a covariance so large that the first sight of it decides.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, Mask
from posepart.schema import NUM_JOINTS, OKS_SIGMAS
from posepart.video.settings import MotionConfig

_UNKNOWN = 100.0  # standard deviation of the place of a joint not seen yet, body sizes
_KNOWN = 1.0  # largest standard deviation of the place of a joint that counts as known, body sizes
_SMALLEST_SCORE = 0.05  # of a joint, when its noise is computed


@dataclass(frozen=True)
class Motion:
    """Where the 14 joints of a person are, and where they go."""

    xy: Float64  # (14, 2), px
    velocity: Float64  # (14, 2), px / s
    covariance: Float64  # (14, 2, 2), of place and velocity of either coordinate, px^2, px^2 / s, px^2 / s^2

    @property
    def variance(self) -> Float64:
        """(14,) px^2: variance of every joint's place in x, or in y."""
        return self.covariance[:, 0, 0]

    def known(self, size: float) -> Mask:
        """(14,) bool: joints whose place is known to a body size or better."""
        return np.asarray(self.variance < (_KNOWN * size) ** 2)

    def moved(self, xy: Float64) -> "Motion":
        """The same with other places."""
        return replace(self, xy=xy)


def body_size(box: NDArray) -> float:
    """The size of a person, px: the square root of the area of its box, (4,) xyxy; at least 1."""
    x0, y0, x1, y1 = (float(value) for value in box)
    return max(max(x1 - x0, 0.0) * max(y1 - y0, 0.0), 1.0) ** 0.5


def unseen(size: float, config: MotionConfig) -> Motion:
    """The state before anything is seen, of a person of a size in px."""
    covariance = np.zeros((NUM_JOINTS, 2, 2))
    covariance[:, 0, 0] = (_UNKNOWN * size) ** 2
    covariance[:, 1, 1] = (config.speed * size) ** 2
    return Motion(np.zeros((NUM_JOINTS, 2)), np.zeros((NUM_JOINTS, 2)), covariance)


def advance(motion: Motion, seconds: float, size: float, config: MotionConfig) -> Motion:
    """The state some seconds later: constant velocity, disturbed by white noise of acceleration.

    With F = [[1, t], [0, 1]]: x <- F x and P <- F P F^T + q [[t^3 / 3, t^2 / 2], [t^2 / 2, t]].
    """
    t, q = seconds, (config.acceleration * size) ** 2
    step, noise = _step(t), q * np.array([[t**3 / 3, t**2 / 2], [t**2 / 2, t]])
    covariance = step @ motion.covariance @ step.T + noise
    return Motion(motion.xy + t * motion.velocity, motion.velocity, covariance)


def foresee(motion: Motion, seconds: float, size: float, config: MotionConfig) -> Motion:
    """The prediction for a person who is unseen for some seconds.

    At first every joint keeps its own velocity. After `memory` only the median velocity of the joints is left, which
    is the body's: a swinging arm does not fly away from a person behind a tree.
    """
    later = advance(motion, seconds, size, config)
    known = motion.known(size)
    if not known.any():
        return later
    body = np.median(motion.velocity[known], axis=0)
    fading = config.memory * (1 - np.exp(-seconds / config.memory))
    return later.moved(motion.xy + body * seconds + (motion.velocity - body) * fading)


def correct(motion: Motion, xy: NDArray, scores: NDArray, size: float, config: MotionConfig) -> Motion:
    """The state after a pose is seen.

    Parameters
    ----------
    motion : Motion
        The prediction for the moment of the pose.
    xy : (14, 2), px
        Its joints.
    scores : (14,), in [0, 1]
        0 for an absent joint, about which nothing is learnt. The variance of a joint falls with its score.
    size : float
        Of the person, px.
    config : MotionConfig
        A joint d > `outlier` standard deviations from its prediction counts as one of d / `outlier` times the
        standard deviation (Huber's weight), so that one wild joint does not tear its limb away.
    """
    present = np.asarray(scores) > 0
    noise = (config.joint_noise * OKS_SIGMAS * size) ** 2 / np.maximum(scores, _SMALLEST_SCORE)
    surprise = np.asarray(xy, np.float64) - motion.xy
    expected = motion.variance + noise
    deviations = np.sqrt((surprise**2).sum(axis=1) / expected)
    noise = noise + expected * (np.maximum(deviations / config.outlier, 1.0) ** 2 - 1)
    gain = motion.covariance[:, :, 0] / (motion.variance + noise)[:, None] * present[:, None]
    return Motion(
        motion.xy + gain[:, :1] * surprise,
        motion.velocity + gain[:, 1:] * surprise,
        motion.covariance - gain[:, :, None] * motion.covariance[:, :1, :],
    )


def smooth(seconds: NDArray, xy: NDArray, scores: NDArray, sizes: NDArray, config: MotionConfig) -> Float64:
    """The joints of a person at all moments of a track, from what was seen before and after each of them.

    The Rauch-Tung-Striebel smoother: as the future is known, it neither lags nor overshoots.

    Parameters
    ----------
    seconds : (T,), increasing
    xy : (T, 14, 2), px
    scores : (T, 14), in [0, 1]
        0 where a joint was not seen; its place is interpolated, or extrapolated at the ends.
    sizes : (T,), px
        Of the person.
    config : MotionConfig

    Returns
    -------
    (T, 14, 2) float64, px
        Without meaning for a joint that is never seen.
    """
    filtered: list[Motion] = []
    predicted: list[Motion] = []
    for k in range(len(seconds)):
        before = (
            advance(filtered[-1], float(seconds[k] - seconds[k - 1]), sizes[k], config)
            if filtered
            else unseen(sizes[k], config)
        )
        predicted.append(before)
        filtered.append(correct(before, xy[k], scores[k], sizes[k], config))
    smoothed = [np.stack([motion.xy, motion.velocity], axis=1) for motion in filtered]  # (14, 2, 2) each
    for k in range(len(seconds) - 2, -1, -1):
        step = _step(float(seconds[k + 1] - seconds[k]))
        gain = filtered[k].covariance @ step.T @ np.linalg.inv(predicted[k + 1].covariance)
        foreseen = np.stack([predicted[k + 1].xy, predicted[k + 1].velocity], axis=1)
        smoothed[k] = smoothed[k] + gain @ (smoothed[k + 1] - foreseen)
    places = np.zeros((len(seconds), NUM_JOINTS, 2))
    for k, state in enumerate(smoothed):
        places[k] = state[:, 0]
    return places


def _step(seconds: float) -> Float64:
    return np.array([[1.0, seconds], [0.0, 1.0]])
