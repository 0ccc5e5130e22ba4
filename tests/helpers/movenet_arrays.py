"""A small MoveNet: random tensors under the names of the real one."""

import numpy as np
import torch

from posepart.models.backbones import MobileNetV2

WIDTH = 0.35  # of its MobileNetV2


def movenet_arrays() -> dict[str, np.ndarray]:
    """Random tensors under MoveNet's names, on a narrow MobileNetV2."""
    torch.manual_seed(1)
    backbone = MobileNetV2(WIDTH, batch_norm=True)
    arrays = {f"backbone.{name}": value.numpy() for name, value in backbone.state_dict().items()}
    rng = np.random.default_rng(0)

    def add(name: str, *shape: int) -> None:
        arrays[name] = rng.normal(0, 1 / np.sqrt(np.prod(shape[1:]) or 1), shape).astype(np.float16)

    widths = (64, 32, 24, 24)
    for i, (channels, width) in enumerate(zip(backbone.channels[::-1], (64, *widths[:-1]), strict=True)):
        add(f"lateral.{i}.weight", width, channels, 1, 1)
        add(f"lateral.{i}.bias", width)
    for i, (inner, outer) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
        add(f"smooth.{i}.depthwise.weight", inner, 1, 3, 3)
        add(f"smooth.{i}.pointwise.weight", outer, inner, 1, 1)
        add(f"smooth.{i}.pointwise.bias", outer)
    add("head.kpt_heatmap.depthwise.weight", 24, 1, 3, 3)
    add("head.kpt_heatmap.pointwise.weight", 96, 24, 1, 1)
    add("head.kpt_heatmap.pointwise.bias", 96)
    add("head.kpt_heatmap.out.weight", 17, 96, 1, 1)
    add("head.kpt_heatmap.out.bias", 17)
    return arrays
