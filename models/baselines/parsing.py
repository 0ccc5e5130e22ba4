"""Parsers that Liang et al. compare with (Tables 2 to 4): DeepLab, FCN-8s, SegNet.

Each maps (B, 3, H, W) in [-1, 1] to logits (B, labels, H / stride, W / stride).
"""

from collections.abc import Sequence

import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from ..backbones import Backbone
from ..jppnet.network import ASPP
from ..scales import merge_scales, resized


class DeepLab(nn.Module):
    """A dilated backbone and one output layer, at one scale or, merged by their maximum, at several.

    rates: of the ASPP output layer (ResNet-101); none: a 1x1 convolution (VGG-16 LargeFOV). The outputs may be
    joints: "we reserve the entire network and change the output layer" (Sec. 4.2).
    """

    def __init__(
        self,
        backbone: Backbone,
        outputs: int,
        rates: Sequence[int] = (),
        scales: Sequence[float] = (1.0,),
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.stride = backbone.strides[0]
        self.scales = tuple(scales)
        channels = backbone.channels[0]
        self.out = ASPP(channels, outputs, rates) if rates else nn.Conv2d(channels, outputs, 1)

    def forward(self, images: Tensor) -> Tensor:
        maps = [self.out(self.backbone(resized(images, scale))[0]) for scale in self.scales]
        return merge_scales(maps, "max")


class FCN8s(nn.Module):
    """Fully convolutional VGG-16 with skips from pool3 and pool4 (Long et al. 2015), at stride 8.

    The last x8 upsampling, which FCN fixes to bilinear, is the caller's, as for every parser here. Sides must be
    multiples of 32; fc6 is padded, so nothing is cropped.
    """

    stride = 8

    def __init__(self, labels: int) -> None:
        super().__init__()
        layers = list(torchvision.models.vgg16(weights=None).features)
        self.pool_3 = nn.Sequential(*layers[:17])
        self.pool_4 = nn.Sequential(*layers[17:24])
        self.pool_5 = nn.Sequential(*layers[24:])
        self.fully_connected = nn.Sequential(
            nn.Conv2d(512, 4096, 7, padding=3),
            nn.ReLU(inplace=True),
            nn.Dropout2d(0.5),
            nn.Conv2d(4096, 4096, 1),
            nn.ReLU(inplace=True),
            nn.Dropout2d(0.5),
        )
        self.score = nn.Conv2d(4096, labels, 1)
        self.score_pool_4 = nn.Conv2d(512, labels, 1)
        self.score_pool_3 = nn.Conv2d(256, labels, 1)
        self.up_from_32 = nn.ConvTranspose2d(labels, labels, 4, stride=2, padding=1, bias=False)
        self.up_from_16 = nn.ConvTranspose2d(labels, labels, 4, stride=2, padding=1, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        pool_3 = self.pool_3(images)
        pool_4 = self.pool_4(pool_3)
        score = self.score(self.fully_connected(self.pool_5(pool_4)))
        score = self.up_from_32(score) + self.score_pool_4(pool_4)
        return self.up_from_16(score) + self.score_pool_3(pool_3)


def _normalised_convolutions(channels: Sequence[int]) -> nn.Sequential:
    """3x3 convolutions with norm and ReLU, from channels[0] by way of the others to the last."""
    layers: list[nn.Module] = []
    for a, b in zip(channels[:-1], channels[1:], strict=True):
        layers += [nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


# Channels of VGG-16's convolutions, level by level.
_SEGNET_LEVELS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


class SegNet(nn.Module):
    """VGG-16 encoder and its mirror image as decoder, which unpools to where the maxima were, at stride 1.

    Badrinarayanan et al. 2017. Sides must be multiples of 32.
    """

    stride = 1

    def __init__(self, labels: int) -> None:
        super().__init__()
        self.encoder = nn.ModuleList()
        self.decoder = nn.ModuleList()
        inputs = 3
        for level in _SEGNET_LEVELS:
            back = level[1:] if level is _SEGNET_LEVELS[0] else (*level[1:], inputs)
            self.encoder.append(_normalised_convolutions((inputs, *level)))
            self.decoder.append(_normalised_convolutions((level[-1], *back)))
            inputs = level[-1]
        self.score = nn.Conv2d(_SEGNET_LEVELS[0][0], labels, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        x, maxima = images, []
        for encode in self.encoder:
            x, places = F.max_pool2d(encode(x), 2, return_indices=True)
            maxima.append(places)
        for decode, places in zip(reversed(self.decoder), reversed(maxima), strict=True):  # type: ignore[call-overload]
            x = decode(F.max_unpool2d(x, places, (2, 2)))
        return self.score(x)
