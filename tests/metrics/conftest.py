"""People and random scenes that the metric tests share."""

from collections.abc import Callable

import numpy as np
import pytest
from helpers.people_data import STANDING
from numpy.typing import NDArray

from posepart.metrics.instance_parsing import PeopleParts
from posepart.metrics.people import LabelledPeople, PredictedPeople
from posepart.metrics.similarity import pose_boxes


def make_truth(poses: list[NDArray], labelled: NDArray | None = None) -> LabelledPeople:
    """People with the given joints; boxes are the extents of the labelled joints."""
    xy = np.array(poses, dtype=np.float64).reshape(-1, 14, 2)
    mask = np.ones(xy.shape[:2], dtype=bool) if labelled is None else np.asarray(labelled, dtype=bool)
    return LabelledPeople(xy, mask, pose_boxes(xy, mask))


def make_predicted(
    poses: list[NDArray], scores: list[float] | None = None, joint_scores: NDArray | None = None
) -> PredictedPeople:
    """Poses with the given person scores; every joint has its person's score unless given."""
    xy = np.array(poses, dtype=np.float64).reshape(-1, 14, 2)
    person = np.ones(len(xy)) if scores is None else np.array(scores, dtype=np.float64)
    joints = np.repeat(person[:, None], 14, axis=1) if joint_scores is None else np.asarray(joint_scores)
    return PredictedPeople(xy, joints, pose_boxes(xy, joints > 0), person, person)


def random_scene(seed: int) -> tuple[PredictedPeople, LabelledPeople]:
    """Up to 4 people and up to 5 noisy, partly missing poses with distinct scores, some of nobody."""
    random = np.random.default_rng(seed)
    people, found = int(random.integers(0, 5)), int(random.integers(0, 6))
    shifts = random.uniform(0, 160, (people, 1, 2))
    truth = make_truth(list(STANDING + shifts), random.random((people, 14)) < 0.8)
    owners = random.integers(0, max(people, 1), found)
    noise = random.normal(0, 4, (found, 14, 2)) + random.normal(0, 3, (found, 1, 2))
    centres = shifts[owners] if people else random.uniform(0, 160, (found, 1, 2))
    joint_scores = random.uniform(0.05, 1, (found, 14)) * (random.random((found, 14)) < 0.85)
    return make_predicted(list(STANDING + centres + noise), list(random.random(found)), joint_scores), truth


def random_parsing(seed: int) -> tuple[PeopleParts, PeopleParts]:
    """A 24 x 24 photo with up to 3 people of blocky parts and up to 3 shifted copies of them."""
    random = np.random.default_rng(seed)
    people, found = int(random.integers(0, 4)), int(random.integers(0, 4))
    truth = _blocks(random, random.integers(0, 14, (people, 2)))
    corners = random.integers(0, 14, (max(people, 3), 2))[:found] if not people else None
    if corners is None:
        corners = (_corners(truth)[np.arange(found) % people] + random.integers(-1, 2, (found, 2))).clip(
            0, 14
        )
    predicted = _blocks(random, corners)
    flipped = random.random((24, 24)) < 0.1
    parts = np.where(flipped & (predicted.parts > 0), random.integers(1, 7, (24, 24)), predicted.parts)
    return PeopleParts(parts, predicted.people, random.random(found)), truth


def _blocks(random: np.random.Generator, corners: NDArray) -> PeopleParts:
    parts, people = np.zeros((24, 24), np.int64), np.zeros((24, 24), np.int64)
    pattern = np.arange(1, 7).repeat(10).reshape(10, 6)
    for index, (row, column) in enumerate(corners):
        parts[row : row + 10, column : column + 6] = pattern
        people[row : row + 10, column : column + 6] = index + 1
    return PeopleParts(parts, people, np.ones(len(corners)))


def _corners(scene: PeopleParts) -> NDArray:
    """(N, 2) first row and column of every person; those hidden completely lie at the origin."""
    found = [np.argwhere(scene.people == k + 1) for k in range(len(scene.scores))]
    return np.array([cells.min(axis=0) if len(cells) else (0, 0) for cells in found]).reshape(-1, 2)


@pytest.fixture
def standing() -> NDArray:
    return STANDING.copy()


@pytest.fixture
def truth_of() -> Callable[..., LabelledPeople]:
    return make_truth


@pytest.fixture
def predicted_of() -> Callable[..., PredictedPeople]:
    return make_predicted


@pytest.fixture
def scenes() -> list[tuple[PredictedPeople, LabelledPeople]]:
    return [random_scene(seed) for seed in range(12)]


@pytest.fixture
def parsings() -> list[tuple[PeopleParts, PeopleParts]]:
    return [random_parsing(seed) for seed in range(12)]
