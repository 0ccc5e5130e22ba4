"""How people look: the colours of their parts, which tell two people apart who pass each other."""

from dataclasses import dataclass

import cv2
import numpy as np

from posepart.arrays import Float64, Rgb
from posepart.schema import NUM_PARTS
from posepart.structures import Scene

_LEAST_PIXELS = 12  # of a part whose colour is known
_MOST_PIXELS = 400  # of a part; more do not make its colour surer


@dataclass(frozen=True)
class Looks:
    """The colours of the parts of one person."""

    colours: Float64  # (7, 3) CIELAB, L in [0, 100]; the median of each part
    weights: Float64  # (7,) how sure they are, px; 0 for a part that is not seen


NO_LOOKS = Looks(np.zeros((NUM_PARTS, 3)), np.zeros(NUM_PARTS))


def looks_of(image: Rgb, scene: Scene) -> tuple[Looks, ...]:
    """How the people of a scene look.

    Parameters
    ----------
    image : (H, W, 3) uint8 RGB
    scene : Scene
        Its result.

    Returns
    -------
    tuple of Looks
        In the order of `scene.people`.
    """
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    found = []
    for index in range(len(scene.people)):
        parts = scene.person_parts(index)
        colours, weights = np.zeros((NUM_PARTS, 3)), np.zeros(NUM_PARTS)
        for part in range(1, NUM_PARTS):
            pixels = lab[parts == part]
            if len(pixels) >= _LEAST_PIXELS:
                colours[part], weights[part] = np.median(pixels, axis=0), min(len(pixels), _MOST_PIXELS)
        found.append(Looks(colours, weights))
    return tuple(found)


def likeness(first: Looks, second: Looks, spread: float) -> float:
    """How alike two people look: exp(-d^2 / (2 spread^2)), where d is the mean distance of the parts' colours.

    Half, where they have no part in common.
    """
    shared = np.minimum(first.weights, second.weights)
    if not shared.any():
        return 0.5
    apart = np.linalg.norm(first.colours - second.colours, axis=1)
    distance = float((shared * apart).sum() / shared.sum())
    return float(np.exp(-(distance**2) / (2 * spread**2)))


def remembered(before: Looks, now: Looks, share: float) -> Looks:
    """Looks after another sight, which counts `share`; a part that was never seen takes over what is seen."""
    seen = now.weights > 0
    mixing = np.where(before.weights > 0, share, 1.0) * seen
    colours = before.colours + mixing[:, None] * (now.colours - before.colours)
    return Looks(colours, np.where(seen, np.maximum(before.weights, now.weights), before.weights))
