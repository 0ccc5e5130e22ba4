"""FCN-8s (Long et al. 2015), a baseline of Liang et al. (Tables 2 to 4)."""

import torchvision
from torch import Tensor, nn


class FCN8s(nn.Module):
    """Fully convolutional VGG-16 with skips from pool3 and pool4, at stride 8.

    The last x8 upsampling, which is bilinear and not trained in FCN, is left to the caller, as for every network
    here. fc6 is padded, so that nothing has to be cropped. The sides of the image must be multiples of 32.

    Parameters
    ----------
    labels : int
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
        """(B, 3, H, W) in [-1, 1] -> logits (B, labels, H / 8, W / 8)."""
        pool_3 = self.pool_3(images)
        pool_4 = self.pool_4(pool_3)
        score = self.score(self.fully_connected(self.pool_5(pool_4)))
        score = self.up_from_32(score) + self.score_pool_4(pool_4)
        return self.up_from_16(score) + self.score_pool_3(pool_3)
