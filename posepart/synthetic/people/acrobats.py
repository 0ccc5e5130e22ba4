"""The pose family "acrobat": gymnasts and tumblers, with the body turned any way."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from .gestures import both, free_arm, half
from .poses import Arm, Leg, Pose, Reach
from .rotations import euler

Rng = np.random.Generator
Legs = tuple[Leg, Leg]
Shape = tuple[Legs, float]  # the legs, and the forward bend of the spine that goes with them, in degrees


def _tucked(rng: Rng) -> Shape:
    hip, knee = rng.uniform(90, 135), rng.uniform(90, 145)
    legs = both(lambda: Leg(hip + rng.normal(0, 8), half(rng, 5, 8), knee + rng.normal(0, 8)))
    return legs, rng.uniform(10, 50)


def _piked(rng: Rng) -> Shape:
    hip, knee = rng.uniform(50, 135), half(rng, 3, 8)
    return both(lambda: Leg(hip + rng.normal(0, 4), half(rng, 3, 4), knee)), rng.uniform(0, 60)


def _split(rng: Rng) -> Shape:
    u = rng.uniform
    front, back = Leg(u(40, 120), u(0, 25), half(rng, 5, 25)), Leg(u(-60, 0), u(0, 25), half(rng, 8, 35))
    return ((front, back) if rng.random() < 0.5 else (back, front)), u(-30, 20)


def _straddled(rng: Rng) -> Shape:
    hip, apart, knee = rng.uniform(0, 100), rng.uniform(35, 80), half(rng, 3, 10)
    return both(lambda: Leg(hip + rng.normal(0, 6), apart, knee)), rng.uniform(-20, 50)


def _arched(rng: Rng) -> Shape:
    hip, knee = rng.uniform(-45, 5), half(rng, 5, 40)
    return both(lambda: Leg(hip + rng.normal(0, 6), half(rng, 4, 8), knee)), rng.uniform(-75, 0)


def _loose(rng: Rng) -> Shape:
    u = rng.uniform
    return both(lambda: Leg(u(-40, 120), u(-5, 60), u(0, 140), rng.normal(10, 15))), u(-45, 60)


SHAPES: tuple[Callable[[Rng], Shape], ...] = (_tucked, _piked, _split, _straddled, _arched, _loose)


def _arms(rng: Rng, bend: float) -> tuple[Arm, Arm]:
    """Arms overhead, stretched to the side or forward, at the shins of a bent body, or anywhere."""
    u, kind = rng.uniform, rng.random()
    if kind < 0.35:
        return both(lambda: Arm(u(130, 178), u(0, 60), half(rng, 5, 20), (0, -1, 0.3)))
    if kind < 0.5:
        return both(lambda: Arm(u(60, 110), u(-20, 100), half(rng, 5, 20), (0, -1, 0.3)))
    if kind < 0.65 and bend > 10:
        shin = Reach("lowerleg01.", (u(-0.05, 0.05), u(-0.1, 0.1), u(-0.3, 0.05)))
        return Arm(reach=shin), Arm(reach=shin)
    return free_arm(rng), free_arm(rng)


def acrobat(rng: Rng, pose: Pose) -> Pose:
    """The whole body at any pitch and much roll, on the ground or up to one metre in the air."""
    legs, bend = SHAPES[int(rng.integers(len(SHAPES)))](rng)
    root = euler(x=rng.uniform(-180, 180), y=rng.normal(0, 40))
    lean = (bend, rng.normal(0, 12), rng.normal(0, 20))
    lift = rng.uniform(0, 1.0) if rng.random() < 0.6 else 0.0
    arms = _arms(rng, bend)
    return replace(pose, arms=arms, legs=legs, lean=lean, root=root, lift=lift, flat_feet=False)
