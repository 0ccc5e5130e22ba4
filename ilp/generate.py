"""Made-up problems that look like those of photos: stick people, noisy detections, noisy offset predictions.

For tests and benchmarks. Every number is a knob of a toy world, not of the method; the joint names below belong
to its stick people alone. Distances are pixels of a box rescaled to 350 pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .problem import Bools, Floats, Ints, Problem

_NAMES = "forehead neck l_shoulder r_shoulder l_elbow r_elbow l_wrist r_wrist l_hip r_hip l_knee r_knee l_ankle r_ankle"
_JOINTS = _NAMES.split()
_N = len(_JOINTS)
_INDEX = {name: k for k, name in enumerate(_JOINTS)}
_MIRROR = np.array([_INDEX[{"l_": "r_", "r_": "l_"}.get(name[:2], name[:2]) + name[2:]] for name in _JOINTS])
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
_LINKED = np.zeros((_N, _N), bool)
for _a, _b in _LIMBS:
    _LINKED[_INDEX[_a], _INDEX[_b]] = _LINKED[_INDEX[_b], _INDEX[_a]] = True

# Logistic regressions "same person?", fitted once on 250 scenes of this kind; one row for pairs of linked types,
# of other types, and of mirrored types. Columns: distance of each joint to where the other predicts it (/ 40,
# two directions), the two angles; eight indicators "the segment beside the joint fits"; two overlaps of the limb
# with a segment; exp(-f) of the first four; 1.
_WEIGHTS = np.array(
    [
        [-0.77, -0.69, -0.88, -0.80, 0.32, 0.11, 0.10, 0.09, 0.13, 0.08, 0.11, 0.07, 3.84, 4.38, 0.94, 1.20]
        + [-0.99, -0.92, -2.18],
        [-0.83, -0.81, -0.61, -0.55, 0.47, 0.17, 0.28, 0.25, 0.44, 0.18, 0.27, 0.21, 0.0, 0.0, 1.17, 1.27]
        + [0.54, 0.37, -0.70],
        [-0.68, -0.88, -0.56, -0.59, 0.38, 0.19, 0.32, 0.28, 0.43, 0.14, 0.26, 0.07, 0.0, 0.0, 1.73, 1.28]
        + [0.48, 0.50, -0.89],
    ]
)


@dataclass(frozen=True)
class World:
    """People of a picture and what the detectors see.

    Attributes
    ----------
    poses : (P, 14, 2) float64
        True joints.
    xy : (n, 2) float64
        Candidates.
    kind : (n,) int64
        Type whose map proposed the candidate.
    owner : (n,) int64
        True person, -1 for a false positive.
    true : (n,) int64
        True type, -1 for a false positive.
    score : (n,) float64
        Score in (0, 1).
    """

    poses: Floats
    xy: Floats
    kind: Ints
    owner: Ints
    true: Ints
    score: Floats

    def keep(self, index: Ints) -> World:
        """The same people with some of the candidates."""
        return World(
            self.poses,
            self.xy[index],
            self.kind[index],
            self.owner[index],
            self.true[index],
            self.score[index],
        )


def make_box(
    seed: int,
    people: int = 1,
    *,
    multi: bool = False,
    noise: float = 1.0,
    false_positives: float | None = None,
    unique_labels: bool = False,
) -> Problem:
    """The problem of one person box that shows several people.

    Parameters
    ----------
    seed : int
    people : int
    multi : bool
        Several types per candidate.
    noise : float
        1 is normal, 1.8 is bad.
    false_positives : float, optional
        Mean number; drawn from 3, 8, 16 unless given.
    unique_labels : bool
        Passed to :class:`Problem`.

    Returns
    -------
    Problem
    """
    rng = np.random.default_rng([1, seed, people, int(multi), int(100 * noise)])
    size = 350.0
    height = size * rng.uniform(0.7, 0.92)
    heights = np.r_[height, height * rng.uniform(0.75, 1.25, people - 1)]
    aside = rng.choice([-1.0, 1.0], people) * rng.uniform(0.12, 0.5, people) * size
    centres = size / 2 + np.stack([aside, rng.normal(0, 0.15 * size, people)], 1)
    centres[0] = size / 2 + rng.normal(0, 8, 2)
    order = rng.permutation(people)
    poses = _place(rng, heights[order], centres[order])
    extra = float(rng.choice([3, 8, 16])) if false_positives is None else false_positives
    world = _detect(rng, poses, heights[order], np.array([size, size]), noise, extra, 0.25)
    world = world.keep(_suppress(world, np.arange(len(world.xy)), most=6))
    return _assemble(rng, world, heights, multi, noise, unique_labels)


def make_photo(
    seed: int,
    people: int = 8,
    *,
    multi: bool = False,
    noise: float = 1.0,
    false_positives: float = 60.0,
    duplicates: float = 0.25,
) -> tuple[Problem, list[Problem]]:
    """The problem of a whole photo, and those of its people's boxes with the same costs.

    Parameters
    ----------
    seed, people, multi, noise
        As for :func:`make_box`.
    false_positives : float
        Mean number.
    duplicates : float
        How often a joint is detected twice or three times.

    Returns
    -------
    whole : Problem
    boxes : list of Problem
        At most six candidates of a type each.
    """
    rng = np.random.default_rng([2, seed, people, int(multi), int(100 * noise)])
    size = np.array([min(150.0 + 170 * people, 900), 480.0 if people < 5 else 600.0])
    heights = rng.uniform(220, 340, people)
    across = rng.uniform(0.08, 0.92, people) * size[0]
    centres = np.stack([across, size[1] / 2 + rng.normal(0, 0.12 * size[1], people)], 1)
    poses = _place(rng, heights, centres)
    world = _detect(rng, poses, heights, size, noise, false_positives, duplicates)
    world = world.keep(_suppress(world, np.arange(len(world.xy)), most=len(world.xy)))
    whole = _assemble(rng, world, heights, multi, noise, False)
    boxes = []
    for pose in poses:
        margin = 0.12 * np.ptp(pose, axis=0) + 8
        inside = np.all((world.xy >= pose.min(0) - margin) & (world.xy <= pose.max(0) + margin), axis=1)
        boxes.append(restrict(whole, _suppress(world, np.flatnonzero(inside), most=6)))
    return whole, boxes


def restrict(problem: Problem, candidates: Ints) -> Problem:
    """The part of a problem on some candidates, renumbered in the given order's ascending sequence."""
    number = np.full(problem.n_candidates, -1, np.int64)
    number[np.sort(candidates)] = np.arange(len(candidates))
    nodes = np.flatnonzero(number[problem.candidate] >= 0)
    rank = np.full(problem.n_nodes, -1, np.int64)
    rank[nodes] = np.arange(len(nodes))
    pairs = np.flatnonzero((rank[problem.pair_u] >= 0) & (rank[problem.pair_v] >= 0))
    return Problem(
        problem.unary[nodes],
        number[problem.candidate[nodes]],
        problem.label[nodes],
        rank[problem.pair_u[pairs]],
        rank[problem.pair_v[pairs]],
        problem.pair_cost[pairs],
        problem.unique_labels,
        len(candidates),
    )


