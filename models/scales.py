"""Multi-scale inputs: shrink the image, bring the maps of all scales to one size, merge them."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

MULTIPLE = 32  # px; the side of a scaled input, so that every stride of every backbone divides it


def resized(images: Tensor, scale: float) -> Tensor:
    """(B, C, H, W) -> bilinear, (B, C, H * scale, W * scale) with each side rounded to a multiple of 32."""
    if scale == 1.0:
        return images
    size = [max(MULTIPLE, round(side * scale / MULTIPLE) * MULTIPLE) for side in images.shape[-2:]]
    return F.interpolate(images, size=size, mode="bilinear", align_corners=False, antialias=False)


def to_size(maps: Tensor, size: Sequence[int], mode: str = "bilinear") -> Tensor:
    """(B, C, h, w) -> (B, C, *size); mode "bilinear" (half-pixel centres) or "nearest"."""
    if tuple(maps.shape[-2:]) == tuple(size):
        return maps
    if mode == "nearest":
        return F.interpolate(maps, size=tuple(size), mode="nearest-exact")
    return F.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)


def merge_scales(maps: Sequence[Tensor], merge: str, mode: str = "bilinear") -> Tensor:
    """The maps of several scales as one, at the size of the first.

    merge: "max" (DeepLab's element-wise maximum) or "mean".
    """
    stacked = torch.stack([to_size(m, maps[0].shape[-2:], mode) for m in maps])
    return stacked.amax(0) if merge == "max" else stacked.mean(0)
