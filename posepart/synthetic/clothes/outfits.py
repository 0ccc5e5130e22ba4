"""Draws what a person wears, from the outfit's stream; the units are those of `garments`."""

import numpy as np

from ..people.body import BodyShape
from ..people.rotations import Array
from .garments import Bottom, Cloth, Fabric, Feet, Head, Outfit, Top
from .patterns import pattern
from .textures import SineNoise, random_colour

Rng = np.random.Generator
MINOR_AGE = 20  # years; younger people are always fully dressed
SKIN_TONES = np.array(
    [
        [0.20, 0.105, 0.06],
        [0.31, 0.17, 0.10],
        [0.46, 0.27, 0.165],
        [0.62, 0.40, 0.26],
        [0.76, 0.52, 0.38],
        [0.86, 0.62, 0.48],
        [0.92, 0.70, 0.58],
    ],
    np.float32,
)
HAIR_TONES = np.array(
    [
        [0.05, 0.04, 0.035],
        [0.09, 0.055, 0.035],
        [0.2, 0.12, 0.06],
        [0.45, 0.3, 0.15],
        [0.7, 0.56, 0.34],
        [0.35, 0.12, 0.05],
        [0.5, 0.5, 0.5],
    ]
)


def _fabric(rng: Rng, kinds: dict[str, float], colour: Array | None = None) -> Fabric:
    weights = np.array(list(kinds.values()))
    kind = str(rng.choice(list(kinds), p=weights / weights.sum()))
    u, image = rng.uniform, None
    box = (u(-0.06, 0.06), u(0.28, 0.42), u(0.03, 0.1), u(0.02, 0.08))
    if kind == "logo":
        image = pattern(rng, 24, 24, ("clutter",))
    elif kind == "print":
        image, box = pattern(rng, 48, 48), (0.0, 0.3, 0.12, 0.14)
    main = random_colour(rng)
    return Fabric(
        main if colour is None else colour, random_colour(rng), kind, u(25, 140), u(-0.3, 0.3), image, box
    )


TOP_PATTERNS = {
    "none": 0.36, "stripes": 0.12, "vertical": 0.06, "check": 0.09, "mottled": 0.09, "logo": 0.14,
    "block": 0.05, "dots": 0.04, "camouflage": 0.02, "print": 0.03,
}  # fmt: skip
BOTTOM_PATTERNS = {"none": 0.7, "mottled": 0.14, "check": 0.06, "side": 0.07, "camouflage": 0.03}
SKIRT_PATTERNS = {"none": 0.5, "stripes": 0.1, "vertical": 0.1, "check": 0.15, "mottled": 0.1, "dots": 0.05}
PLAIN = {"none": 1.0}


def _top(rng: Rng, female: bool, minor: bool) -> Top:
    u = rng.uniform
    kinds = ("tshirt", "long", "tank", "jacket", "hoodie", "dress", "bare", "swim")
    women, men = (0.25, 0.22, 0.1, 0.14, 0.1, 0.16, 0, 0.03), (0.33, 0.26, 0.07, 0.17, 0.12, 0, 0.04, 0.01)
    kind = str(rng.choice(kinds, p=women if female else men))
    if minor and kind in ("swim", "bare"):
        kind = "tshirt"
    outer = kind in ("jacket", "hoodie")
    sleeves = {
        "tshirt": u(0.25, 0.85), "long": u(1.5, 2.02), "tank": -0.1, "jacket": u(1.8, 2.05),
        "hoodie": u(1.85, 2.05), "dress": rng.choice([-0.1, u(0.2, 0.9), u(1.2, 2.0)]), "bare": -9, "swim": -0.1,
    }  # fmt: skip
    thickness = {
        "tshirt": u(0.006, 0.03), "long": u(0.004, 0.024), "tank": u(0.003, 0.014), "jacket": u(0.016, 0.045),
        "hoodie": u(0.018, 0.042), "dress": u(0.003, 0.012), "bare": 0, "swim": 0.001,
    }  # fmt: skip
    hem = u(-0.06, 0.14)
    if outer:
        hem = u(-0.12, 0.06) if rng.random() < 0.8 else u(-0.35, -0.12)
    elif kind == "dress":
        hem = u(-0.05, 0.05)
    neckline = u(0.46, 0.55) if kind in ("tank", "dress", "swim") else u(0.5, 0.585)
    return Top(
        kind,
        _fabric(rng, TOP_PATTERNS),
        float(sleeves[kind]),
        hem,
        u(0.56, 0.61) if outer else neckline,
        float(rng.choice([0, u(0.03, 0.14)], p=[0.6, 0.4])),
        thickness[kind],
        kind == "hoodie" and bool(rng.random() < 0.2),
        u(0.02, 0.07) if kind == "jacket" and rng.random() < 0.6 else 0.0,
    )


