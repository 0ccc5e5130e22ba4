"""Generated problems that resemble those of photos: stick people, noisy detections, noisy offset predictions.

:mod:`stick_people` has the people and the detections.
"""

from __future__ import annotations

import numpy as np

from ..problem import Float64, Index, Mask, Problem
from .stick_people import LINKED, MIRROR, N_JOINTS, World, detect, place_people, stick_pose, suppress

# Logistic regressions of "same person?", fitted once on 250 scenes of this kind; one row each for pairs of linked
# types, of other types and of mirrored types. Columns: the distance of each joint from where the other predicts
# it (/ 40, in two directions), the two angles; eight indicators of whether the segment beside the joint fits;
# two overlaps of the limb with a segment; exp(-f) of the first four; 1.
# fmt: off
_WEIGHTS = np.array([
    [-0.77, -0.69, -0.88, -0.80, 0.32, 0.11, 0.10, 0.09, 0.13, 0.08, 0.11, 0.07, 3.84, 4.38,
     0.94, 1.20, -0.99, -0.92, -2.18],
    [-0.83, -0.81, -0.61, -0.55, 0.47, 0.17, 0.28, 0.25, 0.44, 0.18, 0.27, 0.21, 0.00, 0.00,
     1.17, 1.27, 0.54, 0.37, -0.70],
    [-0.68, -0.88, -0.56, -0.59, 0.38, 0.19, 0.32, 0.28, 0.43, 0.14, 0.26, 0.07, 0.00, 0.00,
     1.73, 1.28, 0.48, 0.50, -0.89],
])
# fmt: on


def make_box(
    seed: int,
    people: int = 1,
    *,
    multi: bool = False,
    noise: float = 1.0,
    false_positives: float | None = None,
    unique_labels: bool = False,
) -> Problem:
    """Make the problem of a person's box in which several people are visible.

    Parameters
    ----------
    seed : int
    people : int
    multi : bool
        Whether a candidate may have several types.
    noise : float
        1 is normal, 1.8 is bad.
    false_positives : float, optional
        Their mean number; by default 3, 8 or 16 at random.
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
    poses = place_people(rng, heights[order], centres[order])
    extra = float(rng.choice([3, 8, 16])) if false_positives is None else false_positives
    world = detect(rng, poses, heights[order], np.array([size, size]), noise, extra, 0.25)
    world = world.keep(suppress(world, np.arange(len(world.xy)), most=6))
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
    """Make the problem of a whole photo, and those of its people's boxes with the same costs.

    Parameters
    ----------
    seed, people, multi, noise
        As for :func:`make_box`.
    false_positives : float
        Their mean number.
    duplicates : float
        The higher, the more joints are detected twice or three times.

    Returns
    -------
    whole : Problem
    boxes : list of Problem
        Each has at most six candidates of a type.
    """
    rng = np.random.default_rng([2, seed, people, int(multi), int(100 * noise)])
    size = np.array([min(150.0 + 170 * people, 900), 480.0 if people < 5 else 600.0])
    heights = rng.uniform(220, 340, people)
    across = rng.uniform(0.08, 0.92, people) * size[0]
    centres = np.stack([across, size[1] / 2 + rng.normal(0, 0.12 * size[1], people)], 1)
    poses = place_people(rng, heights, centres)
    world = detect(rng, poses, heights, size, noise, false_positives, duplicates)
    world = world.keep(suppress(world, np.arange(len(world.xy)), most=len(world.xy)))
    whole = _assemble(rng, world, heights, multi, noise, False)
    boxes = []
    for pose in poses:
        margin = 0.12 * np.ptp(pose, axis=0) + 8
        inside = np.all((world.xy >= pose.min(0) - margin) & (world.xy <= pose.max(0) + margin), axis=1)
        boxes.append(restrict(whole, suppress(world, np.flatnonzero(inside), most=6)))
    return whole, boxes


def restrict(problem: Problem, candidates: Index) -> Problem:
    """The part of a problem on some candidates, which are renumbered in ascending order."""
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


def _predict(rng: np.random.Generator, world: World, height: float, noise: float) -> Float64:
    """Where candidate i, as a joint of type l, predicts joint l' of its person: (n, 14, 14, 2)."""
    predicted = np.zeros((len(world.xy), N_JOINTS, N_JOINTS, 2))
    for i, at in enumerate(world.xy):
        owner, true = int(world.owner[i]), int(world.true[i])
        if owner < 0:
            nearest = int(np.linalg.norm(world.poses - at, axis=2).min(1).argmin())
            for kind in range(N_JOINTS):
                if rng.random() < 0.35:
                    predicted[i, kind] = world.poses[nearest] + rng.normal(0, 30 * noise, (N_JOINTS, 2))
                else:
                    pose = stick_pose(rng, height)
                    predicted[i, kind] = at + pose - pose[kind] + rng.normal(0, 15, (N_JOINTS, 2))
            continue
        own = world.poses[owner]
        distance = np.abs(world.poses - own).mean((1, 2))
        distance[owner] = np.inf
        rival = int(distance.argmin())
        for kind in range(N_JOINTS):
            mirrored = kind == MIRROR[true] != true and rng.random() < 0.5
            base = own[MIRROR] if mirrored else own.copy()
            spread = (5 + 0.13 * np.linalg.norm(base - at, axis=1)) * noise * (1.0 if kind == true else 1.6)
            if np.isfinite(distance[rival]):
                confused = rng.random(N_JOINTS) < noise * (0.05 + 0.1 * np.exp(-distance[rival] / 40))
                base = np.where(confused[:, None], world.poses[rival], base)
            swapped = (rng.random(N_JOINTS) < 0.07 * noise) & (np.arange(N_JOINTS) != MIRROR)
            base = np.where(swapped[:, None], own[MIRROR], base)
            predicted[i, kind] = base + rng.normal(0, 1, (N_JOINTS, 2)) * spread[:, None]
    return predicted


