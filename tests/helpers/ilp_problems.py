"""Random problems for the tests, and where the shared instances are."""

import os
from pathlib import Path

import numpy as np
import pytest

from posepart.ilp import Problem


def random_problem(
    rng: np.random.Generator,
    *,
    most: int = 7,
    types: int = 3,
    multi: bool = True,
    unique_labels: bool = False,
) -> Problem:
    """Tiny problem with ties (sometimes), forbidden pairs and missing pairs."""
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
    """Folder of the instances with known optima; skips the test if it is not there."""
    default = Path(__file__).parents[3] / "shared"
    folder = Path(os.environ.get("POSEPART_SHARED", default)) / "data" / "ilp"
    if not (folder / "index.json").is_file():
        pytest.skip("shared instances not found: set POSEPART_SHARED to the shared folder")
    return folder
