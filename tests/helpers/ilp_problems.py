"""Problems for the tests, and the place of the shared instances."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import ArrayLike

from posepart.ilp import Problem


def problem_of(
    unary: ArrayLike,
    candidate: ArrayLike,
    label: ArrayLike,
    pairs: Sequence[tuple[int, int]] = (),
    cost: ArrayLike = (),
    unique_labels: bool = False,
    n_candidates: int = -1,
) -> Problem:
    """A problem from lists; `pairs` are node indices."""
    u, v = np.array(pairs, np.int64).reshape(-1, 2).T
    return Problem(
        np.array(unary, float),
        np.array(candidate, np.int64),
        np.array(label, np.int64),
        u,
        v,
        np.array(cost, float),
        unique_labels,
        n_candidates,
    )


def random_problem(
    rng: np.random.Generator,
    *,
    most: int = 7,
    types: int = 3,
    multi: bool = True,
    unique_labels: bool = False,
) -> Problem:
    """A tiny problem, sometimes with ties, with forbidden and missing pairs."""
    n = int(rng.integers(1, most + 1))
    candidate = np.repeat(np.arange(n), rng.integers(1, 3, n) if multi else 1)
    label = np.concatenate([rng.choice(types, np.count_nonzero(candidate == g), False) for g in range(n)])
    u, v = np.triu_indices(len(candidate), 1)
    keep = (candidate[u] != candidate[v]) & (rng.random(len(u)) < 0.9)
    u, v = u[keep], v[keep]
    unary, cost = rng.normal(0.5, 1.5, len(candidate)), rng.normal(-0.3, 2, len(u))
    if rng.random() < 0.3:
        unary, cost = np.round(unary), np.round(cost)
    cost[rng.random(len(u)) < 0.15] = np.inf
    scale = 10.0 ** rng.integers(-4, 5)
    return Problem(unary * scale, candidate, label, u, v, cost * scale, unique_labels)


def shared_instances() -> Path:
    """The folder of the instances with known optima; skips the test if it is not there."""
    default = Path(__file__).parents[3] / "shared"
    folder = Path(os.environ.get("POSEPART_SHARED", default)) / "data" / "ilp"
    if not (folder / "index.json").is_file():
        pytest.skip("shared instances not found: set POSEPART_SHARED to the shared folder")
    return folder
