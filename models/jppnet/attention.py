"""Attention to scale (Chen et al. 2016): the base of SS-JPPNet (Liang et al., Sec. 6.1).

A parsing network reads the image at several scales. A small network reads its features at all of them and weighs
the scales at every cell.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..scales import resized, to_size
from ..supervision import Supervision


@dataclass(frozen=True)
class AttendedMaps:
    """The result and, for the extra supervision of every scale, what it was merged from."""

    merged: Tensor  # (B, labels, h, w), logits
    scales: tuple[Tensor, ...]  # logits of each scale, each at its own size
    weights: Tensor  # (B, scales, h, w), sum to 1 over the scales


class AttentionToScale(nn.Module):
    """The scores of all scales, averaged at every cell with weights that the network predicts.

    The attention reads the features of all scales at the size of the first: a 3x3 convolution, ReLU, dropout, a 1x1
    convolution to one channel per scale, softmax.

    Parameters
    ----------
    backbone : torch.nn.Module
        Image -> maps; shared by the scales.
    neck : torch.nn.Module
        Those maps -> features (B, channels, H / stride, W / stride).
    channels : int
        Of the features.
    labels : int
    stride : int
        Of the features, pixels.
    scales : sequence of float
        Of the input; the first is 1.
    hidden : int
        Channels of the attention's 3x3 convolution.

    Raises
    ------
    ValueError
        The first scale is not 1.
    """

    def __init__(
        self,
        backbone: nn.Module,
        neck: nn.Module,
        channels: int,
        labels: int,
        stride: int,
        scales: Sequence[float] = (1.0, 0.75, 0.5),
        hidden: int = 512,
    ) -> None:
        super().__init__()
        if not scales or scales[0] != 1.0:
            raise ValueError(f"AttentionToScale: scales start with 1.0, the size of the result; got {scales}")
        self.backbone = backbone
        self.neck = neck
        self.stride = stride
        self.scales = tuple(scales)
        self.score = nn.Conv2d(channels, labels, 1)
        self.attention = nn.Sequential(
            nn.Conv2d(channels * len(self.scales), hidden, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Conv2d(hidden, len(self.scales), 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> merged logits (B, labels, h, w)."""
        return self.attend(images).merged

    def supervise(self, images: Tensor, labels: Tensor, boxes: Tensor) -> Supervision:
        """The merged scores, and those of every scale, the paper's extra supervision."""
        maps = self.attend(images)
        every = (maps.merged, *maps.scales)
        return Supervision(every, (labels,) * len(every))

    def attend(self, images: Tensor) -> AttendedMaps:
        """(B, 3, H, W) in [-1, 1] -> merged logits, those of each scale, and the weights of the scales."""
        features = [self.neck(self.backbone(resized(images, scale))) for scale in self.scales]
        size = features[0].shape[-2:]
        weights = F.softmax(self.attention(torch.cat([to_size(f, size) for f in features], dim=1)), dim=1)
        scores = tuple(self.score(f) for f in features)
        weighted = [to_size(score, size) * weights[:, i : i + 1] for i, score in enumerate(scores)]
        return AttendedMaps(torch.stack(weighted).sum(0), scores, weights)


class FinestLevel(nn.Module):
    """The finest map of a backbone, unchanged: the neck of a backbone of one level."""

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """The backbone's maps -> the first of them."""
        return levels[0]
