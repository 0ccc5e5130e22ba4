"""Changes of colour: seeded, and the shape stays."""

import numpy as np

from posepart.training.colours import colour_jitter


def test_colour_jitter_is_seeded_and_keeps_the_shape() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    for seed in range(12):
        first = colour_jitter(image, np.random.default_rng(seed))
        assert first.shape == image.shape and first.dtype == np.uint8
        np.testing.assert_array_equal(first, colour_jitter(image, np.random.default_rng(seed)))