def _type_scores(rng: np.random.Generator, world: World, multi: bool, noise: float) -> Float64:
    """The score of each type at each candidate, 0 where it is not allowed: (n, 14)."""
    n = len(world.xy)
    scores = np.zeros((n, N_JOINTS))
    scores[np.arange(n), world.kind] = world.score
    for i in range(n if multi else 0):
        kind, true, score = world.kind[i], world.true[i], world.score[i]
        if true >= 0 and true != kind:
            scores[i, true] = np.clip(score * rng.uniform(0.6, 1.5), 0.2, 0.95)
        elif MIRROR[kind] != kind and rng.random() < 0.38 * noise:
            scores[i, MIRROR[kind]] = np.clip(score * rng.uniform(0.3, 1.0), 0.2, 0.95)
        linked = int(rng.choice(np.flatnonzero(LINKED[kind])))
        if rng.random() < 0.1 and scores[i, linked] == 0:
            scores[i, linked] = rng.uniform(0.2, 0.35)
    return scores


def _log_odds_against(probability: Float64) -> Float64:
    """The cost ``log((1 - p) / p)``, with p clipped to [1e-7, 1 - 1e-7]."""
    p = np.clip(probability, 1e-7, 1 - 1e-7)
    return np.log((1 - p) / p)


def _assemble(
    rng: np.random.Generator, world: World, heights: Float64, multi: bool, noise: float, unique_labels: bool
) -> Problem:
    """The problem of a world: nodes, pairs and their costs."""
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
    rng: np.random.Generator,
    world: World,
    predicted: Float64,
    candidate: Index,
    label: Index,
    u: Index,
    v: Index,
) -> Float64:
    """The probability that the nodes of each pair belong to one person: (M,) float64.

    Two candidates of one type at distance d are one joint, detected twice, with probability
    ``1 / (1 + exp(0.2 d - 7.5))``.
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
    right = (true >= 0) & ((true == label) | (MIRROR[true] == label))
    chance = np.where(right[:, None], [0.85, 0.6, 0.75, 0.6], [0.35, 0.25, 0.3, 0.25])
    beside = (rng.random(chance.shape) < chance).astype(np.float64)
    limb = _limb_overlap(rng, world, i, j, LINKED[a, b])
    features = np.hstack([misses, beside[u], beside[v], limb, np.exp(-misses), np.ones((len(u), 1))])
    kind = np.where(LINKED[a, b], 0, np.where(MIRROR[a] == b, 2, 1))
    probability = 1 / (1 + np.exp(-np.einsum("ij,ij->i", features, _WEIGHTS[kind])))
    twice = 1 / (1 + np.exp(0.2 * np.linalg.norm(forth, axis=1) - 7.5))
    return np.where(a == b, twice, probability)


def _angle(a: Float64, b: Float64) -> Float64:
    """The angles between the rows of a and b, in [0, pi]."""
    cross = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    return np.abs(np.arctan2(cross, (a * b).sum(1)))


def _limb_overlap(rng: np.random.Generator, world: World, i: Index, j: Index, linked: Mask) -> Float64:
    """Two overlaps of the limb with its segment, high if the limb is real: (M, 2)."""
    own = world.owner
    real = linked & (own[i] >= 0) & (own[i] == own[j]) & LINKED[world.true[i], world.true[j]]
    first = np.where(real, rng.beta(8, 2, len(i)), rng.beta(2, 2.2, len(i)))
    second = np.where(real, rng.beta(5, 4, len(i)), rng.beta(2, 6, len(i)))
    return np.stack([first, second], 1) * linked[:, None]
