"""Convolutional pose machines (Wei et al. 2016), a baseline of Liang et al. (Tables 5, 6 and 10)."""

import torch
from torch import Tensor, nn

from ..jppnet.structure_loss import gaussian_maps

CENTRE_SIGMA = 21.0  # px of the input, of the map that marks the person (from the released code)
STRIDE = 8


def _plain(*layers: tuple[int, int, int]) -> list[nn.Module]:
    """Convolutions of (inputs, outputs, kernel), each with a ReLU."""
    modules: list[nn.Module] = []
    for inputs, outputs, kernel in layers:
        modules += [nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2), nn.ReLU(inplace=True)]
    return modules


def image_features() -> nn.Sequential:
    """The layers that read the image: 128, 128, 128 and 32 channels, down to stride 8."""
    modules: list[nn.Module] = []
    for inputs in (3, 128, 128):
        modules += [*_plain((inputs, 128, 9)), nn.MaxPool2d(3, stride=2, padding=1)]
    return nn.Sequential(*modules, *_plain((128, 32, 5)))


class ConvolutionalPoseMachine(nn.Module):
    """Belief maps of the joints and the background, refined stage by stage; stride 8.

    From the second on, each stage reads the image features x', which these stages share, the beliefs of the stage
    before it, and the centre map, which marks one of several people.

    Parameters
    ----------
    backbone : torch.nn.Module
        Image -> maps.
    neck : torch.nn.Module
        Those maps -> features (B, channels, H / 8, W / 8) for the stages from the second on.
    first_features : torch.nn.Module, optional
        Image -> the same for the first stage, which in the paper has layers of its own; without, it reads what the
        others read.
    joints : int
    channels : int
        Of the features.
    stages : int
    widths : (int, int)
        Channels of the first stage's and of the later stages' layers.
    """

    stride = STRIDE

    def __init__(
        self,
        backbone: nn.Module,
        neck: nn.Module,
        joints: int,
        *,
        first_features: nn.Module | None = None,
        channels: int = 32,
        stages: int = 6,
        widths: tuple[int, int] = (512, 128),
    ) -> None:
        super().__init__()
        beliefs, (first, later) = joints + 1, widths
        self.backbone, self.neck, self.first_features = backbone, neck, first_features
        self.first = nn.Sequential(
            *_plain((channels, first, 9), (first, first, 1)), nn.Conv2d(first, beliefs, 1)
        )
        self.later = nn.ModuleList(
            nn.Sequential(
                *_plain(
                    (channels + beliefs + 1, later, 11),
                    (later, later, 11),
                    (later, later, 11),
                    (later, later, 1),
                ),
                nn.Conv2d(later, beliefs, 1),
            )
            for _ in range(stages - 1)
        )

    def forward(self, images: Tensor, centres: Tensor | None = None) -> tuple[Tensor, ...]:
        """Beliefs of every stage, of which the last counts.

        Parameters
        ----------
        images : (B, 3, H, W) float32
            In [-1, 1].
        centres : (B, 2) float32, optional
            x, y of the person, px of the image; by default its middle.

        Returns
        -------
        tuple of (B, joints + 1, H / 8, W / 8)
        """
        features = self.neck(self.backbone(images))
        size = (features.shape[-2], features.shape[-1])
        if centres is None:
            middle = images.new_tensor([images.shape[-1] - 1, images.shape[-2] - 1]) / 2
            centres = middle.expand(len(images), 2)
        present = torch.ones(len(images), 1, dtype=torch.bool, device=images.device)
        cells = (centres[:, None] + 0.5) / STRIDE - 0.5
        centre = gaussian_maps(cells, present, size, CENTRE_SIGMA / STRIDE).to(features.dtype)
        first = features if self.first_features is None else self.first_features(images)
        maps = [self.first(first)]
        for stage in self.later:
            maps.append(stage(torch.cat([features, maps[-1], centre], dim=1)))
        return tuple(maps)