def _direction(angle: float) -> Floats:
    """Unit vector at an angle from straight down."""
    return np.array([np.sin(angle), np.cos(angle)])


def _pose(rng: np.random.Generator, height: float) -> Floats:
    """A stick person of some height, neck at the origin: (14, 2)."""
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
    return np.stack([at[name] for name in _JOINTS])


def _place(rng: np.random.Generator, heights: Floats, centres: Floats) -> Floats:
    poses = np.stack([_pose(rng, height) for height in heights])
    middle = (poses.max(1) + poses.min(1)) / 2
    return poses - middle[:, None] + centres[:, None]


def _occluded(poses: Floats, heights: Floats, person: int, at: Floats) -> bool:
    """Whether a later person stands before a point."""
    for front in range(person + 1, len(poses)):
        x, y = poses[front].T
        if abs(at[0] - x.mean()) < 0.12 * heights[front] and y.min() < at[1] < y.max():
            return True
    return False


def _detect(
    rng: np.random.Generator,
    poses: Floats,
    heights: Floats,
    size: Floats,
    noise: float,
    false_positives: float,
    duplicates: float,
) -> World:
    """What the joint maps show: hits, misses, duplicates, mirrored joints, false positives."""
    found: list[tuple[float, ...]] = []

    def add(at: Floats, kind: int, owner: int, true: int, score: float) -> None:
        if score >= 0.2 and np.all((at >= 0) & (at < size)):
            found.append((*at, kind, owner, true, score))

    for person, joint in np.ndindex(len(poses), _N):
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
        if _MIRROR[joint] != joint and rng.random() < 0.12 * noise:
            mirrored = float(np.clip(score * rng.uniform(0.3, 0.9), 0.2, 0.8))
            add(at + rng.normal(0, 4, 2), int(_MIRROR[joint]), person, joint, mirrored)
    for _ in range(rng.poisson(false_positives)):
        near = poses[rng.integers(len(poses)), rng.integers(_N)] + rng.normal(0, 35, 2)
        at = near if rng.random() < 0.5 else rng.uniform(0, 1, 2) * size
        add(at, int(rng.integers(_N)), -1, -1, 0.2 + 0.4 * rng.beta(1.2, 2.2))
    table = np.array(found, np.float64).reshape(-1, 6)
    kind, owner, true = table[:, 2:5].astype(np.int64).T
    return World(poses, table[:, :2], kind, owner, true, table[:, 5])


