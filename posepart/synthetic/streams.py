"""Independent random streams: changing how one aspect is drawn leaves all others unchanged."""

from enum import IntEnum

import numpy as np


class Aspect(IntEnum):
    """The aspects of a scene that have their own stream; what a seed gives depends on these numbers."""

    LAYOUT = 0
    CAMERA = 1
    LIGHT = 2
    BACKGROUND = 3
    OBJECTS = 4
    POST = 5
    BODY = 6
    OUTFIT = 7
    POSE = 8
    INTERACTION = 9


class Streams:
    """The random generators of a scene: one for each aspect and, where it applies, each person.

    Parameters
    ----------
    seed : int
        The scene's seed, at least 0.

    Raises
    ------
    ValueError
        If the seed is negative.
    """

    def __init__(self, seed: int) -> None:
        if seed < 0:
            raise ValueError(f"expected a seed of at least 0, got {seed}")
        self._aspects = np.random.SeedSequence(seed).spawn(len(Aspect))

    def __call__(self, aspect: Aspect, person: int = 0) -> np.random.Generator:
        """A new generator of an aspect; that of person k is the k-th child of the aspect's seed sequence."""
        parent = self._aspects[aspect]
        child = np.random.SeedSequence(parent.entropy, spawn_key=(*parent.spawn_key, person))
        return np.random.default_rng(child)
