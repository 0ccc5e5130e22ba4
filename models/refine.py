"""Second-stage Part FCN (Sec. 3.2): first-stage part scores + joint maps + skeleton maps -> refined part scores."""

import torch
from torch import Tensor, nn


class RefineFCN(nn.Module):
    """Stacked 7x7 convolutions with ReLU on part scores and pose maps.

    encoding, pose_maps: which pose maps it reads and how many they are (`posepart.stages.skeleton_maps`).
    separable: False is the paper's stack of full convolutions, True one depthwise 7x7 convolution between
    pointwise ones, some 100 times fewer operations.

    forward: parts (B, 7, h, w) log-probabilities, pose (B, pose_maps, h, w) -> logits (B, 7, h, w). The stack
    predicts a correction of the first stage's log-probabilities.
    """

    def __init__(
        self,
        encoding: str = "labels",
        pose_maps: int = 2,
        parts: int = 7,
        width: int = 128,
        kernel: int = 7,
        separable: bool = False,
    ) -> None:
        super().__init__()
        self.encoding = encoding
        pad = kernel // 2

        def layer() -> nn.Module:
            if not separable:
                return nn.Conv2d(width, width, kernel, padding=pad)
            return nn.Sequential(
                nn.Conv2d(width, width, kernel, padding=pad, groups=width), nn.Conv2d(width, width, 1)
            )

        ends = (1, 0) if separable else (kernel, pad)
        layers = [nn.Conv2d(parts + pose_maps, width, ends[0], padding=ends[1]), nn.ReLU(inplace=True)]
        for _ in range(1 if separable else 2):
            layers += [layer(), nn.ReLU(inplace=True)]
        self.stack = nn.Sequential(*layers)
        self.out = nn.Conv2d(width, parts, ends[0], padding=ends[1])
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def forward(self, parts: Tensor, pose: Tensor) -> Tensor:
        seen = torch.cat([parts.clamp(min=-8.0) / 4, pose], dim=1)
        return parts + self.out(self.stack(seen))
