"""The material that covers a point of the body, and its thickness.

Both are decided for each point in the rest pose, so that hems and sleeves are as sharp as the picture and follow the
body exactly. The same function is used for vertices (thickness) and for pixels (colour).
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Mask

from ..people.body import EYES, LONG_HAIR, SKIN, SKIRT, Surface
from ..people.rotations import Array
from .garments import Head, Outfit, Top


class Material(IntEnum):
    """What is visible at a point."""

    SKIN = 0
    TOP = 1
    BOTTOM = 2
    SHOE = 3
    HAIR = 4
    HAT = 5
    GLOVE = 6
    SKIRT = 7
    EYE = 8
    SOCK = 9
    INNER = 10  # the shirt under an open jacket


def _top_mask(top: Top, surface: Surface, head: Mask, arm: Mask) -> Mask:
    x, y, z = surface.rest.T
    front = np.clip((-y - 0.02) / 0.06, 0, 1)
    neckline = top.neckline - top.v_depth * np.clip(1 - np.abs(x) / 0.07, 0, 1) * front
    trunk = ~head & ~arm & (z > top.hem)
    mask = (trunk & (z < neckline)) | (trunk & (np.abs(x) > 0.11) & (z < 0.6))
    if top.sleeveless:
        mask &= ~((z > 0.40) & (surface.arm_weight > 0.12)) & ~((z > 0.47) & (np.abs(x) < 0.045))
    else:
        mask |= arm & (surface.along_arm < top.sleeve)
    if top.kind == "swim":
        mask &= z > 0.25
    return mask


def _cover_head(head: Head, surface: Surface, on_head: Mask, material: NDArray[np.int8]) -> None:
    _, y, z = surface.rest.T
    score, ears = surface.scores[:, 0], surface.masks[:, 2]
    hairline = head.front + (head.back - head.front) * np.clip((y + 0.16) / 0.15, 0, 1)
    hairy = (score > 0.35) & (z > hairline) & (ears < 0.4)
    if not head.bald:
        material[hairy] = Material.HAIR
    elif head.ring:
        material[hairy & (z < 0.77) & (y > -0.12)] = Material.HAIR
    if head.beard:
        chin = on_head & (y < -0.07) & (z < 0.665) & (z > 0.60)
        material[chin & (surface.masks[:, 0] < 0.3)] = Material.HAIR
    if head.hat is not None:
        material[on_head & (z > head.hat_from) & (ears < 0.4)] = Material.HAT


def materials(outfit: Outfit, surface: Surface) -> NDArray[np.int8]:
    """The material of each point of a surface of N points: (N,) int8."""
    x, y, z = surface.rest.T
    material = np.zeros(len(surface), np.int8)
    on_head, arm = surface.scores[:, 0] > 0.5, surface.arm_weight > 0.5
    trunk = ~on_head & ~arm
    bottom, feet, top = outfit.bottom, outfit.feet, outfit.top
    short = surface.along_leg < bottom.leg
    covered = trunk & (z < bottom.waist) & (short if bottom.kind == "skirt" else short | (z > -0.02))
    material[covered] = Material.BOTTOM
    if not feet.barefoot:
        material[trunk & (z < feet.sock_top) & (z < -0.4) & ~covered] = Material.SOCK
        material[trunk & (z < feet.shoe_top)] = Material.SHOE
    if top.kind != "bare":
        material[_top_mask(top, surface, on_head, arm)] = Material.TOP
        if top.open_width:
            strip = trunk & (y < -0.03) & (np.abs(x) < top.open_width)
            material[strip & (material == Material.TOP)] = Material.INNER
    if outfit.gloves is not None:
        material[arm & (surface.along_arm > 1.98)] = Material.GLOVE
    _cover_head(outfit.head, surface, on_head, material)
    if top.hood:
        material[on_head & (y > -0.1) & (material != Material.HAT)] = Material.TOP
    for group, kind in ((EYES, Material.EYE), (SKIRT, Material.SKIRT), (LONG_HAIR, Material.HAIR)):
        material[surface.group == group] = kind
    return material


def _head_thickness(
    head: Head, outfit: Outfit, surface: Surface, material: NDArray[np.int8], t: Array
) -> None:
    rest = surface.rest
    y, z = rest[:, 1], rest[:, 2]
    hair = (material == Material.HAIR) & (surface.group == SKIN)
    crown = 0.55 + 0.45 * np.clip((z[hair] - 0.66) / 0.1, 0, 1)
    t[hair] = head.thickness * crown * (0.9 + 0.35 * outfit.cloth.middle(rest[hair]))
    t[hair & (z < 0.66) & (y < -0.05)] = 0.004
    hat = material == Material.HAT
    t[hat] = head.hat_thickness
    if head.brim:
        brim = hat & (y < -0.115) & (z < head.hat_from + 0.022)
        t[brim] = 0.06 * np.clip((-y[brim] - 0.115) / 0.03, 0, 1) + head.hat_thickness


def thickness(outfit: Outfit, surface: Surface, material: NDArray[np.int8]) -> Array:
    """The distance of clothes and hair from the skin: (N,) float32, metres, uneven like cloth."""
    rest, top, bottom = surface.rest, outfit.top, outfit.bottom
    t = np.zeros(len(surface), np.float32)
    flattened = rest * np.array([1, 1, 0.6], np.float32)
    uneven = 0.8 + 0.55 * outfit.cloth.coarse(rest) + 0.55 * outfit.cloth.middle(flattened)
    uneven = np.clip(uneven, 0.15, 2)
    on_top = material == Material.TOP
    lower = np.clip((0.25 - rest[:, 2]) / 0.25, 0, 1.2) * (top.kind != "long")
    t[on_top] = (top.thickness * uneven * (1 + 0.8 * lower))[on_top]
    sleeve = on_top & (surface.arm_weight > 0.5)
    widening = 0.7 + 0.5 * np.clip(surface.along_arm / max(top.sleeve, 0.3), 0, 1)
    t[sleeve] = (top.thickness * uneven * widening)[sleeve]
    legs = material == Material.BOTTOM
    flare = bottom.flare * np.clip(surface.along_leg - 0.7, 0, 1.3) * 0.7
    t[legs] = (bottom.thickness * uneven + flare)[legs]
    t[material == Material.INNER] = top.thickness * 0.5
    t[material == Material.SHOE] = outfit.feet.thickness
    t[material == Material.SOCK] = 0.002
    t[material == Material.GLOVE] = 0.003
    _head_thickness(outfit.head, outfit, surface, material, t)
    return np.maximum(t, 0)
