"""People who interact: holding hands, an arm around a shoulder, shaking hands, talking, hugging."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..layout import Place
from .body import BodyModel
from .figures import Figure, facing, with_pose
from .poses import SIDES, Arm, Pose, Reach, Vec3
from .posing import bone_rotations
from .rotations import Array

Rng = np.random.Generator
UPRIGHT = ("stand", "walk", "hips", "phone", "crossed", "clasped", "touch", "wave", "free")
FACE_TO_FACE = frozenset({"shake_hands", "talk", "hug"})
NEAR_ENOUGH = 1.3  # metres, the largest distance of two people who may interact


def _bone(body: BodyModel, figure: Figure, name: str) -> Array:
    return figure.bones[body.bones[name]]


def _arm_length(body: BodyModel, figure: Figure) -> float:
    """The length from shoulder to wrist along the bones, metres."""
    names = ("upperarm01.L", "lowerarm01.L", "wrist.L")
    shoulder, elbow, wrist = (figure.shape.bone_heads[body.bones[name]] for name in names)
    return float(np.linalg.norm(elbow - shoulder) + np.linalg.norm(wrist - elbow))


def _nearer_side(body: BodyModel, figure: Figure, target: Array) -> int:
    """The side (0 left, 1 right) whose shoulder is nearer to a world point (3,)."""
    gaps = [np.linalg.norm(_bone(body, figure, f"upperarm01.{s}") - target) for s in SIDES]
    return int(np.argmin(gaps))


def reach_for(
    body: BodyModel, figure: Figure, side: int, target: Array, pole: Vec3 = (0.5, 0.3, -1)
) -> Figure:
    """The figure with one wrist at, or stretched towards, a world point (3,); the feet stay in place."""
    arms = list(figure.pose.arms)
    arms[side] = Arm(reach=Reach(None, figure.to_body(target), pole))
    pose: Pose = replace(figure.pose, arms=(arms[0], arms[1]))
    rotations = bone_rotations(body, figure.shape.bone_heads, pose, figure.yaw)
    return with_pose(body, figure, pose, rotations, figure.origin)


def hold_hands(body: BodyModel, first: Figure, second: Figure) -> tuple[Figure, Figure]:
    """Two people side by side, hand in hand."""
    sides = _nearer_side(body, first, second.origin), _nearer_side(body, second, first.origin)
    shoulders = [
        _bone(body, f, f"upperarm01.{SIDES[s]}") for f, s in zip((first, second), sides, strict=True)
    ]
    meeting = (shoulders[0] + shoulders[1]) / 2
    # The lowest point that both arms reach when they are almost stretched.
    heights = []
    for figure, shoulder in zip((first, second), shoulders, strict=True):
        aside = float(np.hypot(*(meeting - shoulder)[:2]))
        reach = 0.93 * _arm_length(body, figure)
        heights.append(shoulder[2] - np.sqrt(max(reach**2 - aside**2, 0.0)))
    meeting[2] = max(heights)
    return reach_for(body, first, sides[0], meeting), reach_for(body, second, sides[1], meeting)


def arm_around(body: BodyModel, first: Figure, second: Figure) -> tuple[Figure, Figure]:
    """The first person puts an arm around the second's far shoulder, behind the neck."""
    side = _nearer_side(body, first, second.origin)
    far = SIDES[1 - _nearer_side(body, second, first.origin)]
    shoulder, neck = _bone(body, second, f"upperarm01.{far}"), _bone(body, second, "neck01")
    back = second.rotations[body.bones["spine01"]] @ np.array([0, 1.0, 0])
    target = 0.6 * shoulder + 0.4 * neck + (0.10 * back + [0, 0, 0.04]) * second.shape.scale
    return reach_for(body, first, side, target, (0.4, 0.8, 0.2)), second


def shake_hands(body: BodyModel, first: Figure, second: Figure) -> tuple[Figure, Figure]:
    """Two people face to face, shaking right hands."""
    middle = (_bone(body, first, "spine01") + _bone(body, second, "spine01")) / 2
    middle[2] -= 0.15
    apart = second.origin - first.origin
    apart = apart / (np.linalg.norm(apart) + 1e-9) * 0.08
    return reach_for(body, first, 1, middle - apart), reach_for(body, second, 1, middle + apart)


