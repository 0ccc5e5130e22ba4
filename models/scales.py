"""Inputs of several scales: resize the image, bring the maps of all scales to one size, merge them."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

MULTIPLE = 32  # px; sides of a scaled input are multiples of it, as of the strides of all backbones


def resized(images: Tensor, scale: float) -> Tensor:
    """Resize bilinearly: (B, C, H, W) -> (B, C, H * scale, W * scale), each side rounded to a multiple of 32."""
    if scale == 1.0:
        return images
    size = [max(MULTIPLE, round(side * scale / MULTIPLE) * MULTIPLE) for side in images.shape[-2:]]
    return F.interpolate(images, size=size, mode="bilinear", align_corners=False, antialias=False)


def to_size(maps: Tensor, size: Sequence[int], mode: str = "bilinear") -> Tensor:
    """Resize maps: (B, C, h, w) -> (B, C, *size); the mode is "bilinear" (half-pixel centres) or "nearest"."""
    if tuple(maps.shape[-2:]) == tuple(size):
        return maps
    if mode == "nearest":
        return F.interpolate(maps, size=tuple(size), mode="nearest-exact")
    return F.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)


def merge_scales(maps: Sequence[Tensor], merge: str, mode: str = "bilinear") -> Tensor:
    """Merge the maps of several scales at the size of the first.

    Parameters
    ----------
    maps : sequence of (B, C, h, w)
        Of any sizes.
    merge : str
        "max" (DeepLab's element-wise maximum) or "mean".
    mode : str
        See `to_size`.

    Returns
    -------
    (B, C, h, w)
    """
    stacked = torch.stack([to_size(m, maps[0].shape[-2:], mode) for m in maps])
    return stacked.amax(0) if merge == "max" else stacked.mean(0)
