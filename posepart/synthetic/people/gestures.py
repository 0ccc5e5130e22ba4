"""Arms that go anywhere, and pose families of gestures: hands at hips, head, chest, back, pockets."""

import math
from dataclasses import replace

import numpy as np

from ..pose_draws import both, each, vector
from .poses import Arm, Pose, Reach

Rng = np.random.Generator


def free_arm(rng: Rng) -> Arm:
    """Any arm a shoulder and an elbow allow, without preference for outside or inside.

    The upper arm's direction is uniform on the part of the sphere between 60 degrees behind and 40 degrees
    across the body; the forearm bends into a random plane that leans to the front.
    """
    elevation = math.degrees(math.acos(rng.uniform(-0.95, 1)))
    plane = vector(rng, (0.9, 0.6, 0.9), (-0.3, -0.6, 0.2))
    return Arm(elevation, rng.uniform(-60, 130), rng.uniform(0, 140), plane)


def wave(rng: Rng, pose: Pose) -> Pose:
    """One hand raised, elbow bent."""
    u, side = rng.uniform, int(rng.integers(2))
    plane = (u(-0.6, 0.4), -0.3, 1.0)
    arm = Arm(u(60, 120), u(-10, 70), u(50, 130), plane)
    return replace(pose, arms=each(pose.arms, side, arm))


def hips(rng: Rng, pose: Pose) -> Pose:
    """Hands on the hips."""
    u, arms = rng.uniform, pose.arms
    for side in (0, 1) if rng.random() < 0.6 else (int(rng.integers(2)),):
        arms = each(arms, side, Arm(u(38, 52), u(-35, -5), u(85, 110), (-1, -0.6, -0.15)))
    return replace(pose, arms=arms)


def phone(rng: Rng, pose: Pose) -> Pose:
    """Looking at something held before the chest, or a phone at the ear."""
    u, side = rng.uniform, int(rng.integers(2))
    if rng.random() < 0.35:
        ear = Arm(reach=Reach("head", (0.12, -0.06, -0.02), (0.7, -0.4, -1)))
        return replace(pose, arms=each(pose.arms, side, ear))
    arms = each(pose.arms, side, Arm(u(8, 35), u(30, 95), u(90, 140), (u(-0.8, 0.2), -1, 0.5)))
    if rng.random() < 0.5:
        arms = each(arms, 1 - side, Arm(u(8, 30), u(40, 95), u(80, 120), (-0.8, -1, 0.4)))
    return replace(pose, arms=arms, neck=(u(0, 30), *pose.neck[1:]))


def crossed(rng: Rng, pose: Pose) -> Pose:
    """Arms folded before the chest."""
    u = rng.uniform
    left = Arm(u(22, 30), u(60, 75), u(92, 102), (-1, -0.25, u(0, 0.15)))
    right = Arm(u(25, 34), u(70, 85), u(95, 106), (-1, -0.35, u(0.1, 0.3)))
    return replace(pose, arms=(left, right))


def clasped(rng: Rng, pose: Pose) -> Pose:
    """Hands together before the body, or behind the back."""
    u = rng.uniform
    back = rng.random() < 0.35
    depth, height = (0.14, u(-0.02, 0.08)) if back else (u(-0.26, -0.17), u(-0.1, 0.3))
    pole = (0.8, 0.5, -0.3) if back else (0.8, 0.2, -0.8)
    arms = both(lambda: Arm(reach=Reach("root", (0.05, depth, height), pole)))
    return replace(pose, arms=arms)


def touch(rng: Rng, pose: Pose) -> Pose:
    """A hand at the own chin, hair, nape, other shoulder, other elbow or trouser pocket."""
    places = {
        "chin": Reach("head", (0.03, -0.15, -0.06), (0.4, -0.2, -1)),
        "hair": Reach("head", (0.08, -0.03, 0.17), (1, -0.3, 0.4)),
        "nape": Reach("head", (0.07, 0.13, -0.02), (1, -0.2, 0.6)),
        "shoulder": Reach("upperarm01..", (0.0, -0.11, 0.05), (0.3, -0.6, -1)),
        "elbow": Reach("lowerarm01..", (0.01, -0.07, 0.03), (0.5, 0.0, -1)),
        "pocket": Reach("upperleg01.", (0.09, -0.06, -0.02), (1, 0.8, -0.3)),
    }
    names, arms = sorted(places), pose.arms
    first = int(rng.integers(2))
    for side in (first, 1 - first) if rng.random() < 0.35 else (first,):
        arms = each(arms, side, Arm(reach=places[str(rng.choice(names))]))
    return replace(pose, arms=arms)
