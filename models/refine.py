"""Second-stage Part FCN (Sec. 3.2): first-stage part scores + joint map + skeleton map -> refined part scores."""

import torch
from torch import Tensor, nn


class RefineFCN(nn.Module):
    """Stacked 7x7 convolutions with ReLU, 7 + 2 maps in, 7 out.

    separable: False is the paper's stack of full convolutions; True replaces the inner ones by a depthwise
    7x7 and a pointwise 1x1 convolution (residual), some 40 times fewer operations.

    forward: parts (B, 7, h, w) log-probabilities, pose (B, 2, h, w) -> logits (B, 7, h, w). The stack predicts
    a correction of the first stage's log-probabilities.
    """

    def __init__(
        self, parts: int = 7, pose_maps: int = 2, width: int = 128, kernel: int = 7, separable: bool = False
    ) -> None:
        super().__init__()
        pad = kernel // 2

        def layer() -> nn.Module:
            if not separable:
                return nn.Conv2d(width, width, kernel, padding=pad)
            return nn.Sequential(
                nn.Conv2d(width, width, kernel, padding=pad, groups=width), nn.Conv2d(width, width, 1)
            )

        first_kernel = 3 if separable else kernel
        self.stack = nn.Sequential(
            nn.Conv2d(parts + pose_maps, width, first_kernel, padding=first_kernel // 2),
            nn.ReLU(inplace=True),
            layer(),
            nn.ReLU(inplace=True),
            layer(),
            nn.ReLU(inplace=True),
        )
        self.out = nn.Conv2d(width, parts, 1 if separable else kernel, padding=0 if separable else pad)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def forward(self, parts: Tensor, pose: Tensor) -> Tensor:
        return parts + self.out(self.stack(torch.cat([parts.clamp(min=-8.0), pose], dim=1)))
