"""Stacked hourglasses (Newell et al. 2016), a baseline of Liang et al. (Tables 5, 6 and 10)."""

import torch.nn.functional as F
from torch import Tensor, nn


class Residual(nn.Module):
    """A residual bottleneck: batch norm, ReLU and convolution three times, of kernels 1, 3 and 1."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        half = outputs // 2
        layers: list[nn.Module] = []
        for a, b, kernel in ((inputs, half, 1), (half, half, 3), (half, outputs, 1)):
            layers += [nn.BatchNorm2d(a), nn.ReLU(), nn.Conv2d(a, b, kernel, padding=kernel // 2)]
        self.layers = nn.Sequential(*layers)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H, W)."""
        return self.layers(x) + self.skip(x)


def stem(features: int) -> nn.Sequential:
    """The layers before the first hourglass: a 7x7 convolution, residuals and a pooling, down to stride 4."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 7, stride=2, padding=3),
        nn.BatchNorm2d(64),
        nn.ReLU(inplace=True),
        Residual(64, 128),
        nn.MaxPool2d(2),
        Residual(128, 128),
        Residual(128, features),
    )


class Hourglass(nn.Module):
    """An encoder of `depth` poolings and a decoder of nearest neighbours, with a residual skip at every level."""

    def __init__(self, features: int, depth: int) -> None:
        super().__init__()
        self.skip = Residual(features, features)
        self.down = Residual(features, features)
        self.inner = Hourglass(features, depth - 1) if depth > 1 else Residual(features, features)
        self.up = Residual(features, features)

    def forward(self, x: Tensor) -> Tensor:
        """(B, features, H, W) -> the same shape; H and W are multiples of 2 ** depth."""
        small = self.up(self.inner(self.down(F.max_pool2d(x, 2))))
        return self.skip(x) + F.interpolate(small, scale_factor=2.0, mode="nearest")


class StackedHourglass(nn.Module):
    """Hourglasses in a row, each with heat maps of its own, which the next one reads; stride 4.

    The sides of the image must be multiples of 4 * 2 ** depth.

    Parameters
    ----------
    backbone : torch.nn.Module
        Image -> maps.
    neck : torch.nn.Module
        Those maps -> (B, features, H / 4, W / 4), what the first hourglass reads.
    joints : int
    stacks : int
        Number of hourglasses.
    features : int
        Channels.
    depth : int
        Poolings of each hourglass.
    """

    stride = 4

    def __init__(
        self,
        backbone: nn.Module,
        neck: nn.Module,
        joints: int,
        *,
        stacks: int = 8,
        features: int = 256,
        depth: int = 4,
    ) -> None:
        super().__init__()
        self.backbone, self.neck = backbone, neck
        self.hourglasses = nn.ModuleList(
            nn.Sequential(
                Hourglass(features, depth),
                Residual(features, features),
                nn.Conv2d(features, features, 1),
                nn.BatchNorm2d(features),
                nn.ReLU(inplace=True),
            )
            for _ in range(stacks)
        )
        self.scores = nn.ModuleList(nn.Conv2d(features, joints, 1) for _ in range(stacks))
        self.remap_features = nn.ModuleList(nn.Conv2d(features, features, 1) for _ in range(stacks - 1))
        self.remap_scores = nn.ModuleList(nn.Conv2d(joints, features, 1) for _ in range(stacks - 1))

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """(B, 3, H, W) in [-1, 1] -> heat maps of every stack, each (B, joints, H / 4, W / 4); the last counts."""
        x = self.neck(self.backbone(images))
        maps = []
        for i, hourglass in enumerate(self.hourglasses):
            features = hourglass(x)
            maps.append(self.scores[i](features))
            if i < len(self.remap_scores):
                x = x + self.remap_features[i](features) + self.remap_scores[i](maps[-1])
        return tuple(maps)
