"""Stick people and simulated joint detections.

Every number is a setting of this simulation, not of the method, and the joint names are only those of the stick
people. Distances are pixels of a box rescaled to 350 pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..problem import Float64, Index

_SIDED = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
JOINTS = ["forehead", "neck", *(side + name for name in _SIDED for side in ("l_", "r_"))]
N_JOINTS = len(JOINTS)
_INDEX = {name: k for k, name in enumerate(JOINTS)}
MIRROR = np.array([_INDEX[{"l_": "r_", "r_": "l_"}.get(name[:2], name[:2]) + name[2:]] for name in JOINTS])
_LIMBS = [("forehead", "neck")] + [
    (a if a == "neck" else side + a, side + b)
    for side in ("l_", "r_")
    for a, b in (
        ("neck", "shoulder"),
        ("shoulder", "elbow"),
        ("elbow", "wrist"),
        ("neck", "hip"),
        ("hip", "knee"),
        ("knee", "ankle"),
    )
]
LINKED = np.zeros((N_JOINTS, N_JOINTS), bool)
for _a, _b in _LIMBS:
    LINKED[_INDEX[_a], _INDEX[_b]] = LINKED[_INDEX[_b], _INDEX[_a]] = True


@dataclass(frozen=True)
class World:
    """The P people of a picture and n detections."""

    poses: Float64  # (P, 14, 2), true joints
    xy: Float64  # (n, 2), candidates
    kind: Index  # (n,), the type whose map proposed the candidate
    owner: Index  # (n,), true person, -1 for a false positive
    true: Index  # (n,), true type, -1 for a false positive
    score: Float64  # (n,), in (0, 1)

    def keep(self, index: Index) -> World:
        """The same people with only some of the candidates."""
        return World(
            self.poses,
            self.xy[index],
            self.kind[index],
            self.owner[index],
            self.true[index],
            self.score[index],
        )


def _direction(angle: float) -> Float64:
    """The unit vector at an angle from straight down."""
    return np.array([np.sin(angle), np.cos(angle)])


def stick_pose(rng: np.random.Generator, height: float) -> Float64:
    """Draw a stick person of a given height, with the neck at the origin: (14, 2)."""
    unit, lean = height / 7.5, rng.normal(0, 0.2)
    view = rng.uniform(0.25, 1.0) * rng.choice([-1, 1])
    down = _direction(lean)
    aside = np.array([down[1], -down[0]]) * view * unit
    hips = down * unit * 2.7 * rng.uniform(0.8, 1.05)
    sits = rng.random() < 0.25
    at = {"neck": np.zeros(2), "forehead": rng.normal(0, 0.08 * unit, 2) - down * unit}
    for side, sign in (("l_", 1.0), ("r_", -1.0)):
        at[side + "shoulder"] = sign * 0.95 * aside + 0.25 * unit * down
        at[side + "hip"] = hips + sign * 0.6 * aside
        upper = lean + sign * view * rng.normal(0.3, 0.6)
        at[side + "elbow"] = at[side + "shoulder"] + _direction(upper) * unit * 1.4
        at[side + "wrist"] = at[side + "elbow"] + _direction(upper + rng.normal(0, 0.9)) * unit * 1.3
        thigh = lean * 0.5 + rng.normal(0, 0.3) + (rng.choice([-1, 1]) if sits else 0.0)
        shank = thigh * (0.2 if sits else 0.7) + rng.normal(0, 0.35)
        foreshortened = rng.uniform(0.5, 1.0) if sits else 1.0
        at[side + "knee"] = at[side + "hip"] + _direction(thigh) * unit * 1.9 * foreshortened
        at[side + "ankle"] = at[side + "knee"] + _direction(shank) * unit * 1.8
    return np.stack([at[name] for name in JOINTS])


def place_people(rng: np.random.Generator, heights: Float64, centres: Float64) -> Float64:
    """Draw stick people of heights (P,) whose boxes have the centres (P, 2): (P, 14, 2)."""
    poses = np.stack([stick_pose(rng, height) for height in heights])
    middle = (poses.max(1) + poses.min(1)) / 2
    return poses - middle[:, None] + centres[:, None]


def _occluded(poses: Float64, heights: Float64, person: int, at: Float64) -> bool:
    """Whether a later person stands in front of a point."""
    for front in range(person + 1, len(poses)):
        x, y = poses[front].T
        if abs(at[0] - x.mean()) < 0.12 * heights[front] and y.min() < at[1] < y.max():
            return True
    return False


def detect(
    rng: np.random.Generator,
    poses: Float64,
    heights: Float64,
    size: Float64,
    noise: float,
    false_positives: float,
    duplicates: float,
) -> World:
    """Simulate detections: hits, misses, duplicates, mirrored joints and false positives.

    The people have poses (P, 14, 2) and heights (P,), the picture has the size (2,), x and y. 1 is normal noise;
    `false_positives` is a mean number; more `duplicates` detect more joints twice or three times.
    """
    found: list[tuple[float, ...]] = []

    def add(at: Float64, kind: int, owner: int, true: int, score: float) -> None:
        if score >= 0.2 and np.all((at >= 0) & (at < size)):
            found.append((*at, kind, owner, true, score))

    for person, joint in np.ndindex(len(poses), N_JOINTS):
        true_at = poses[person, joint]
        hidden = _occluded(poses, heights, person, true_at)
        if rng.random() < 0.12 + 0.35 * hidden or not np.all((true_at >= 0) & (true_at < size)):
            continue
        score = 0.5 + 0.48 * rng.beta(3, 1.5)
        if rng.random() < 0.1 + 0.3 * hidden:
            score = rng.uniform(0.2, 0.5)
        at = true_at + rng.normal(0, 5 * heights[person] / 300 * noise, 2)
        add(at, joint, person, joint, score)
        for _ in range(rng.binomial(2, 0.6 * duplicates)):
            near = at + _direction(rng.uniform(0, 2 * np.pi)) * rng.uniform(16, 34)
            add(near, joint, person, joint, float(np.clip(score * rng.uniform(0.35, 0.85), 0.2, 0.8)))
        if MIRROR[joint] != joint and rng.random() < 0.12 * noise:
            mirrored = float(np.clip(score * rng.uniform(0.3, 0.9), 0.2, 0.8))
            add(at + rng.normal(0, 4, 2), int(MIRROR[joint]), person, joint, mirrored)
    for _ in range(rng.poisson(false_positives)):
        near = poses[rng.integers(len(poses)), rng.integers(N_JOINTS)] + rng.normal(0, 35, 2)
        at = near if rng.random() < 0.5 else rng.uniform(0, 1, 2) * size
        add(at, int(rng.integers(N_JOINTS)), -1, -1, 0.2 + 0.4 * rng.beta(1.2, 2.2))
    table = np.array(found, np.float64).reshape(-1, 6)
    kind, owner, true = table[:, 2:5].astype(np.int64).T
    return World(poses, table[:, :2], kind, owner, true, table[:, 5])


def suppress(world: World, candidates: Index, *, most: int) -> Index:
    """The best candidates of each type that are 16 pixels apart, at most ``most``: ascending indices."""
    kept: list[int] = []
    for kind in range(N_JOINTS):
        mine: list[int] = []
        index = candidates[world.kind[candidates] == kind]
        for i in index[np.argsort(-world.score[index], kind="stable")]:
            apart = np.linalg.norm(world.xy[mine] - world.xy[i], axis=1)
            if len(mine) < most and np.all(apart >= 16):
                mine.append(int(i))
        kept += mine
    return np.sort(np.array(kept, np.int64))
