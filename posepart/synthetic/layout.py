"""The number of people, their places and the directions in which they face."""

import math
from dataclasses import dataclass

import numpy as np

from .config import SynthConfig
from .render.camera import Camera

Rng = np.random.Generator
ARRANGEMENTS = ("row", "crowd", "pairs", "queue")
SHARED_FAMILIES = (None, "stand", "sit", "dance", "walk")


@dataclass(frozen=True)
class Place:
    """The place of one person."""

    x: float  # metres, on the ground, world frame
    y: float  # metres, on the ground, world frame
    yaw: float  # degrees, turn about the vertical; 0 looks at the camera
    family: str | None  # pose family; None draws one


def count_people(rng: Rng, config: SynthConfig) -> int:
    """The configured number of people, or a random one from 1 to 8."""
    drawn = int(rng.choice([1, 2, 3, 4, 5, 6, 8], p=[0.28, 0.24, 0.17, 0.12, 0.09, 0.06, 0.04]))
    return drawn if config.people is None else config.people


def _spot(rng: Rng, kind: str, index: int, count: int, camera: Camera) -> tuple[float, float]:
    u, distance = rng.uniform, -float(camera.centre[1])
    middle = index - (count - 1) / 2
    if kind == "single":
        return rng.normal(0, 0.15) * camera.half_angle * distance, rng.normal(0, 0.1)
    if kind == "row":
        return middle * u(0.6, 0.95), rng.normal(0, 0.2)
    if kind == "pairs":
        pair = index // 2
        x = (index % 2 - 0.5) * u(0.45, 0.7) + (pair - (count - 1) / 4) * u(1.1, 1.7)
        return x, rng.normal(0, 0.1) + pair * 0.5
    if kind == "queue":
        return middle * u(0.15, 0.45) + rng.normal(0, 0.1), index * u(0.45, 0.9)
    y = u(-0.25, 1.6) * distance if count > 2 else u(-0.2, 0.8) * distance
    return u(-0.95, 0.95) * camera.half_angle * (distance + y), y


def sample_layout(rng: Rng, config: SynthConfig, camera: Camera, count: int) -> tuple[Place, ...]:
    """Draw the places of `count` people, apart from each other and from the camera.

    Raises
    ------
    ValueError
        If `config.arrangement` is not one of `ARRANGEMENTS`.
    """
    drawn, shared_draw = str(rng.choice(ARRANGEMENTS)), rng.choice(5, p=[0.8, 0.06, 0.05, 0.05, 0.04])
    kind = config.arrangement or ("single" if count == 1 else drawn)
    if kind not in (*ARRANGEMENTS, "single"):
        raise ValueError(f"expected an arrangement out of {', '.join(ARRANGEMENTS)}; got {kind!r}")
    family = config.family or SHARED_FAMILIES[shared_draw]
    facing = rng.uniform(-180, 180)
    facing = facing if rng.random() < 0.25 and not config.plain else 0.0
    gap = 0.34 if kind in ("pairs", "queue") else 0.45
    nearest = float(camera.centre[1]) + 1.1
    places: list[Place] = []
    for index in range(count):
        for _ in range(30):
            x, y = _spot(rng, kind, index, count, camera)
            if y > nearest and all(math.hypot(x - p.x, y - p.y) > gap for p in places):
                break
        any_way, towards = rng.uniform(-180, 180), rng.normal(0, 35)
        yaw = towards if config.plain or rng.random() < 0.6 else any_way
        places.append(Place(x, max(y, nearest), yaw + facing, family))
    return tuple(places)
