"""NanoDet-g (RangiLyu, 2020), a one-stage detector of 3.8 M parameters trained on COCO, reduced to people.

It guides the Faster R-CNN (`guided`), as COCO has far more pictures than our training set of a few thousand
photos. Batch norms are folded into the convolutions.
"""

from collections.abc import Mapping
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

STRIDES = (8, 16, 32)
CHANNELS = 128  # of the neck
BINS = 11  # the distance from a location to a side of the box is a distribution over 0 to 10 strides
CLASSES = 80  # of the published network; the first is "person"
MEAN, DEVIATION = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)  # of blue, green and red


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, padding=1), nn.LeakyReLU(0.1, inplace=True))


class CrossStage(nn.Module):
    """A stage of the backbone: pairs of convolutions whose outputs are concatenated, and at last a shortcut."""

    def __init__(self, inputs: int, channels: int, pairs: int, stride: int) -> None:
        super().__init__()
        half = channels // 2
        self.first = _convolution(inputs, channels, stride)
        self.pairs = nn.ModuleList(
            nn.ModuleList([_convolution(channels, half), _convolution(half, half)]) for _ in range(pairs)
        )
        self.last = _convolution(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, 2 channels, H / stride, W / stride)."""
        entry = x = self.first(x)
        for one, two in cast("list[tuple[nn.Module, nn.Module]]", self.pairs):
            half = one(x)
            x = torch.cat([two(half), half], 1)
        return torch.cat([self.last(x), entry], 1)


class NanoDet(nn.Module):
    """Features of three strides and, at every location of them, a box with the log-odds of a person."""

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.stem = _convolution(3, 32, 2)
        self.stages = nn.ModuleList(
            [
                CrossStage(32, 32, 1, 1),
                CrossStage(64, 64, 2, 2),
                CrossStage(128, 128, 2, 2),
                CrossStage(256, 256, 3, 2),
            ]
        )
        self.lateral = nn.ModuleList(nn.Conv2d(inputs, CHANNELS, 1) for inputs in (128, 256, 512))
        self.towers = nn.ModuleList(_convolution(CHANNELS, CHANNELS) for _ in STRIDES)
        self.out = nn.ModuleList(nn.Conv2d(CHANNELS, 1 + 4 * BINS, 1) for _ in STRIDES)
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> tuple[list[Tensor], Tensor]:
        """Detect people.

        Parameters
        ----------
        images : (B, 3, H, W) float32
            RGB in [-1, 1]; H and W are multiples of 32.

        Returns
        -------
        features : list of (B, 128, H / s, W / s)
            Of the strides s = 8, 16 and 32.
        found : (B, A, 5) float32
            Of all locations x0, y0, x1, y1 in px of the image, and log-odds.
        """
        x = ((images.flip(1) + 1) * 127.5 - self.mean) / self.deviation
        x = F.max_pool2d(self.stem(x), 3, stride=2, padding=1)
        levels = []
        for stage in self.stages:
            x = stage(x)
            levels.append(x)
        features = self._neck(levels[1:])
        found = [
            _boxes(out(tower(x)), stride)
            for tower, out, x, stride in zip(self.towers, self.out, features, STRIDES, strict=True)
        ]
        return features, torch.cat(found, 1)

    def _neck(self, levels: list[Tensor]) -> list[Tensor]:
        """Path aggregation without convolutions: coarse levels are added to fine ones, then fine to coarse ones."""
        x = [convolve(level) for convolve, level in zip(self.lateral, levels, strict=True)]
        for fine, coarse in ((1, 2), (0, 1)):
            x[fine] = x[fine] + _resized(x[coarse], x[fine])
        for fine, coarse in ((0, 1), (1, 2)):
            x[coarse] = x[coarse] + _resized(x[fine], x[coarse])
        return x

    def load_published(self, arrays: Mapping[str, NDArray[np.float32]]) -> None:
        """Load the published weights.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            `convolutionK.weight` (O, I, k, k) and `convolutionK.bias` (O,) float32, K in the graph's order.

        Raises
        ------
        ValueError
            One is missing or has another shape.
        """
        layers = [layer for layer in self.modules() if isinstance(layer, nn.Conv2d)]
        # in the graph the heads come level by level, each a tower and its output
        heads = [
            layer
            for tower, out in zip(self.towers, self.out, strict=True)
            for layer in (*tower.modules(), out)
            if isinstance(layer, nn.Conv2d)
        ]
        ordered = layers[: len(layers) - len(heads)] + heads
        kept = [0, *range(CLASSES, CLASSES + 4 * BINS)]  # person, and the four distributions
        for number, layer in enumerate(ordered):
            try:
                weight, bias = (
                    torch.from_numpy(np.asarray(arrays[f"convolution{number}.{kind}"], np.float32).copy())
                    for kind in ("weight", "bias")
                )
            except KeyError as error:
                raise ValueError(f"the NanoDet lacks {error.args[0]}") from error
            if any(layer is out for out in self.out) and len(weight) == CLASSES + 4 * BINS:
                weight, bias = weight[kept], bias[kept]
            if weight.shape != layer.weight.shape or layer.bias is None or bias.shape != layer.bias.shape:
                raise ValueError(
                    f"convolution{number} has shape {tuple(weight.shape)}, not {tuple(layer.weight.shape)}"
                )
            with torch.no_grad():
                layer.weight.copy_(weight)
                layer.bias.copy_(bias)


def _resized(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)


def _boxes(maps: Tensor, stride: int) -> Tensor:
    """Maps (B, 1 + 4 * BINS, h, w) of one level -> (B, h * w, 5): boxes in px of the image, log-odds."""
    batch, _, height, width = maps.shape
    maps = maps.float()
    bins = torch.arange(BINS, dtype=maps.dtype, device=maps.device)
    far = (maps[:, 1:].reshape(batch, 4, BINS, height * width).softmax(2) * bins[:, None]).sum(2) * stride
    y, x = torch.meshgrid(
        torch.arange(height, device=maps.device), torch.arange(width, device=maps.device), indexing="ij"
    )
    centre = (torch.stack([x, y]).reshape(2, -1) + 0.5) * stride  # (2, h * w)
    box = torch.cat([centre - far[:, :2], centre + far[:, 2:]], 1)
    return torch.cat([box, maps[:, :1].flatten(2)], 1).transpose(1, 2)