def _suppress(world: World, candidates: Ints, *, most: int) -> Ints:
    """Of each type the best candidates that are 16 pixels apart: ascending indices."""
    kept: list[int] = []
    for kind in range(_N):
        mine: list[int] = []
        index = candidates[world.kind[candidates] == kind]
        for i in index[np.argsort(-world.score[index], kind="stable")]:
            apart = np.linalg.norm(world.xy[mine] - world.xy[i], axis=1)
            if len(mine) < most and np.all(apart >= 16):
                mine.append(int(i))
        kept += mine
    return np.sort(np.array(kept, np.int64))


def _predict(rng: np.random.Generator, world: World, height: float, noise: float) -> Floats:
    """Where candidate i, taken as type l, expects the joint l' of its person: (n, 14, 14, 2)."""
    predicted = np.zeros((len(world.xy), _N, _N, 2))
    for i, at in enumerate(world.xy):
        owner, true = int(world.owner[i]), int(world.true[i])
        if owner < 0:
            nearest = int(np.linalg.norm(world.poses - at, axis=2).min(1).argmin())
            for kind in range(_N):
                if rng.random() < 0.35:
                    predicted[i, kind] = world.poses[nearest] + rng.normal(0, 30 * noise, (_N, 2))
                else:
                    pose = _pose(rng, height)
                    predicted[i, kind] = at + pose - pose[kind] + rng.normal(0, 15, (_N, 2))
            continue
        own = world.poses[owner]
        distance = np.abs(world.poses - own).mean((1, 2))
        distance[owner] = np.inf
        rival = int(distance.argmin())
        for kind in range(_N):
            mirrored = kind == _MIRROR[true] != true and rng.random() < 0.5
            base = own[_MIRROR] if mirrored else own.copy()
            spread = (5 + 0.13 * np.linalg.norm(base - at, axis=1)) * noise * (1.0 if kind == true else 1.6)
            if np.isfinite(distance[rival]):
                confused = rng.random(_N) < noise * (0.05 + 0.1 * np.exp(-distance[rival] / 40))
                base = np.where(confused[:, None], world.poses[rival], base)
            swapped = (rng.random(_N) < 0.07 * noise) & (np.arange(_N) != _MIRROR)
            base = np.where(swapped[:, None], own[_MIRROR], base)
            predicted[i, kind] = base + rng.normal(0, 1, (_N, 2)) * spread[:, None]
    return predicted


def _type_scores(rng: np.random.Generator, world: World, multi: bool, noise: float) -> Floats:
    """Score of each type at each candidate, 0 where not allowed: (n, 14)."""
    n = len(world.xy)
    scores = np.zeros((n, _N))
    scores[np.arange(n), world.kind] = world.score
    for i in range(n if multi else 0):
        kind, true, score = world.kind[i], world.true[i], world.score[i]
        if true >= 0 and true != kind:
            scores[i, true] = np.clip(score * rng.uniform(0.6, 1.5), 0.2, 0.95)
        elif _MIRROR[kind] != kind and rng.random() < 0.38 * noise:
            scores[i, _MIRROR[kind]] = np.clip(score * rng.uniform(0.3, 1.0), 0.2, 0.95)
        linked = int(rng.choice(np.flatnonzero(_LINKED[kind])))
        if rng.random() < 0.1 and scores[i, linked] == 0:
            scores[i, linked] = rng.uniform(0.2, 0.35)
    return scores


