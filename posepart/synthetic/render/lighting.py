"""Sunlight with shadows, skylight, light bounced off the ground, and fill light."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..people.figures import Figure
from ..people.rotations import Array, unit
from .faces import Rasteriser
from .mesh import SceneMesh

SHADOW_SIZE = 384  # pixels of the square shadow map
SHADOW_BIAS = 0.025  # metres


@dataclass(frozen=True)
class Light:
    """The light of a scene; colours are RGB, directions point to the light in the world frame."""

    direction: Array  # (3,) float32, to the sun
    sun: Array  # (3,) float32, colour
    sky: Array  # (3,) float32, colour from above
    bounce: Array  # (3,) float32, colour from below
    fill_direction: Array  # (3,) float32
    fill: Array  # (3,) float32, colour


def sample_light(rng: np.random.Generator) -> Light:
    """Draw a light: outdoors with a strong sun, or indoors with a strong ambient part."""
    u = rng.uniform
    azimuth, elevation, indoor = u(0, 2 * math.pi), math.radians(u(18, 80)), rng.random() < 0.45
    direction = np.array(
        [
            math.sin(azimuth) * math.cos(elevation),
            -math.cos(azimuth) * math.cos(elevation),
            math.sin(elevation),
        ]
    )
    sky = np.array([u(0.85, 1), u(0.9, 1), u(0.95, 1.1)]) * u(0.3, 0.6)
    return Light(
        direction.astype(np.float32),
        (np.array([1, 0.97, 0.92]) * u(0.5, 1.25) * (0.45 if indoor else 1)).astype(np.float32),
        (sky * (1.25 if indoor else 1)).astype(np.float32),
        (np.array([1, 0.95, 0.88]) * u(0.12, 0.35)).astype(np.float32),
        unit(rng.standard_normal(3) + np.array([0, -1, 0.3])).astype(np.float32),
        (u(0, 0.35) * (1 + rng.normal(0, 0.08, 3))).astype(np.float32),
    )


def dot(vectors: Array, direction: Array) -> Array:
    """The scalar products (N,) of vectors (N, 3) with one direction (3,), without BLAS."""
    return vectors[:, 0] * direction[0] + vectors[:, 1] * direction[1] + vectors[:, 2] * direction[2]


class ShadowMap:
    """The depth of the scene around the people as seen from the sun, in an orthographic view.

    Parameters
    ----------
    mesh : SceneMesh
    figures : sequence of Figure
    light : Light
    rasterise : Rasteriser
    """

    def __init__(
        self, mesh: SceneMesh, figures: Sequence[Figure], light: Light, rasterise: Rasteriser
    ) -> None:
        self._light = light.direction
        self._right = unit(np.cross(light.direction, [0.1, 0.3, 1])).astype(np.float32)
        self._up = np.cross(light.direction, self._right)
        origins = np.array([f.origin for f in figures]) if figures else np.zeros((1, 3))
        centre = origins.mean(0)
        radius = 1.4 + 1.2 * float(np.linalg.norm(origins[:, :2] - centre[:2], axis=1).max())
        self._low = np.array([centre @ self._right, (centre + np.array([0, 0, 0.9])) @ self._up]) - radius
        self._scale = SHADOW_SIZE / (2 * radius)
        points = mesh.vertices.astype(np.float64)
        towards = dot(points, self._light)
        self._far = float(towards.min()) if len(points) else 0.0
        xy = np.stack(self._pixels(points), 1)
        both = np.zeros(len(mesh.faces), bool)
        self._map, _ = rasterise(xy, towards - self._far + 1, mesh.faces, both, SHADOW_SIZE, SHADOW_SIZE)

    def _pixels(self, points: Array) -> tuple[Array, Array]:
        return (
            (dot(points, self._right) - self._low[0]) * self._scale,
            (dot(points, self._up) - self._low[1]) * self._scale,
        )

    def lit(self, points: Array) -> Array:
        """The share of sunlight (N,) float32, one of 0, .25, .5, .75 and 1, that arrives at points (N, 3)."""
        u, v = self._pixels(points)
        towards = dot(points, self._light) - self._far + 1 + SHADOW_BIAS
        total = np.zeros(len(points), np.float32)
        for du, dv in ((-0.6, -0.6), (0.7, -0.5), (-0.5, 0.7), (0.6, 0.6)):
            x = np.clip(np.rint(u + du).astype(int), 0, SHADOW_SIZE - 1)
            y = np.clip(np.rint(v + dv).astype(int), 0, SHADOW_SIZE - 1)
            total += self._map[y, x] <= towards
        return total / 4
