"""Clips: the people of a scene walk past each other and gesture, frame after frame, with exact labels."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from .config import SynthConfig
from .generator import SceneGenerator
from .people.body import BodyModel, load_body
from .people.families import relaxed, sample_pose, walk
from .people.figures import Figure, facing, with_pose
from .people.poses import Pose
from .people.posing import bone_rotations
from .render.mesh import assemble
from .scene import SyntheticScene

CLIP = SynthConfig(
    size=(320, 180),
    people=3,
    adults_only=True,
    plain=True,
    arrangement="row",
    family="stand",
    interaction_share=0.0,
)
FPS = 25.0
WALKERS = 2  # the first two people walk, towards each other; the others stand and gesture
SPEED = 1.2  # m / s, of a walker
STEPS = 2 * np.pi * 0.9  # radians of the gait / s
LANE = 0.55  # m, between the lanes of two walkers, in depth
BEHIND = 0.9  # m, from the middle of the lanes to those who stand
GESTURES = ("stand", "wave", "hips", "free")
GESTURE = 0.8  # s, from one gesture to the next


def clip(seed: int, frames: int, config: SynthConfig = CLIP) -> Iterator[SyntheticScene]:
    """The frames of a clip at `FPS`; the same seed gives the same clip.

    Parameters
    ----------
    seed : int
    frames : int
        Walkers pass each other in the middle one.
    config : SynthConfig
        Of every frame.

    Yields
    ------
    SyntheticScene
        `people[k].figure` tells who is who.
    """
    generator, body = SceneGenerator(config), load_body()
    composed = generator.compose(seed)
    for frame in range(frames):
        seconds = frame / FPS
        figures = [
            _walking(body, figure, k, (seed, k), seconds, seconds - frames / FPS / 2)
            if k < WALKERS
            else _gesturing(body, figure, (seed, k), seconds)
            for k, figure in enumerate(composed.figures)
        ]
        mesh = assemble(figures, composed.solids)
        yield generator.render(replace(composed, figures=figures, mesh=mesh), seed)


def _walking(
    body: BodyModel, figure: Figure, number: int, seed: tuple[int, int], seconds: float, from_middle: float
) -> Figure:
    """A walker: even ones go to the right, odd ones to the left and further away from the camera."""
    direction = 1.0 if number % 2 == 0 else -1.0
    rng = np.random.default_rng(seed)  # the same draws in every frame: only the phase differs
    pose = walk(rng, relaxed(rng), seconds * STEPS + number)
    place = np.array([direction * SPEED * from_middle, LANE * (number - 0.5), 0.0])
    return _placed(body, figure, pose, facing(np.array([direction, 0.0])), place)


def _gesturing(body: BodyModel, figure: Figure, seed: tuple[int, int], seconds: float) -> Figure:
    """Somebody who changes from gesture to gesture, slow at either end."""
    number, share = divmod(seconds / GESTURE, 1.0)
    start, end = (_gesture(seed, int(number) + k) for k in (0, 1))
    pose = _between(start, end, share * share * (3 - 2 * share))
    return _placed(body, figure, pose, figure.yaw, np.array([figure.origin[0], BEHIND, 0.0]))


def _gesture(seed: tuple[int, int], number: int) -> Pose:
    rng = np.random.default_rng((*seed, number))
    return sample_pose(rng, str(rng.choice(GESTURES)))


def _between(start: Any, end: Any, share: float) -> Any:
    """A pose between two: all numbers are interpolated, all else is the start's."""
    if is_dataclass(start) and not isinstance(start, type):
        own = {f.name: getattr(start, f.name) for f in fields(start)}
        return replace(
            start, **{name: _between(value, getattr(end, name), share) for name, value in own.items()}
        )
    if isinstance(start, tuple):
        return tuple(_between(a, b, share) for a, b in zip(start, end, strict=True))
    if isinstance(start, float | np.floating):
        return start + share * (end - start)
    return start


def _placed(body: BodyModel, figure: Figure, pose: Pose, yaw: float, place: np.ndarray) -> Figure:
    rotations = bone_rotations(body, figure.shape.bone_heads, pose, yaw)
    return with_pose(body, replace(figure, yaw=yaw, origin=place), pose, rotations)
