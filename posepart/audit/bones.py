"""Whether the pixels under the bones of a pose are of the parts that the bones belong to."""

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Ids
from posepart.schema import IGNORE, JOINT_NAMES, NUM_PARTS, SKELETON, Part

LEAST_SHARE = 0.02  # a part that no pixel shows counts as this likely: log(1 / 0.02) = 3.9 nats
SHORTEST = 10.0  # px; shorter bones are seen from their end, and the parts there may be anything
# Head and trunk are often behind an arm, and the bones from the neck to the shoulders run along their border.
LIMBS = (Part.UPPER_ARM, Part.LOWER_ARM, Part.UPPER_LEG, Part.LOWER_LEG)
_STEPS = np.linspace(0.2, 0.8, 13)[:, None]  # along a bone, away from its ends


def bone_prices(xy: NDArray, counts: NDArray, parts: Ids) -> dict[str, float]:
    """How unlikely the parts under the bones of arms and legs are.

    Parameters
    ----------
    xy : (14, 2)
        Joints in the frame of the part map.
    counts : (14,) bool
        The joints that are there and visible.
    parts : (H, W) uint8
        Part ids, with `IGNORE`.

    Returns
    -------
    dict
        Bone -> log(share of the commonest other part / share of its own), nats, at least 0; only bones of which
        most pixels are known.
    """
    height, width = parts.shape
    prices = {}
    for start, end, part in SKELETON:
        if part not in LIMBS:
            continue
        if not (counts[start] and counts[end]) or np.linalg.norm(xy[end] - xy[start]) < SHORTEST:
            continue
        x, y = np.rint(xy[start] + (xy[end] - xy[start]) * _STEPS).astype(int).T
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        seen = parts[y[inside], x[inside]]
        seen = seen[seen != IGNORE]
        if 2 * len(seen) <= len(_STEPS):
            continue
        shares = np.maximum(np.bincount(seen, minlength=NUM_PARTS)[:NUM_PARTS] / len(seen), LEAST_SHARE)
        others = np.delete(shares, int(part)).max()
        price = max(0.0, float(np.log(others / shares[int(part)])))
        prices[f"{JOINT_NAMES[start]} to {JOINT_NAMES[end]}".replace("_", " ")] = price
    return prices
