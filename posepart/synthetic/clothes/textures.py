"""Procedural colours, noise and textures. Colours are RGB float32 in [0, 1], close to linear."""

import colorsys
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from ..people.rotations import Array, unit

Rng = np.random.Generator


def resize(image: Array, height: int, width: int) -> Array:
    """Bicubic resizing of a float array (H, W) or (H, W, C) to `height` and `width`."""
    planes = np.atleast_3d(np.asarray(image, np.float32))
    sized = [
        np.asarray(Image.fromarray(np.ascontiguousarray(planes[:, :, k])).resize((width, height), 3))
        for k in range(planes.shape[2])
    ]
    return sized[0] if image.ndim == 2 else np.stack(sized, 2)


def fractal_noise(
    rng: Rng, height: int, width: int, cells: tuple[int, ...] = (4, 8, 16, 32, 64), persistence: float = 0.55
) -> Array:
    """The sum of smooth random fields with the given numbers of cells across: (H, W) float32 in [0, 1]."""
    total, amplitude = np.zeros((height, width), np.float32), 1.0
    for count in cells:
        rows = max(2, int(count * height / width) + 1)
        coarse = rng.standard_normal((rows, count + 1)).astype(np.float32)
        total += amplitude * resize(coarse, height, width)
        amplitude *= persistence
    total -= total.min()
    return total / (total.max() + 1e-6)


def box_blur(image: Array, radius: int) -> Array:
    """The mean over a window of side 2 * radius + 1, with repeated borders: (H, W, C) float32."""
    if radius < 1:
        return image
    for axis in (0, 1):
        margins = [(radius + 1, radius) if i == axis else (0, 0) for i in range(image.ndim)]
        sums = np.cumsum(np.pad(image, margins, mode="edge"), axis, dtype=np.float64)
        n = image.shape[axis]
        upper = np.take(sums, np.arange(2 * radius + 1, 2 * radius + 1 + n), axis)
        image = (upper - np.take(sums, np.arange(n), axis)) / (2 * radius + 1)
    return image.astype(np.float32)


def random_colour(rng: Rng) -> Array:
    """A colour of clothes or objects, (3,) float32: often grey, blue or brown, sometimes any."""
    kind, u = rng.random(), rng.uniform
    if kind < 0.38:
        value = rng.choice([u(0.02, 0.15), u(0.7, 0.95), u(0.2, 0.6)])
        return np.clip(np.full(3, value) + rng.normal(0, 0.02, 3), 0.01, 1).astype(np.float32)
    if kind < 0.6:
        hsv = (u(0.55, 0.68), u(0.25, 0.85), u(0.12, 0.7))
    elif kind < 0.75:
        hsv = (u(0.04, 0.13), u(0.2, 0.6), u(0.2, 0.85))
    else:
        hsv = (u(0, 1), u(0.3, 0.9), u(0.2, 0.95))
    return np.array(colorsys.hsv_to_rgb(*hsv), np.float32)


class SineNoise:
    """Smooth noise in space: the mean of sines in random directions, with an analytic gradient.

    Parameters
    ----------
    rng : numpy Generator
    frequency : float
        Radians per metre.
    waves : int
        Number of sines.
    """

    def __init__(self, rng: Rng, frequency: float, waves: int = 7) -> None:
        directions = unit(rng.standard_normal((waves, 3)))
        self._waves = (directions * frequency * rng.uniform(0.6, 1.6, (waves, 1))).astype(np.float32)
        self._phases = rng.uniform(0, 2 * np.pi, waves).astype(np.float32)

    def _angles(self, points: Array) -> Iterator[Array]:
        # Wave by wave instead of a matrix product: BLAS may round differently with another number of threads.
        x, y, z = (np.ascontiguousarray(points[:, k], np.float32) for k in range(3))
        for (a, b, c), phase in zip(self._waves, self._phases, strict=True):
            yield x * a + y * b + z * c + phase

    def __call__(self, points: Array) -> Array:
        """The noise (N,) float32 in [-1, 1] at points (N, 3), metres."""
        total = np.zeros(len(points), np.float32)
        for angles in self._angles(points):
            total += np.sin(angles)
        return total / len(self._waves)

    def gradient(self, points: Array) -> Array:
        """The gradient (N, 3) float32 of the noise at points (N, 3), metres."""
        total = np.zeros((3, len(points)), np.float32)
        for wave, angles in zip(self._waves, self._angles(points), strict=True):
            cosine = np.cos(angles)
            for axis in range(3):
                total[axis] += cosine * wave[axis]
        return total.T / len(self._waves)


def grey(image: Array) -> Array:
    """The mean of the channels: (H, W, 3) -> (H, W)."""
    return (image[..., 0] + image[..., 1] + image[..., 2]) / 3


def look_up(texture: Array, u: ArrayLike, v: ArrayLike) -> Array:
    """The nearest texels (N, 3) of a texture (H, W, 3) at u, v (N,); v points up.

    The texture is repeated in mirrored copies, so that it has no seams.
    """
    height, width = texture.shape[:2]
    across, up = (np.abs((np.asarray(t) + 1) % 2 - 1) for t in (u, v))
    row = np.clip(((1 - up) * height).astype(int), 0, height - 1)
    column = np.clip((across * width).astype(int), 0, width - 1)
    return texture[row, column]
