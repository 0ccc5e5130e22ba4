"""DeepLab (Chen et al. 2015 and 2016), a baseline of both papers."""

from collections.abc import Sequence

from torch import Tensor, nn

from ..aspp import ASPP
from ..backbones import Backbone
from ..scales import merge_scales, resized
from ..supervision import Supervision


class DeepLab(nn.Module):
    """A dilated backbone and one output layer, at one scale or at several, of which the maximum is taken.

    Parameters
    ----------
    backbone : Backbone
        Of one level.
    outputs : int
        Number of labels, or of joints (`resnet_pose`).
    rates : sequence of int
        Dilations of the ASPP output layer (DeepLab-v2 on ResNet-101). Without any, the output layer is a 1x1
        convolution (DeepLab-LargeFOV on VGG-16).
    scales : sequence of float
        Of the input; the first is 1.
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
        """(B, 3, H, W) in [-1, 1] -> logits (B, outputs, H / stride, W / stride)."""
        return merge_scales(self.at_scales(images), "max")

    def at_scales(self, images: Tensor) -> list[Tensor]:
        """The logits of every scale, each at its own size, for the supervision of each."""
        return [self.out(self.backbone(resized(images, scale))[0]) for scale in self.scales]

    def supervise(self, images: Tensor, labels: Tensor, boxes: Tensor) -> Supervision:
        """The maximum and, if there are several, every scale (Chen et al. 2016)."""
        maps = self.at_scales(images)
        every = (merge_scales(maps, "max"), *maps) if len(maps) > 1 else tuple(maps)
        return Supervision(every, (labels,) * len(every))
