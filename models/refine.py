"""Second-stage Part FCN (Xia et al., Sec. 3.2): first-stage part scores and pose maps -> refined part scores."""

import torch
from torch import Tensor, nn


class RefineFCN(nn.Module):
    """Stacked 7x7 convolutions with ReLU on part scores and pose maps.

    The paper prints three 7x7 convolutions with ReLU, 128 wide (`separable=False`). This network differs from it in
    three points: a fourth 7x7 convolution maps to the parts; the input log-probabilities are cut off at -8 and
    divided by 4; and the output is added to the first stage's log-probabilities, so that it is a correction of
    them.

    Parameters
    ----------
    encoding : str
        Which pose maps it reads, see `posepart.stages.skeleton_maps`.
    pose_maps : int
        Their number.
    parts : int
    width : int
        Channels of the stack.
    kernel : int
    separable : bool
        True has one depthwise convolution between pointwise ones instead, some 100 times fewer operations.
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
        """Refine part scores.

        Parameters
        ----------
        parts : (B, parts, h, w) float32
            Log-probabilities of the first stage.
        pose : (B, pose_maps, h, w) float32

        Returns
        -------
        (B, parts, h, w) float32
            Logits.
        """
        seen = torch.cat([parts.clamp(min=-8.0) / 4, pose], dim=1)
        return parts + self.out(self.stack(seen))
