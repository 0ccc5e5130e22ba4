"""Attention to scale (Chen et al. 2016): the base of SS-JPPNet (Liang et al., Sec. 6.1).

One parser sees the image at several scales; a small network looks at its features at all of them and says, cell
by cell, how much each scale counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..scales import resized, to_size


@dataclass(frozen=True)
class AttendedMaps:
    """The result and what it is made of, for the extra supervision of every scale.

    merged: (B, labels, h, w) logits. scales: the logits of each scale, each at its own size. weights: (B, scales,
    h, w), 1 in sum over the scales.
    """

    merged: Tensor
    scales: tuple[Tensor, ...]
    weights: Tensor


class AttentionToScale(nn.Module):
    """Scores of all scales, weighted softly at every cell.

    backbone: image -> maps, and neck: those maps -> features (B, channels, H / stride, W / stride), shared by the
    scales. The attention reads the features of all scales at the size of the first: a 3x3 convolution of `hidden`
    channels, ReLU, dropout, a 1x1 convolution to one channel per scale, softmax.

    forward: (B, 3, H, W) in [-1, 1] -> logits (B, labels, h, w); `attend` returns everything.
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
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if not scales or scales[0] != 1.0:
            raise ValueError(
                f"AttentionToScale: scales start with 1.0, whose size is the result's, got {scales}"
            )
        self.backbone = backbone
        self.neck = neck
        self.stride = stride
        self.scales = tuple(scales)
        self.score = nn.Conv2d(channels, labels, 1)
        self.attention = nn.Sequential(
            nn.Conv2d(channels * len(self.scales), hidden, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Conv2d(hidden, len(self.scales), 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.attend(images).merged

    def attend(self, images: Tensor) -> AttendedMaps:
        """(B, 3, H, W) -> merged logits, those of each scale, and the weights of the scales."""
        features = [self.neck(self.backbone(resized(images, scale))) for scale in self.scales]
        size = features[0].shape[-2:]
        weights = F.softmax(self.attention(torch.cat([to_size(f, size) for f in features], dim=1)), dim=1)
        scores = tuple(self.score(f) for f in features)
        weighted = [to_size(score, size) * weights[:, i : i + 1] for i, score in enumerate(scores)]
        return AttendedMaps(torch.stack(weighted).sum(0), scores, weights)


class FinestLevel(nn.Module):
    """A backbone's finest map as it is: the neck of a backbone of one level."""

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        return levels[0]
