"""Pose networks that Liang et al. compare with (Tables 5, 6, 10): stacked hourglass and CPM.

Each maps (B, 3, H, W) in [-1, 1] to the heat maps of every stage, the last of which is the result: a tuple of
(B, maps, H / stride, W / stride), for intermediate supervision.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Residual(nn.Module):
    """The bottleneck of the hourglass: norm, ReLU and convolution three times, 1x1, 3x3 and 1x1."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        half = outputs // 2
        layers: list[nn.Module] = []
        for a, b, kernel in ((inputs, half, 1), (half, half, 3), (half, outputs, 1)):
            layers += [nn.BatchNorm2d(a), nn.ReLU(), nn.Conv2d(a, b, kernel, padding=kernel // 2)]
        self.layers = nn.Sequential(*layers)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x) + self.skip(x)


class Hourglass(nn.Module):
    """Pool down `depth` times, come up again by nearest neighbours, with a residual on every level's skip."""

    def __init__(self, features: int, depth: int) -> None:
        super().__init__()
        self.skip = Residual(features, features)
        self.down = Residual(features, features)
        self.inner = Hourglass(features, depth - 1) if depth > 1 else Residual(features, features)
        self.up = Residual(features, features)

    def forward(self, x: Tensor) -> Tensor:
        small = self.up(self.inner(self.down(F.max_pool2d(x, 2))))
        return self.skip(x) + F.interpolate(small, scale_factor=2.0, mode="nearest")


class StackedHourglass(nn.Module):
    """Newell et al. 2016: hourglasses in a row, each with its own heat maps that the next one reads; stride 4.

    Sides must be multiples of 64.
    """

    stride = 4

    def __init__(self, joints: int, stacks: int = 8, features: int = 256, depth: int = 4) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 64, 7, stride=2, padding=3),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
            Residual(64, 128),
            nn.MaxPool2d(2),
            Residual(128, 128),
            Residual(128, features),
        )
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
        x = self.stem(images)
        maps = []
        for i, hourglass in enumerate(self.hourglasses):
            features = hourglass(x)
            maps.append(self.scores[i](features))
            if i < len(self.remap_scores):
                x = x + self.remap_features[i](features) + self.remap_scores[i](maps[-1])
        return tuple(maps)


def _plain(*layers: tuple[int, int, int]) -> list[nn.Module]:
    """Convolutions (inputs, outputs, kernel), each with a ReLU."""
    modules: list[nn.Module] = []
    for inputs, outputs, kernel in layers:
        modules += [nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2), nn.ReLU(inplace=True)]
    return modules


def _image_features() -> list[nn.Module]:
    """The layers of CPM that look at the image, at stride 8: 128, 128, 128 and 32 channels."""
    modules: list[nn.Module] = []
    for inputs in (3, 128, 128):
        modules += [*_plain((inputs, 128, 9)), nn.MaxPool2d(3, stride=2, padding=1)]
    return [*modules, *_plain((128, 32, 5))]


class ConvolutionalPoseMachine(nn.Module):
    """CPM (Wei et al. 2016): belief maps of `joints` and the background, refined in `stages` stages; stride 8.

    From the second stage on each stage reads the image features x' (shared by them) and the beliefs before it. The
    centre map of the original, which points at one of several people, is left out: LIP's photos show one.
    """

    stride = 8

    def __init__(self, joints: int, stages: int = 6) -> None:
        super().__init__()
        beliefs = joints + 1
        self.first = nn.Sequential(
            *_image_features(), *_plain((32, 512, 9), (512, 512, 1)), nn.Conv2d(512, beliefs, 1)
        )
        self.image_features = nn.Sequential(*_image_features())
        self.later = nn.ModuleList(
            nn.Sequential(
                *_plain((32 + beliefs, 128, 11), (128, 128, 11), (128, 128, 11), (128, 128, 1)),
                nn.Conv2d(128, beliefs, 1),
            )
            for _ in range(stages - 1)
        )

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        features = self.image_features(images)
        maps = [self.first(images)]
        for stage in self.later:
            maps.append(stage(torch.cat([features, maps[-1]], dim=1)))
        return tuple(maps)
