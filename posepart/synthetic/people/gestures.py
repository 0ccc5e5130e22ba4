"""Draws that the pose families share, and the families of gestures: hands at hips, head, chest, back, pockets."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from .poses import Arm, Pose, Reach, Vec3

Rng = np.random.Generator
T = TypeVar("T")


def vector(rng: Rng, scale: Vec3 = (1, 1, 1), centre: Vec3 = (0, 0, 0)) -> Vec3:
    """Three normal deviates around `centre`, with the standard deviations `scale`."""
    x, y, z = rng.normal(0, 1, 3) * scale + np.asarray(centre)
    return float(x), float(y), float(z)


def half(rng: Rng, mean: float, deviation: float) -> float:
    """The absolute value of a normal deviate."""
    return abs(float(rng.normal(mean, deviation)))


def each(pair: tuple[T, T], side: int, value: T) -> tuple[T, T]:
    """The pair with the value of one side replaced."""
    return (value, pair[1]) if side == 0 else (pair[0], value)


def both(draw: Callable[[], T]) -> tuple[T, T]:
    """Two independent draws, for the left and the right side."""
    return draw(), draw()


def free_arm(rng: Rng) -> Arm:
    """Any arm that a shoulder and an elbow allow, with no preference for outside or inside.

    The upper arm's direction is uniform on the part of the sphere between 60 degrees behind and 40 degrees
    across the body. The forearm bends in a random plane that leans to the front.
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
    """Looking at something held in front of the chest, or with a phone at the ear."""
    u, side = rng.uniform, int(rng.integers(2))
    if rng.random() < 0.35:
        ear = Arm(reach=Reach("head", (0.12, -0.06, -0.02), (0.7, -0.4, -1)))
        return replace(pose, arms=each(pose.arms, side, ear))
    arms = each(pose.arms, side, Arm(u(8, 35), u(30, 95), u(90, 140), (u(-0.8, 0.2), -1, 0.5)))
    if rng.random() < 0.5:
        arms = each(arms, 1 - side, Arm(u(8, 30), u(40, 95), u(80, 120), (-0.8, -1, 0.4)))
    return replace(pose, arms=arms, neck=(u(0, 30), *pose.neck[1:]))


def crossed(rng: Rng, pose: Pose) -> Pose:
    """Arms folded across the chest."""
    u = rng.uniform
    left = Arm(u(22, 30), u(60, 75), u(92, 102), (-1, -0.25, u(0, 0.15)))
    right = Arm(u(25, 34), u(70, 85), u(95, 106), (-1, -0.35, u(0.1, 0.3)))
    return replace(pose, arms=(left, right))


def clasped(rng: Rng, pose: Pose) -> Pose:
    """Hands clasped in front of the body or behind the back."""
    u = rng.uniform
    back = rng.random() < 0.35
    depth, height = (0.14, u(-0.02, 0.08)) if back else (u(-0.26, -0.17), u(-0.1, 0.3))
    pole = (0.8, 0.5, -0.3) if back else (0.8, 0.2, -0.8)
    arms = both(lambda: Arm(reach=Reach("root", (0.05, depth, height), pole)))
    return replace(pose, arms=arms)


def touch(rng: Rng, pose: Pose) -> Pose:
    """One or both hands at the person's own chin, hair, nape, other shoulder, other elbow or trouser pocket."""
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
