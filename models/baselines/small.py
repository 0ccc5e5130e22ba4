"""Trunks and necks of the small baselines: MobileNetV2, which can start from weights trained on people."""

from collections.abc import Sequence

from torch import Tensor, nn

from ..backbones import MobileNetV2, SamePadConv2d
from ..fcn import Head, Pyramid

WIDTH = 96  # channels of the pyramids and of their result
ATROUS = {7: 2, 14: 4}  # of blocks from these on the depthwise convolutions have this dilation


class PyramidNeck(nn.Module):
    """A feature pyramid over some of a backbone's maps, a head of 96 channels and perhaps an output layer.

    Parameters
    ----------
    channels : sequence of int
        Of the backbone's maps, finest first.
    finest : int
        The first of the maps that is used, whose stride the result has.
    outputs : int
        Channels of the output layer; 0 for none.
    """

    def __init__(self, channels: Sequence[int], finest: int = 0, outputs: int = 0) -> None:
        super().__init__()
        self.finest = finest
        used = channels[finest:]
        self.pyramid = Pyramid(used, (WIDTH,) * len(used), batch_norm=True)
        self.head = Head(WIDTH, WIDTH)
        self.out = nn.Conv2d(WIDTH, outputs, 1) if outputs else nn.Identity()

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """The backbone's maps -> features (B, outputs or 96, h, w)."""
        return self.out(self.head(self.pyramid(levels[self.finest :])))


class DilatedMobileNetV2(MobileNetV2):
    """MobileNetV2 at stride 8, dilated as DeepLab dilates: later blocks read the same pixels of the image as before.

    Parameters
    ----------
    width : float
        Factor of the channels.
    """

    channels: tuple[int, ...]
    strides = (8,)  # type: ignore[assignment]

    def __init__(self, width: float = 1.0) -> None:
        super().__init__(width)
        self.channels = self.channels[-1:]
        dilation = 1
        for i, block in enumerate(self.features.children()):
            for holder in [m for m in block.modules() if isinstance(m, nn.Sequential)]:
                for name, conv in holder.named_children():
                    if i in ATROUS and isinstance(conv, SamePadConv2d):
                        holder._modules[name] = _plain(conv)
            dilated = [m for m in block.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
            for conv in dilated if i >= min(ATROUS) else []:
                conv.dilation = conv.padding = (dilation, dilation)
            dilation = ATROUS.get(i, dilation)

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, 3, H, W) in [-1, 1] -> one map (B, 1280, H / 8, W / 8)."""
        return [self.features(x)]


def _plain(conv: nn.Conv2d) -> nn.Conv2d:
    """The depthwise convolution with the same weights, but of stride 1."""
    channels = conv.in_channels
    plain = nn.Conv2d(channels, channels, 3, groups=channels, bias=conv.bias is not None)
    plain.load_state_dict(conv.state_dict())
    return plain