def _log_odds_against(probability: Floats) -> Floats:
    """Cost ``log((1 - p) / p)`` with p clipped to [1e-7, 1 - 1e-7]."""
    p = np.clip(probability, 1e-7, 1 - 1e-7)
    return np.log((1 - p) / p)


def _assemble(
    rng: np.random.Generator, world: World, heights: Floats, multi: bool, noise: float, unique_labels: bool
) -> Problem:
    """Nodes, pairs and their costs."""
    predicted = _predict(rng, world, float(np.mean(heights)), noise)
    scores = _type_scores(rng, world, multi, noise)
    candidate, label = np.nonzero(scores)
    u, v = np.triu_indices(len(candidate), 1)
    different = candidate[u] != candidate[v]
    u, v = u[different], v[different]
    probability = _same_person(rng, world, predicted, candidate, label, u, v)
    return Problem(
        _log_odds_against(scores[candidate, label]),
        candidate,
        label,
        u,
        v,
        _log_odds_against(probability),
        unique_labels,
        len(world.xy),
    )


def _same_person(
    rng: np.random.Generator, world: World, predicted: Floats, candidate: Ints, label: Ints, u: Ints, v: Ints
) -> Floats:
    """Probability that two nodes belong to one person: (M,) float64.

    Two candidates of one type are one joint seen twice with ``1 / (1 + exp(0.2 d - 7.5))``.
    """
    i, j, a, b = candidate[u], candidate[v], label[u], label[v]
    forth, back = world.xy[j] - world.xy[i], world.xy[i] - world.xy[j]
    expected_forth, expected_back = predicted[i, a, b] - world.xy[i], predicted[j, b, a] - world.xy[j]
    misses = np.stack(
        [
            np.linalg.norm(back - expected_back, axis=1) / 40,
            np.linalg.norm(forth - expected_forth, axis=1) / 40,
            _angle(back, expected_back),
            _angle(forth, expected_forth),
        ],
        axis=1,
    )
    true = world.true[candidate]
    right = (true >= 0) & ((true == label) | (_MIRROR[true] == label))
    chance = np.where(right[:, None], [0.85, 0.6, 0.75, 0.6], [0.35, 0.25, 0.3, 0.25])
    beside = (rng.random(chance.shape) < chance).astype(np.float64)
    limb = _limb_overlap(rng, world, i, j, _LINKED[a, b])
    features = np.hstack([misses, beside[u], beside[v], limb, np.exp(-misses), np.ones((len(u), 1))])
    kind = np.where(_LINKED[a, b], 0, np.where(_MIRROR[a] == b, 2, 1))
    probability = 1 / (1 + np.exp(-np.einsum("ij,ij->i", features, _WEIGHTS[kind])))
    twice = 1 / (1 + np.exp(0.2 * np.linalg.norm(forth, axis=1) - 7.5))
    return np.where(a == b, twice, probability)


def _angle(a: Floats, b: Floats) -> Floats:
    """Angle between rows, in [0, pi]."""
    cross = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    return np.abs(np.arctan2(cross, (a * b).sum(1)))


def _limb_overlap(rng: np.random.Generator, world: World, i: Ints, j: Ints, linked: Bools) -> Floats:
    """Two overlaps of the limb with its segment, high if the limb is real: (M, 2)."""
    own = world.owner
    real = linked & (own[i] >= 0) & (own[i] == own[j]) & _LINKED[world.true[i], world.true[j]]
    first = np.where(real, rng.beta(8, 2, len(i)), rng.beta(2, 2.2, len(i)))
    second = np.where(real, rng.beta(5, 4, len(i)), rng.beta(2, 6, len(i)))
    return np.stack([first, second], 1) * linked[:, None]
