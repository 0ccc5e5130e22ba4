"""Second-stage Part FCN (Xia et al., Sec. 3.2): first-stage part scores and pose maps -> refined part scores."""

import torch
from torch import Tensor, nn


class SecondStage(nn.Module):
    """A network that refines part scores; `encoding` names the pose maps that it reads."""

    encoding: str  # see `posepart.stages.skeleton_maps`

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
        raise NotImplementedError


class StackedRefineFCN(SecondStage):
    """The second stage as printed: three 7x7 convolutions, 128 wide, each with ReLU, on 7 + 2 maps.

    The paper names no output layer and no initial values. Here a 1x1 convolution maps the 128 channels to the parts,
    as in DeepLab, whose output the first stage's is; convolutions start with He's normal distribution, the output
    layer with a standard deviation of 0.01. The network reads the part scores Ps as probabilities. It takes nothing
    over from the first stage by itself, so that before training its output is no part map.

    Parameters
    ----------
    pose_maps : int
        Joint label map and skeleton label map.
    parts : int
    width : int
        Channels of the stack, Sec. 3.2.
    kernel : int
        Sec. 3.2.
    layers : int
        Sec. 3.2.
    """

    encoding = "labels"

    def __init__(
        self, pose_maps: int = 2, parts: int = 7, width: int = 128, kernel: int = 7, layers: int = 3
    ) -> None:
        super().__init__()
        stack: list[nn.Module] = []
        for inputs in (parts + pose_maps, *(width for _ in range(layers - 1))):
            convolution = nn.Conv2d(inputs, width, kernel, padding=kernel // 2)
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
            stack += [convolution, nn.ReLU(inplace=True)]
        self.stack = nn.Sequential(*stack)
        self.out = nn.Conv2d(width, parts, 1)
        nn.init.normal_(self.out.weight, std=0.01)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def forward(self, parts: Tensor, pose: Tensor) -> Tensor:
        """See `SecondStage`."""
        logits: Tensor = self.out(self.stack(torch.cat([parts.exp(), pose], dim=1)))
        return logits


class RefineFCN(SecondStage):
    """The shipped second stage: a depthwise 7x7 convolution between pointwise ones corrects the first stage.

    It differs from `StackedRefineFCN` in its layers, some 100 times fewer operations; the input log-probabilities
    are cut off at -8 and divided by 4; and the output is added to the first stage's log-probabilities, so that
    before training it is the first stage.

    Parameters
    ----------
    encoding : str
    pose_maps : int
        Their number.
    parts : int
    width : int
        Channels of the stack.
    kernel : int
    """

    def __init__(
        self, encoding: str = "labels", pose_maps: int = 2, parts: int = 7, width: int = 128, kernel: int = 7
    ) -> None:
        super().__init__()
        self.encoding = encoding
        self.stack = nn.Sequential(
            nn.Conv2d(parts + pose_maps, width, 1),
            nn.ReLU(inplace=True),
            nn.Sequential(
                nn.Conv2d(width, width, kernel, padding=kernel // 2, groups=width), nn.Conv2d(width, width, 1)
            ),
            nn.ReLU(inplace=True),
        )
        self.out = nn.Conv2d(width, parts, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def forward(self, parts: Tensor, pose: Tensor) -> Tensor:
        """See `SecondStage`."""
        seen = torch.cat([parts.clamp(min=-8.0) / 4, pose], dim=1)
        return parts + self.out(self.stack(seen))
