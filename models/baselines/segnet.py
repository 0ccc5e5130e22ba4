"""SegNet (Badrinarayanan et al. 2017), a baseline of Liang et al. (Tables 2 to 4)."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

# Channels of VGG-16's convolutions, level by level.
_LEVELS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


def _normalised_convolutions(channels: Sequence[int]) -> nn.Sequential:
    """3x3 convolutions with batch norm and ReLU, whose channels go from the first number to the last."""
    layers: list[nn.Module] = []
    for a, b in zip(channels[:-1], channels[1:], strict=True):
        layers += [nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class SegNet(nn.Module):
    """VGG-16 as encoder and its mirror image as decoder, which unpools to the places of the maxima, at stride 1.

    The sides of the image must be multiples of 32.

    Parameters
    ----------
    labels : int
    width : float
        Factor of the channels.
    """

    stride = 1

    def __init__(self, labels: int, width: float = 1.0) -> None:
        super().__init__()
        self.encoder = nn.ModuleList()
        self.decoder = nn.ModuleList()
        inputs = 3
        levels = [tuple(round(width * channels) for channels in level) for level in _LEVELS]
        for i, level in enumerate(levels):
            back = (*level[1:], inputs) if i else level[1:]
            self.encoder.append(_normalised_convolutions((inputs, *level)))
            self.decoder.append(_normalised_convolutions((level[-1], *back)))
            inputs = level[-1]
        self.score = nn.Conv2d(levels[0][0], labels, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> logits (B, labels, H, W)."""
        x, maxima = images, []
        for encode in self.encoder:
            x, places = F.max_pool2d(encode(x), 2, return_indices=True)
            maxima.append(places)
        for decode, places in zip(reversed(self.decoder), reversed(maxima), strict=True):  # type: ignore[call-overload]
            x = decode(F.max_unpool2d(x, places, (2, 2)))
        return self.score(x)
