"""Atrous spatial pyramid pooling, the output layer of DeepLab-v2 (Chen et al. 2016)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

ASPP_RATES = (6, 12, 18, 24)  # of DeepLab-v2


class ASPP(nn.ModuleList):
    """The sum of dilated 3x3 convolutions.

    Parameters
    ----------
    channels : int
    outputs : int
    rates : sequence of int
        Their dilations.
    """

    def __init__(self, channels: int, outputs: int, rates: Sequence[int]) -> None:
        super().__init__(nn.Conv2d(channels, outputs, 3, padding=r, dilation=r) for r in rates)
        for branch in self:
            nn.init.normal_(branch.weight, std=0.01)  # type: ignore[arg-type]
            nn.init.zeros_(branch.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) -> (B, outputs, h, w)."""
        return torch.stack([branch(x) for branch in self]).sum(0)
