"""The arrays of a NanoDet as it is published: with all 80 classes, and the heads level by level."""

import numpy as np
import torch

from posepart.models.detector.nanodet import BINS, CLASSES, NanoDet

KEPT = 1 + 4 * BINS  # channels of our outputs: person, four distributions


def published_arrays(network: NanoDet) -> dict[str, np.ndarray]:
    """`convolutionK.weight` and `.bias` of a network; classes that it does not have are zeros."""
    body = [m for part in (network.stem, network.stages, network.lateral) for m in part.modules()]
    heads = [
        m
        for tower, out in zip(network.towers, network.out, strict=True)
        for part in (tower, out)
        for m in part.modules()
    ]
    layers = [m for m in (*body, *heads) if isinstance(m, torch.nn.Conv2d)]
    arrays = {}
    for number, layer in enumerate(layers):
        for kind in ("weight", "bias"):
            array = layer.get_parameter(kind).detach().numpy()
            if len(array) == KEPT:
                others = np.zeros((CLASSES - 1, *array.shape[1:]), np.float32)
                array = np.concatenate([array[:1], others, array[1:]])
            arrays[f"convolution{number}.{kind}"] = array
    return arrays
