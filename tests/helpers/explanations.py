"""A hand-made explanation: neck, left wrist and left hip; a second wrist is the runner-up of the first."""

import numpy as np

from posepart.explanation.records import (
    JointExplanation,
    Margin,
    PairExplanation,
    PoseExplanation,
    RunnerUp,
    Terms,
)
from posepart.ilp import Problem, Solution, solve
from posepart.schema import NUM_JOINTS, Joint
from posepart.stages.features import OFFSET_FEATURES
from posepart.structures import Candidates

PLACES = ((50, 40), (80, 100), (60, 105), (80, 130))  # px in the crop; the last is the second wrist
TYPES = (Joint.NECK, Joint.LEFT_WRIST, Joint.LEFT_HIP, Joint.LEFT_WRIST)
# Base, distance, angle; all that the parts and the clipping add is 0 but for one pair.
NECK_WRIST = Terms(-4.0, (1.0, 0.5, 0, 0, 0, 0), 0.0)
NECK_HIP = Terms(-4.0, (0.5, 0.25, -1.0, 0, -0.5, -0.25), 0.0)
WRIST_HIP = Terms(-1.0, (2.0, 1.0, 0, 0, 0, 0), 0.0)


def candidates() -> Candidates:
    scores = np.zeros((len(TYPES), NUM_JOINTS), np.float32)
    scores[np.arange(len(TYPES)), TYPES] = 0.9, 0.6, 0.7, 0.3
    offsets = np.zeros((len(TYPES), NUM_JOINTS, NUM_JOINTS, 2), np.float32)
    return Candidates(np.array(PLACES, np.float32), np.array(TYPES, np.int64), scores, offsets)


def solution() -> Solution:
    """All but the second wrist are one person."""
    nodes = np.arange(len(TYPES))
    u, v = np.triu_indices(3, 1)
    costs = np.array([NECK_WRIST.cost, NECK_HIP.cost, WRIST_HIP.cost])
    unary = np.array([-2.0, -0.5, -1.0, 3.0])
    return solve(Problem(unary, nodes, np.array(TYPES), u, v, costs))


def empty() -> PoseExplanation:
    return PoseExplanation((), (), OFFSET_FEATURES, 0.0, 0.0, 0.0)


def explanation(wrist_margin: Margin | None = None, clipped: float = 0.0) -> PoseExplanation:
    """The energy is -2 - 0.5 - 1 for the joints, -2.5 - 5 + 2 for the pairs; margins and runner-up are made up."""
    neck = _sum(NECK_WRIST, NECK_HIP, clipped)
    wrist, hip = _sum(NECK_WRIST, WRIST_HIP), _sum(NECK_HIP, WRIST_HIP)
    zeros = (0.0,) * len(OFFSET_FEATURES)
    joints = (
        JointExplanation(
            Joint.NECK, 0, 0.9, True, -2.0, neck, Margin(8.5, 8.5), None, (Joint.LEFT_WRIST,), None
        ),
        JointExplanation(
            Joint.LEFT_WRIST,
            1,
            0.6,
            True,
            -0.5,
            wrist,
            wrist_margin or Margin(0.0, 0.0),
            3,
            (),
            RunnerUp(3, 1.25),
        ),
        JointExplanation(Joint.LEFT_HIP, 2, 0.7, True, -1.0, hip, Margin(4.0, 4.0), None, (), None),
    )
    pairs = (
        PairExplanation((Joint.NECK, Joint.LEFT_WRIST), (0, 1), zeros, NECK_WRIST),
        PairExplanation((Joint.NECK, Joint.LEFT_HIP), (0, 2), zeros, NECK_HIP),
        PairExplanation((Joint.LEFT_WRIST, Joint.LEFT_HIP), (1, 2), zeros, WRIST_HIP),
    )
    return PoseExplanation(joints, pairs, OFFSET_FEATURES, -9.0, -9.0, -9.0)


def _sum(a: Terms, b: Terms, clipped: float = 0.0) -> Terms:
    families = tuple(x + y for x, y in zip(a.families, b.families, strict=True))
    return Terms(a.base + b.base, families, clipped)
