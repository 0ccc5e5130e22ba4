"""Pose families: each is a function that turns a relaxed standing pose into a random pose of the family."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from .acrobats import acrobat
from .gestures import (
    both,
    clasped,
    crossed,
    each,
    free_arm,
    half,
    hips,
    phone,
    touch,
    vector,
    wave,
)
from .poses import Arm, Leg, Pose, Reach
from .rotations import euler

Rng = np.random.Generator


def relaxed(rng: Rng) -> Pose:
    """Upright with hanging arms; half the time with the weight on one leg (contrapposto)."""
    u = rng.uniform
    arms = both(lambda: Arm(u(4, 25), u(-30, 75), half(rng, 12, 12)))
    legs = [Leg(rng.normal(2, 5), half(rng, 5, 5), half(rng, 4, 5), rng.normal(12, 10)) for _ in range(2)]
    if rng.random() < 0.5:
        side = int(rng.integers(2))
        legs[side] = replace(legs[side], flexion=u(5, 22), knee=u(10, 40), abduction=u(0, 18))
    return Pose(
        family="stand",
        lean=vector(rng, (4, 4, 8)),
        neck=vector(rng, (12, 9, 25)),
        arms=arms,
        legs=(legs[0], legs[1]),
        curl=(u(5, 80), u(5, 80)),
        wrists=(vector(rng, (18, 15, 25)), vector(rng, (18, 15, 25))),
    )


def _gait(rng: Rng, pose: Pose, strength: float, knee: float, at: float | None = None) -> Pose:
    """A moment of walking or running: at phase `at` in radians, or at a random one."""
    drawn, run = rng.uniform(0, 2 * math.pi), strength > 1
    phase = drawn if at is None else at
    arms, legs = [], []
    for offset in (0, math.pi):
        swing, lifted = math.cos(phase + offset), max(0.0, math.sin(phase + offset))
        flexion = (6 + 24 * swing + 8 * lifted) * strength
        legs.append(Leg(flexion, rng.uniform(0, 5), 8 + knee * lifted**1.3 + rng.normal(0, 4), 5))
        azimuth = (90 if swing < 0 else -90) + rng.normal(0, 12)
        elbow = rng.uniform(70, 110) if run else rng.uniform(10, 40)
        arms.append(Arm(abs(6 - 22 * strength * swing) + 3, azimuth, elbow, (-0.1, -1, 0.3)))
    lean = ((14 if run else 4) + rng.normal(0, 4), *pose.lean[1:])
    lift = rng.uniform(0, 0.1) if run else 0.0
    return replace(
        pose, arms=(arms[0], arms[1]), legs=(legs[0], legs[1]), lean=lean, lift=lift, flat_feet=False
    )


def walk(rng: Rng, pose: Pose, phase: float | None = None) -> Pose:
    """A step, with the arms swinging opposite to the legs; two steps are 2 pi of `phase`, None draws one."""
    return _gait(rng, pose, 1.0, 45, phase)


def run(rng: Rng, pose: Pose) -> Pose:
    """A running step with bent elbows."""
    return _gait(rng, pose, 1.7, 95)


def _sitting_legs(rng: Rng) -> tuple[Leg, Leg]:
    u = rng.uniform
    left, right = (Leg(u(72, 100), half(rng, 8, 8), u(60, 110), rng.normal(5, 8)) for _ in range(2))
    return left, right


def sit(rng: Rng, pose: Pose) -> Pose:
    """On a seat, with the hands free or on the knees."""
    u = rng.uniform
    arms = both(lambda: Arm(u(8, 45), u(40, 100), u(20, 95), (-0.5, -1, 0.3)))
    if rng.random() < 0.4:
        place = Reach("lowerleg01.", (u(-0.05, 0.02), -0.09, u(0.02, 0.16)))
        arms = (Arm(reach=place), Arm(reach=place))
    lean = (u(-20, 30), *pose.lean[1:])
    return replace(pose, arms=arms, legs=_sitting_legs(rng), lean=lean, seated=True)


def ride(rng: Rng, pose: Pose) -> Pose:
    """On a saddle, with the hands on a handlebar."""
    u = rng.uniform
    arms = both(lambda: Arm(u(45, 75), u(70, 95), u(10, 50), (0.3, 0, -1)))
    left, right = _sitting_legs(rng)
    legs = (replace(left, flexion=u(50, 110)), replace(right, flexion=u(50, 110)))
    return replace(pose, arms=arms, legs=legs, lean=(u(15, 45), *pose.lean[1:]), seated=True)


def _crouched_arms(rng: Rng) -> tuple[Arm, Arm]:
    u = rng.uniform
    return both(lambda: Arm(u(15, 80), u(50, 110), u(5, 90), (-0.5, -0.5, 0.3)))


def squat(rng: Rng, pose: Pose) -> Pose:
    """Both knees deeply bent."""
    u = rng.uniform
    left, right = (Leg(u(80, 120), u(5, 30), u(95, 140), u(0, 20)) for _ in range(2))
    lean, root = (u(5, 40), *pose.lean[1:]), euler(x=u(0, 15))
    return replace(pose, arms=_crouched_arms(rng), legs=(left, right), lean=lean, root=root, flat_feet=False)


def kneel(rng: Rng, pose: Pose) -> Pose:
    """On one knee."""
    side = int(rng.integers(2))
    down = Leg(rng.uniform(-5, 10), 5, rng.uniform(85, 105), 5)
    pose = squat(rng, pose)
    return replace(pose, legs=each(pose.legs, side, down))


def arms_up(rng: Rng, pose: Pose) -> Pose:
    """One or both arms above the head."""
    u, arms = rng.uniform, pose.arms
    for side in (0, 1) if rng.random() < 0.6 else (int(rng.integers(2)),):
        arms = each(arms, side, Arm(u(115, 172), u(-10, 80), half(rng, 20, 25), (-0.8, -0.2, 0.8)))
    return replace(pose, arms=arms)


def bend(rng: Rng, pose: Pose) -> Pose:
    """The trunk bent forward, with the hands low or on the knees."""
    u = rng.uniform
    arms = both(lambda: Arm(u(20, 100), u(60, 120), half(rng, 15, 20), (-0.3, -0.5, 0.5)))
    lean = (u(35, 95), rng.normal(0, 8), rng.normal(0, 15))
    if rng.random() < 0.35:
        place = Reach("lowerleg01.", (0, -0.07, u(0.03, 0.12)))
        arms, lean = (Arm(reach=place), Arm(reach=place)), (u(35, 60), 0.0, rng.normal(0, 8))
    left, right = (
        replace(leg, flexion=leg.flexion + u(0, 35), knee=leg.knee + u(0, 45)) for leg in pose.legs
    )
    neck = (u(-40, 10), *pose.neck[1:])
    return replace(pose, arms=arms, legs=(left, right), lean=lean, neck=neck, root=euler(x=u(0, 25)))


def jump(rng: Rng, pose: Pose) -> Pose:
    """In the air."""
    u = rng.uniform
    arms = both(lambda: Arm(u(30, 165), u(-20, 90), u(0, 90), (-0.2, -0.6, 0.8)))
    left, right = (Leg(u(-25, 80), u(0, 35), u(0, 110), 5) for _ in range(2))
    root = euler(x=rng.normal(0, 12), y=rng.normal(0, 10))
    return replace(pose, arms=arms, legs=(left, right), lift=u(0.1, 0.6), flat_feet=False, root=root)


def balance(rng: Rng, pose: Pose) -> Pose:
    """On one leg with stretched arms (yoga)."""
    u, side = rng.uniform, int(rng.integers(2))
    lifted = Leg(u(40, 90), u(10, 50), u(70, 110), 10)
    standing = Leg(u(-40, 10), u(5, 30), half(rng, 8, 10), 10)
    legs = (lifted, standing) if side == 0 else (standing, lifted)
    arms = both(lambda: Arm(u(70, 175), u(-10, 60), half(rng, 5, 10), (0, -1, 1)))
    return replace(pose, arms=arms, legs=legs)


def kick(rng: Rng, pose: Pose) -> Pose:
    """One leg kicked up."""
    u, side = rng.uniform, int(rng.integers(2))
    legs = each(pose.legs, side, Leg(u(45, 115), u(0, 45), half(rng, 20, 25), 5))
    arms = both(lambda: Arm(u(20, 90), u(-20, 90), u(10, 110), (-0.2, -1, 0.6)))
    root = euler(x=u(-20, 5), y=rng.normal(0, 12))
    return replace(pose, arms=arms, legs=legs, lean=(u(-30, 5), *pose.lean[1:]), root=root)


def throw(rng: Rng, pose: Pose) -> Pose:
    """One arm drawn back or swung forward, legs apart."""
    u, side = rng.uniform, int(rng.integers(2))
    far = Arm(u(80, 150), u(-50, 60), u(10, 110), (0, 0.3, 1))
    near = Arm(u(30, 90), u(20, 110), u(10, 80), (-0.3, -0.6, 0.4))
    arms = (far, near) if side == 0 else (near, far)
    left, right = (Leg(u(-25, 40), u(5, 25), u(0, 40)) for _ in range(2))
    lean = (rng.normal(5, 12), rng.normal(0, 12), rng.normal(0, 30))
    return replace(pose, arms=arms, legs=(left, right), lean=lean, flat_feet=False)


def dance(rng: Rng, pose: Pose) -> Pose:
    """Anything upright: free arms and legs, a bent spine."""
    u = rng.uniform
    left, right = (Leg(u(-20, 70), u(-5, 40), u(0, 80), rng.normal(10, 15)) for _ in range(2))
    root = euler(x=rng.normal(0, 10), y=rng.normal(0, 10))
    arms = (free_arm(rng), free_arm(rng))
    flat = bool(rng.random() < 0.5)
    return replace(
        pose, arms=arms, legs=(left, right), lean=vector(rng, (18, 16, 22)), root=root, flat_feet=flat
    )


def lie(rng: Rng, pose: Pose) -> Pose:
    """On the back, the belly or a side."""
    u = rng.uniform
    root = euler(y=rng.choice([-85, 85])) if rng.random() < 0.4 else euler(x=rng.choice([-88, 88]))
    left, right = (Leg(u(-5, 60), u(0, 25), u(0, 90), 5) for _ in range(2))
    return replace(pose, arms=(free_arm(rng), free_arm(rng)), legs=(left, right), root=root, flat_feet=False)


def handstand(rng: Rng, pose: Pose) -> Pose:
    """Upside down on the hands, or in a cartwheel."""
    u = rng.uniform
    upright = rng.random() < 0.6
    root = euler(x=180 + rng.normal(0, 15), y=rng.normal(0, 15))
    if not upright:
        root = euler(y=rng.choice([-1, 1]) * u(60, 150))
    arms = both(lambda: Arm(u(140, 175), u(0, 30), u(0, 15), (0, -1, 0)))
    left, right = (Leg(u(-30, 50), u(0, 50), u(0, 60), 5) for _ in range(2))
    return replace(pose, arms=arms, legs=(left, right), root=root, flat_feet=False)


def free(rng: Rng, pose: Pose) -> Pose:
    """Standing or walking with arms anywhere."""
    if rng.random() < 0.4:
        pose = walk(rng, pose)
    return replace(pose, arms=(free_arm(rng), free_arm(rng)))


Family = Callable[[Rng, Pose], Pose]

# Family -> (function, weight); families of weight 0 are drawn only on request (`SynthConfig.family`).
FAMILIES: dict[str, tuple[Family, float]] = {
    "stand": (lambda rng, pose: pose, 12),
    "walk": (walk, 11),
    "run": (run, 7),
    "sit": (sit, 10),
    "squat": (squat, 4),
    "arms_up": (arms_up, 6),
    "bend": (bend, 6),
    "jump": (jump, 4),
    "balance": (balance, 3),
    "kick": (kick, 3),
    "hips": (hips, 5),
    "phone": (phone, 5),
    "crossed": (crossed, 4),
    "clasped": (clasped, 5),
    "touch": (touch, 7),
    "wave": (wave, 5),
    "dance": (dance, 7),
    "free": (free, 9),
    "kneel": (kneel, 3),
    "lie": (lie, 3),
    "handstand": (handstand, 1.5),
    "throw": (throw, 4),
    "ride": (ride, 3),
    "acrobat": (acrobat, 0),
}


def check_family(name: str) -> None:
    """Raise ValueError unless a family of this name exists."""
    if name not in FAMILIES:
        raise ValueError(f"expected a pose family out of {', '.join(FAMILIES)}; got {name!r}")


def sample_pose(rng: Rng, family: str | None = None) -> Pose:
    """Draw a pose of the given family, or of a family that is drawn by weight."""
    if family is None:
        weights = np.array([weight for _, weight in FAMILIES.values()])
        family = str(rng.choice(list(FAMILIES), p=weights / weights.sum()))
    check_family(family)
    return replace(FAMILIES[family][0](rng, relaxed(rng)), family=family)
