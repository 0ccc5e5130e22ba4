"""Small helpers of the pose families."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from .people.poses import Vec3

Rng = np.random.Generator
T = TypeVar("T")


def vector(rng: Rng, scale: Vec3 = (1, 1, 1), centre: Vec3 = (0, 0, 0)) -> Vec3:
    """Normal deviates about `centre`."""
    x, y, z = rng.normal(0, 1, 3) * scale + np.asarray(centre)
    return float(x), float(y), float(z)


def half(rng: Rng, mean: float, deviation: float) -> float:
    """Absolute value of a normal deviate."""
    return abs(float(rng.normal(mean, deviation)))


def each(pair: tuple[T, T], side: int, value: T) -> tuple[T, T]:
    """The pair with the value of one side exchanged."""
    return (value, pair[1]) if side == 0 else (pair[0], value)


def both(draw: Callable[[], T]) -> tuple[T, T]:
    """Two independent draws."""
    return draw(), draw()