def talk(body: BodyModel, first: Figure, second: Figure) -> tuple[Figure, Figure]:
    """Two people face to face; their arms stay as they were drawn."""
    return first, second


def hug(body: BodyModel, first: Figure, second: Figure) -> tuple[Figure, Figure]:
    """Two people face to face, with their hands on each other's upper arms."""

    def embrace(one: Figure, other: Figure) -> Figure:
        for side, s in enumerate(SIDES):
            facing_side = SIDES[1 - side]
            target = _bone(body, other, f"upperarm01.{facing_side}") - [0, 0, 0.12 * other.shape.scale]
            outward = target - _bone(body, other, "spine01")
            target = target + 0.08 * outward / (np.linalg.norm(outward) + 1e-9)
            one = reach_for(body, one, SIDES.index(s), target, (1.0, 0.2, -0.5))
        return one

    return embrace(first, second), embrace(second, first)


INTERACTIONS: dict[str, tuple[Callable[[BodyModel, Figure, Figure], tuple[Figure, Figure]], float]] = {
    "hold_hands": (hold_hands, 0.3),
    "arm_around": (arm_around, 0.3),
    "shake_hands": (shake_hands, 0.12),
    "talk": (talk, 0.18),
    "hug": (hug, 0.1),
}


def sample_interactions(rng: Rng, places: tuple[Place, ...], share: float) -> dict[int, tuple[int, str]]:
    """Draw which neighbours interact; everyone interacts at most once.

    Parameters
    ----------
    rng : numpy Generator
    places : tuple of Place
    share : float
        Probability that a person interacts with the nearest free neighbour.

    Returns
    -------
    dict of int to (int, str)
        First person -> (second person, interaction).
    """
    names = list(INTERACTIONS)
    weights = np.array([weight for _, weight in INTERACTIONS.values()])
    chosen: dict[int, tuple[int, str]] = {}
    busy: set[int] = set()
    for i, place in enumerate(places):
        wants, name = rng.random() < share, str(rng.choice(names, p=weights / weights.sum()))
        gaps = {
            j: float(np.hypot(place.x - other.x, place.y - other.y))
            for j, other in enumerate(places)
            if j > i and j not in busy
        }
        if not wants or i in busy or not gaps:
            continue
        j = min(gaps, key=lambda k: gaps[k])
        if gaps[j] < NEAR_ENOUGH:
            chosen[i] = (j, name)
            busy |= {i, j}
    return chosen


def prepare_places(
    rng: Rng,
    places: tuple[Place, ...],
    chosen: dict[int, tuple[int, str]],
    families: tuple[str, ...] = UPRIGHT,
) -> tuple[Place, ...]:
    """Turn partners towards each other or side by side.

    A partner whose pose family is not upright gets one of `families`.
    """
    prepared = list(places)
    for i, (j, name) in chosen.items():
        first, second = places[i], places[j]
        apart = np.array([second.x - first.x, second.y - first.y])
        poses = [p.family if p.family in UPRIGHT else str(rng.choice(families)) for p in (first, second)]
        if name in FACE_TO_FACE:
            yaws = facing(apart), facing(-apart)
        else:
            along = facing(np.array([apart[1], -apart[0]]))
            yaws = (along, along)
        reach = 0.62 if name in FACE_TO_FACE - {"talk"} else 0.56
        distance = float(np.linalg.norm(apart))
        pull = apart * (1 - min(distance, reach) / distance) / 2 if name != "talk" else np.zeros(2)
        prepared[i] = Place(first.x + pull[0], first.y + pull[1], yaws[0], poses[0])
        prepared[j] = Place(second.x - pull[0], second.y - pull[1], yaws[1], poses[1])
    return tuple(prepared)


def interact(body: BodyModel, figures: list[Figure], chosen: dict[int, tuple[int, str]]) -> list[Figure]:
    """Move the arms of partners; `chosen` is from `sample_interactions`."""
    done = list(figures)
    for i, (j, name) in chosen.items():
        done[i], done[j] = INTERACTIONS[name][0](body, done[i], done[j])
    return done
