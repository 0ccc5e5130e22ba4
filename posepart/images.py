"""Deprecated: `posepart.read_photo` is what `posepart.images.read_photo` was in version 0.1; gone in 0.3."""

import warnings

from posepart.io.photos import read_photo

__all__ = ["read_photo"]

warnings.warn(
    "posepart.images is deprecated: use posepart.read_photo, or posepart.io.photos for the rest",
    DeprecationWarning,
    stacklevel=2,
)