def _bottom(rng: Rng, female: bool, top: Top) -> Bottom:
    u = rng.uniform
    kinds = ("trousers", "shorts", "skirt", "leggings")
    kind = str(rng.choice(kinds, p=(0.42, 0.14, 0.22, 0.22) if female else (0.71, 0.25, 0.0, 0.04)))
    kind = {"dress": "skirt", "swim": "brief"}.get(top.kind, kind)
    leg = {
        "trousers": u(1.75, 2.02), "shorts": u(0.35, 1.1), "skirt": u(0.1, 0.3), "leggings": u(1.3, 2.0),
        "brief": 0.13,
    }  # fmt: skip
    thickness = {
        "trousers": u(0.006, 0.028), "shorts": u(0.01, 0.035), "skirt": 0.001, "leggings": 0.001, "brief": 0.002,
    }  # fmt: skip
    denim = np.array([0.10, 0.14, 0.24], np.float32) * u(0.5, 2.4)
    fabric = _fabric(
        rng, SKIRT_PATTERNS if kind == "skirt" else BOTTOM_PATTERNS, denim if rng.random() < 0.45 else None
    )
    return Bottom(
        kind,
        top.fabric if top.kind == "dress" else fabric,
        leg[kind],
        u(0.05, 0.16),
        thickness[kind],
        u(0, 0.045) if kind == "trousers" else u(0, 0.015),
        u(-0.62, -0.12),
        u(-0.01, 0.06),
    )


def _feet(rng: Rng, barefoot_share: float) -> Feet:
    u = rng.uniform
    shoe_top = u(-0.77, -0.715) if rng.random() < 0.8 else u(-0.72, -0.5)
    sock_top = shoe_top + u(0, 0.1)
    shoe, sock = _fabric(rng, PLAIN), _fabric(rng, PLAIN)
    return Feet(bool(rng.random() < barefoot_share), shoe_top, sock_top, u(0.006, 0.014), shoe, sock)


def _head(rng: Rng, female: bool, age: float) -> Head:
    u, old = rng.uniform, age > 58
    colours = [*HAIR_TONES, random_colour(rng)]
    colour = colours[rng.choice(8, p=[0.3, 0.22, 0.17, 0.1, 0.08, 0.05, 0.05, 0.03])]
    if old and rng.random() < 0.6:
        colour = np.full(3, 0.6) * u(0.6, 1.25)
    hat = _fabric(rng, PLAIN) if rng.random() < 0.14 else None
    long_from = u(0.22, 0.62) if rng.random() < (0.62 if female else 0.06) else None
    return Head(
        np.asarray(colour, np.float32),
        u(0.008, 0.035) if female else u(0.004, 0.03),
        (not female) and bool(rng.random() < (0.22 if old else 0.08)),
        bool(rng.random() < 2 / 3),
        None if hat is not None else long_from,
        u(0.745, 0.775),
        u(0.56, 0.64),
        u(0.25, 0.85) if not female and age > MINOR_AGE and rng.random() < 0.35 else 0.0,
        hat,
        u(0.735, 0.765),
        u(0.012, 0.03),
        bool(rng.random() < 0.6),
        float(rng.choice([0.03, 0.13])) if rng.random() < 0.15 else None,
    )


def _cloth(rng: Rng) -> Cloth:
    u = rng.uniform
    return Cloth(
        SineNoise(rng, u(8, 20)),
        SineNoise(rng, u(30, 60)),
        SineNoise(rng, u(110, 220)),
        SineNoise(rng, u(22, 48), 9),
        SineNoise(rng, u(18, 40), 6),
        u(0.3, 1.3),
        np.array([u(0.7, 1.4), u(0.7, 1.4), u(0.5, 1.2)], np.float32),
        u(0.6, 1.0),
        u(0.0, 0.25),
    )


def _skin_colour(rng: Rng, ancestry: Array) -> Array:
    african, asian, caucasian = ancestry
    light = 0.15 + 0.9 * caucasian + 0.55 * asian - 0.15 * african + rng.normal(0, 0.16)
    place = float(np.clip(light, 0, 1)) * (len(SKIN_TONES) - 1)
    low = int(min(place, len(SKIN_TONES) - 2))
    tone = SKIN_TONES[low] * (1 - (place - low)) + SKIN_TONES[low + 1] * (place - low)
    return (tone * rng.uniform(0.92, 1.06)).astype(np.float32)


def sample_outfit(rng: Rng, shape: BodyShape) -> Outfit:
    """Draw an outfit that suits the person's age and build; anyone under 20 is fully dressed."""
    female, minor = shape.femininity > 0.5, shape.age < MINOR_AGE
    skin = _skin_colour(rng, shape.ancestry)
    top = _top(rng, female, minor)
    bottom = _bottom(rng, female, top)
    feet = _feet(rng, 0.6 if top.kind in ("swim", "bare") else 0.08)
    head, cloth = _head(rng, female, shape.age), _cloth(rng)
    gloves = _fabric(rng, PLAIN) if rng.random() < 0.03 else None
    inner = _fabric(rng, PLAIN)
    return Outfit(skin, top, bottom, feet, head, cloth, inner, gloves, bool(rng.random() < 0.12))
