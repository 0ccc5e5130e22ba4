"""The albedo: the colour of each point of a dressed body before any light falls on it."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Mask

from ..people.body import SKIN, Surface
from ..people.rotations import Array
from .garments import Fabric, Outfit
from .materials import Material


def _check(fabric: Fabric, colour: Array, along: Array, x: Array) -> Array:
    colour = colour * (1 - 0.35 * (np.sin(along * fabric.frequency) > 0))[:, None]
    second = np.where((np.sin(x * fabric.frequency) > 0)[:, None], fabric.second, colour)
    return colour * 0.75 + 0.25 * second


def _printed(fabric: Fabric, colour: Array, rest: Array, arm: Mask) -> Array:
    assert fabric.print_image is not None
    centre_x, centre_z, half_width, half_height = fabric.print_box
    u, v = (rest[:, 0] - centre_x) / half_width, (rest[:, 2] - centre_z) / half_height
    inside = (np.abs(u) < 1) & (np.abs(v) < 1) & (rest[:, 1] < -0.03) & ~arm
    count = len(fabric.print_image)
    row = np.clip(((1 - v[inside]) / 2 * count).astype(int), 0, count - 1)
    column = np.clip(((u[inside] + 1) / 2 * count).astype(int), 0, count - 1)
    colour[inside] = fabric.print_image[row, column]
    return colour


def _second_colour(fabric: Fabric, rest: Array, along: Array, coarse: Array, middle: Array) -> Mask | None:
    """Where a two-coloured pattern shows its second colour; None for other patterns."""
    x, k = rest[:, 0] + fabric.tilt * rest[:, 2], fabric.frequency
    rules: dict[str, Callable[[], Mask]] = {
        "stripes": lambda: np.sin(along * k) > fabric.tilt,
        "vertical": lambda: np.sin(x * k * 1.3) > 0.3,
        "camouflage": lambda: middle + coarse > 0.1,
        "dots": lambda: np.sin(rest[:, 0] * k * 1.2) * np.sin(along * k * 1.2) > 0.6,
        "block": lambda: along > 0.3 + fabric.tilt * 0.3,
        "side": lambda: (np.abs(np.abs(rest[:, 0]) - 0.2) < 0.012) | (np.abs(rest[:, 1] + 0.01) < 0.018),
    }
    return rules[fabric.kind]() if fabric.kind in rules else None


def fabric_colour(fabric: Fabric, outfit: Outfit, surface: Surface, where: Mask) -> Array:
    """The colours of some points of a garment.

    Parameters
    ----------
    fabric : Fabric
    outfit : Outfit
    surface : Surface
        N points.
    where : (N,) bool
        Those that the garment covers, n of them.

    Returns
    -------
    (n, 3) float32
    """
    rest, arm = surface.rest[where], surface.arm_weight[where] > 0.5
    cloth = outfit.cloth
    coarse, middle = cloth.coarse(rest), cloth.middle(rest)
    along = np.where(arm, surface.along_arm[where] * 0.28, rest[:, 2])
    colour = np.broadcast_to(fabric.colour, rest.shape).astype(np.float32)
    second = _second_colour(fabric, rest, along, coarse, middle)
    if second is not None:
        colour[second] = fabric.second
    elif fabric.kind == "check":
        colour = _check(fabric, colour, along, rest[:, 0] + fabric.tilt * rest[:, 2])
    elif fabric.kind == "mottled":
        share = np.clip(0.5 + 0.9 * coarse, 0, 1)[:, None] * 0.6
        colour = colour * (1 - share) + fabric.second * share
    elif fabric.print_image is not None:
        colour = _printed(fabric, colour, rest, arm)
    return colour * (1 + 0.06 * cloth.fine(rest) + 0.08 * coarse)[:, None]


def _skin(outfit: Outfit, surface: Surface, material: NDArray[np.int8]) -> Array:
    """Skin with lips, brows, cheeks, eyelids and glasses: (N, 3)."""
    x, y, z = surface.rest.T
    tone = 1 + 0.04 * outfit.cloth.middle(surface.rest) + 0.03 * outfit.cloth.coarse(surface.rest)
    colour = outfit.skin * tone[:, None]
    colour = colour * (1 - surface.masks[:, :1] * np.array([0.08, 0.38, 0.32]))
    front = (y < -0.11) & (material == Material.SKIN)
    arch = 0.7225 + 0.006 * np.sin(np.clip((np.abs(x) - 0.012) / 0.045, 0, 1) * 3.1)
    brow = front & (np.abs(np.abs(x) - 0.034) < 0.022) & (np.abs(z - arch) < 0.0042)
    colour[brow] = outfit.head.hair_colour * 0.8 + outfit.skin * 0.15
    colour *= 1 - 0.18 * surface.masks[:, 1:2]
    cheek = np.exp(-((np.abs(x) - 0.045) ** 2 + (z - 0.675) ** 2) / 0.0006) * (y < -0.09)
    colour *= 1 - cheek[:, None] * np.array([0, 0.12, 0.1])
    if outfit.head.glasses is not None:
        lens = (np.abs(z - 0.702) < 0.012) & (y < -0.1) & ((np.abs(x) > 0.008) | (z > 0.704))
        temple = (np.abs(z - 0.706) < 0.003) & (np.abs(x) > 0.05) & (y < -0.03) & (y > -0.13)
        colour[(lens | temple) & (material != Material.HAIR)] = outfit.head.glasses
    return colour


def _eyes(rest: Array) -> Array:
    radius = np.hypot(rest[:, 0] - np.where(rest[:, 0] > 0, 0.031, -0.031), rest[:, 2] - 0.702)[:, None]
    iris = np.where(radius < 0.003, 0.02, np.array([0.18, 0.12, 0.07]))
    return np.where(radius < 0.0065, iris, np.array([0.85, 0.83, 0.8]))


def _hair(outfit: Outfit, surface: Surface, where: Mask, below: Array) -> Array:
    """Strands of hair: (n, 3); through a beard the skin `below` (n, 3) is seen."""
    rest, head, cloth = surface.rest[where], outfit.head, outfit.cloth
    around, middle = np.arctan2(rest[:, 0], rest[:, 1] + 0.05), cloth.middle(rest)
    strands = 0.16 * np.sin(around * 38 + 3 * middle + 2 * (rest[:, 2] - 0.7))
    strands += 0.12 * np.sin(around * 91 + 2 * cloth.fine(rest)) + 0.15 * middle
    colour = head.hair_colour * (0.85 + strands)[:, None]
    beard = (rest[:, 1] < -0.07) & (rest[:, 2] < 0.665) & (surface.group[where] == SKIN)
    return np.where(beard[:, None], colour * head.beard + below * (1 - head.beard), colour)


def albedo(outfit: Outfit, surface: Surface, material: NDArray[np.int8]) -> Array:
    """Colours (N, 3) float32 in [0, 1] of the points of a surface, given their materials (N,)."""
    colour = _skin(outfit, surface, material)
    garments: dict[Material, Fabric | None] = {
        Material.TOP: outfit.top.fabric,
        Material.BOTTOM: outfit.bottom.fabric,
        Material.SKIRT: outfit.bottom.fabric,
        Material.SHOE: outfit.feet.shoe,
        Material.SOCK: outfit.feet.sock,
        Material.INNER: outfit.inner,
        Material.GLOVE: outfit.gloves,
        Material.HAT: outfit.head.hat,
    }
    for kind, fabric in garments.items():
        where = material == kind
        if fabric is not None and where.any():
            colour[where] = fabric_colour(fabric, outfit, surface, where)
    colour[(material == Material.SHOE) & (surface.rest[:, 2] < -0.822)] = outfit.feet.shoe.second
    x, z = surface.rest[:, 0], surface.rest[:, 2]
    if outfit.strap:
        strap = np.isin(material, (Material.TOP, Material.INNER)) & (surface.arm_weight < 0.5)
        colour[strap & (np.abs(x * 0.8 + (z - 0.27)) < 0.02)] = outfit.feet.shoe.colour
    eyes, hair = material == Material.EYE, material == Material.HAIR
    colour[eyes] = _eyes(surface.rest[eyes])
    colour[hair] = _hair(outfit, surface, hair, colour[hair])
    return np.clip(colour, 0.005, 1).astype(np.float32)
