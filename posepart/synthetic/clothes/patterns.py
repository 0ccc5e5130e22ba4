"""Procedural pictures of materials (planks, bricks, foliage, facades, ...) for walls, floors and objects."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from posepart.arrays import Mask

from ..people.rotations import Array
from .textures import fractal_noise, grey, random_colour

Rng = np.random.Generator
Pattern = Callable[[Rng, int, int], Array]


def _grid(height: int, width: int) -> tuple[Array, Array]:
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return y / height, x / width


def _noise(rng: Rng, height: int, width: int) -> Array:
    return fractal_noise(rng, height, width)[..., None]


def _joints(place: Array, width: float) -> Mask:
    """Lines centred on all whole numbers, so that mirrored copies of the picture fit together."""
    return np.abs(place % 1 - 0.5) > 0.5 - width / 2


def plain(rng: Rng, height: int, width: int) -> Array:
    """One colour with faint stains."""
    return random_colour(rng) * (0.85 + 0.3 * _noise(rng, height, width))


def mottled(rng: Rng, height: int, width: int) -> Array:
    """Two colours blended by noise."""
    first, second = random_colour(rng), random_colour(rng)
    second = first * 0.6 + second * 0.4 if rng.random() < 0.6 else second
    n = _noise(rng, height, width)
    return first * (1 - n) + second * n


def planks(rng: Rng, height: int, width: int) -> Array:
    """Boards with dark gaps and grain."""
    colour, count = random_colour(rng), int(rng.integers(5, 16))
    y, _ = _grid(height, width)
    tone = rng.random(count + 1)[np.floor(y * count).astype(int)][..., None]
    grain = fractal_noise(rng, height, 8, (4, 8)).repeat(width // 8 + 1, 1)[:, :width, None]
    gaps = _joints(y * count, 0.05)[..., None]
    return colour * (0.6 + 0.3 * tone + 0.2 * grain) * (1 - 0.5 * gaps)


def _blocks(rng: Rng, height: int, width: int, bond: bool) -> Array:
    colour, joint, count = random_colour(rng), random_colour(rng) * 0.8, int(rng.integers(5, 14))
    y, x = _grid(height, width)
    row = np.floor(y * count)
    along = x * count * (0.5 if bond else 1) + (row % 2 * 0.5 if bond else 0)
    tone = ((row * 37 + np.floor(along) * 17) % 11 / 11)[..., None]
    image = colour * (0.7 + 0.4 * tone * rng.uniform(0.1, 1)) * (0.8 + 0.3 * _noise(rng, height, width))
    image[_joints(y * count, 0.08) | _joints(along, 0.05)] = joint
    return image


def bricks(rng: Rng, height: int, width: int) -> Array:
    """Bricks in running bond."""
    return _blocks(rng, height, width, bond=True)


def tiles(rng: Rng, height: int, width: int) -> Array:
    """Square tiles."""
    return _blocks(rng, height, width, bond=False)


def facade(rng: Rng, height: int, width: int) -> Array:
    """A wall with rows of windows."""
    columns, rows = int(rng.integers(3, 9)), int(rng.integers(3, 8))
    y, x = _grid(height, width)
    u, v = (x * columns) % 1, (y * rows) % 1
    window = ((u > 0.22) & (u < 0.78) & (v > 0.2) & (v < 0.8))[..., None]
    n = _noise(rng, height, width)
    pane = ((np.floor(x * columns) * 7 + np.floor(y * rows) * 13) % 5 / 5)[..., None]
    glass = np.array([0.25, 0.32, 0.4]) + 0.4 * pane * np.array([1, 0.95, 0.8])
    return np.where(window, glass * (0.7 + 0.5 * n), random_colour(rng) * (0.8 + 0.3 * n))


def foliage(rng: Rng, height: int, width: int) -> Array:
    """Leaves or grass."""
    leaves = fractal_noise(rng, height, width, (8, 20, 50, 100), 0.8)[..., None]
    green = np.array([rng.uniform(0.12, 0.4), rng.uniform(0.3, 0.55), rng.uniform(0.05, 0.25)])
    return green * (0.2 + 1.3 * leaves) * (0.6 + 0.6 * _noise(rng, height, width))


def gravel(rng: Rng, height: int, width: int) -> Array:
    """Grey or brown grains: asphalt, gravel, sand, carpet."""
    colour = random_colour(rng) * 0.4 + np.array([0.35, 0.33, 0.3]) * rng.uniform(0.5, 1.2)
    grain = rng.uniform(0.75, 1.25, (height, width, 1))
    return colour * grain * (0.75 + 0.5 * _noise(rng, height, width))


def shelf(rng: Rng, height: int, width: int) -> Array:
    """Rows of upright coloured objects, such as books or goods."""
    rows = int(rng.integers(3, 7))
    image = np.ones((height, width, 3), np.float32) * random_colour(rng) * 0.3
    for row in range(rows):
        x, base = 0, int((row + 0.95) * height / rows)
        while x < width:
            w = max(1, int(width * rng.uniform(0.015, 0.09)))
            h = int(height / rows * rng.uniform(0.45, 0.9))
            image[max(0, base - h) : base, x : x + w] = random_colour(rng) * rng.uniform(0.5, 1)
            x += w + int(rng.integers(0, 3))
    return image * (0.8 + 0.3 * _noise(rng, height, width))


def curtain(rng: Rng, height: int, width: int) -> Array:
    """Vertical folds."""
    phase = np.cumsum(0.2 + 0.2 * fractal_noise(rng, 2, width, (8, 16))[0])
    folds = 0.65 + 0.3 * np.sin(phase)[None, :, None]
    return random_colour(rng) * folds * (0.85 + 0.2 * _noise(rng, height, width))


def clutter(rng: Rng, height: int, width: int) -> Array:
    """Random ellipses, rectangles, lines and polygons."""

    def colour(strength: float) -> tuple[int, ...]:
        return tuple(int(c * 255) for c in random_colour(rng) * strength)

    image = Image.new("RGB", (width, height), colour(1))
    draw, u = ImageDraw.Draw(image), rng.uniform
    for _ in range(int(rng.integers(15, 60))):
        x, y = u(0, width), u(0, height)
        rx, ry = width * u(0.01, 0.18), height * u(0.01, 0.18)
        box, fill, kind = [x - rx, y - ry, x + rx, y + ry], colour(u(0.3, 1)), int(rng.integers(4))
        if kind == 0:
            draw.ellipse(box, fill=fill)
        elif kind == 1:
            draw.rectangle(box, fill=fill)
        elif kind == 2:
            draw.line(box, fill=fill, width=int(rng.integers(1, 9)))
        else:
            corners = [(x + rng.normal() * rx, y + rng.normal() * ry) for _ in range(rng.integers(3, 7))]
            draw.polygon(corners, fill=fill)
    return np.asarray(image, np.float32) / 255 * (0.75 + 0.4 * _noise(rng, height, width))


PATTERNS: dict[str, Pattern] = {
    "plain": plain,
    "mottled": mottled,
    "planks": planks,
    "bricks": bricks,
    "tiles": tiles,
    "facade": facade,
    "foliage": foliage,
    "gravel": gravel,
    "shelf": shelf,
    "curtain": curtain,
    "clutter": clutter,
}


def pattern(rng: Rng, height: int, width: int, kinds: tuple[str, ...] = tuple(PATTERNS)) -> Array:
    """A picture (H, W, 3) float32 of one of the given kinds, with reduced saturation."""
    image = PATTERNS[str(rng.choice(kinds))](rng, height, width)
    luma = grey(image)[..., None]
    return (luma + (image - luma) * rng.uniform(0.25, 1) ** 0.7).astype(np.float32)
