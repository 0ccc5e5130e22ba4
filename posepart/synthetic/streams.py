"""Independent random streams: changing how one aspect is drawn leaves all others as they were."""

from enum import IntEnum

import numpy as np


class Aspect(IntEnum):
    """Aspects of a scene that own a stream; the numbers are part of what a seed means, so never renumber."""

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
    """Random generators of one scene, one per aspect and (where it applies) per person.

    Parameters
    ----------
    seed : int
        The scene's seed, not negative.
    """

    def __init__(self, seed: int) -> None:
        if seed < 0:
            raise ValueError(f"expected a seed of at least 0, got {seed}")
        self._aspects = np.random.SeedSequence(seed).spawn(len(Aspect))

    def __call__(self, aspect: Aspect, person: int = 0) -> np.random.Generator:
        """Fresh generator of an aspect; `person` k is the k-th child of the aspect's sequence."""
        parent = self._aspects[aspect]
        child = np.random.SeedSequence(parent.entropy, spawn_key=(*parent.spawn_key, person))
        return np.random.default_rng(child)
