"""Convolutional pose machines (Wei et al. 2016), a baseline of Liang et al. (Tables 5, 6 and 10)."""

import torch
from torch import Tensor, nn


def _plain(*layers: tuple[int, int, int]) -> list[nn.Module]:
    """Convolutions of (inputs, outputs, kernel), each with a ReLU."""
    modules: list[nn.Module] = []
    for inputs, outputs, kernel in layers:
        modules += [nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2), nn.ReLU(inplace=True)]
    return modules


def _image_features() -> list[nn.Module]:
    """The layers that read the image: 128, 128, 128 and 32 channels, down to stride 8."""
    modules: list[nn.Module] = []
    for inputs in (3, 128, 128):
        modules += [*_plain((inputs, 128, 9)), nn.MaxPool2d(3, stride=2, padding=1)]
    return [*modules, *_plain((128, 32, 5))]


class ConvolutionalPoseMachine(nn.Module):
    """Belief maps of the joints and the background, refined stage by stage; stride 8.

    From the second on, each stage reads the image features x', which these stages share, and the beliefs of the
    stage before it. The centre map of the original, which marks one of several people, is left out: LIP's photos
    show one.

    Parameters
    ----------
    joints : int
    stages : int
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
        """(B, 3, H, W) in [-1, 1] -> beliefs of every stage, each (B, joints + 1, H / 8, W / 8); the last counts."""
        features = self.image_features(images)
        maps = [self.first(images)]
        for stage in self.later:
            maps.append(stage(torch.cat([features, maps[-1]], dim=1)))
        return tuple(maps)
