"""FCN-8s (Long et al. 2015), a baseline of Liang et al. (Tables 2 to 4)."""

from itertools import pairwise

import torchvision
from torch import Tensor, nn

from ..backbones import Backbone, ImageNetBackbone

POOLS = (16, 23, 30)  # VGG-16's layers that are its last three poolings


class VGG16Pools(ImageNetBackbone):
    """VGG-16 up to each of its last three poolings, with torchvision's names."""

    channels = (256, 512, 512)
    strides = (8, 16, 32)

    def __init__(self) -> None:
        super().__init__()
        self.features = torchvision.models.vgg16(weights=None).features

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, 3, H, W) in [-1, 1] -> pool3, pool4 and pool5."""
        x, pools = self.scaled(x), []
        for i, layer in enumerate(self.features):
            x = layer(x)
            if i in POOLS:
                pools.append(x)
        return pools

    def blocks(self) -> list[nn.Module]:
        """The layers up to each of the five poolings."""
        ends = [0, *(i + 1 for i, layer in enumerate(self.features) if isinstance(layer, nn.MaxPool2d))]
        return [self.features[a:b] for a, b in pairwise(ends)]


class FCN8s(nn.Module):
    """Scores of the coarsest maps with skips from the two finer ones, at stride 8.

    The last x8 upsampling, which is bilinear and not trained in FCN, is left to the caller, as for every network
    here. fc6 is padded, so that nothing has to be cropped. The sides of the image must be multiples of 32.

    Parameters
    ----------
    backbone : Backbone
        Whose last three maps have strides 8, 16 and 32.
    labels : int
    hidden : int
        Channels of fc6 and fc7.
    kernel : int
        Of fc6.
    """

    stride = 8

    def __init__(self, backbone: Backbone, labels: int, hidden: int = 4096, kernel: int = 7) -> None:
        super().__init__()
        self.backbone = backbone
        pool_3, pool_4, pool_5 = backbone.channels[-3:]
        self.fully_connected = nn.Sequential(
            nn.Conv2d(pool_5, hidden, kernel, padding=kernel // 2),
            nn.ReLU(inplace=True),
            nn.Dropout2d(0.5),
            nn.Conv2d(hidden, hidden, 1),
            nn.ReLU(inplace=True),
            nn.Dropout2d(0.5),
        )
        self.score = nn.Conv2d(hidden, labels, 1)
        self.score_pool_4 = nn.Conv2d(pool_4, labels, 1)
        self.score_pool_3 = nn.Conv2d(pool_3, labels, 1)
        self.up_from_32 = nn.ConvTranspose2d(labels, labels, 4, stride=2, padding=1, bias=False)
        self.up_from_16 = nn.ConvTranspose2d(labels, labels, 4, stride=2, padding=1, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> logits (B, labels, H / 8, W / 8)."""
        pool_3, pool_4, pool_5 = self.backbone(images)[-3:]
        score = self.score(self.fully_connected(pool_5))
        score = self.up_from_32(score) + self.score_pool_4(pool_4)
        return self.up_from_16(score) + self.score_pool_3(pool_3)
