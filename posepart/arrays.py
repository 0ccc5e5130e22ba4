"""Names for arrays by dtype, the one check of shapes and of photos, and batches."""

import os
from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]
Rgb = NDArray[np.uint8]  # (H, W, 3) in R, G, B order
Ids = NDArray[np.uint8]  # (H, W), a part or person id per pixel

LARGEST = 1e9  # no coordinate, score or time in a file is larger; float32 holds it

Item = TypeVar("Item")


def check_shape(name: str, array: NDArray, shape: tuple[int | None, ...]) -> None:
    """Refuse an array of another shape.

    Parameters
    ----------
    name : str
        What the error calls the array, as in "Crop.box".
    array : ndarray
    shape : tuple
        The expected lengths; None stands for any length.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    ok = array.ndim == len(shape) and all(
        s is None or s == a for s, a in zip(shape, array.shape, strict=True)
    )
    if not ok:
        wanted = "(" + ", ".join("_" if s is None else str(s) for s in shape) + ")"
        raise ValueError(f"{name}: expected shape {wanted}, got {array.shape}")


def in_batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """The items in order, `size` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def check_rgb(photo: object) -> None:
    """Refuse what is no (H, W, 3) uint8 RGB image, and say what makes one of it.

    Raises
    ------
    ValueError
        With what was given.
    """
    wanted = "expected an (H, W, 3) uint8 RGB image"
    if isinstance(photo, str | bytes | os.PathLike):
        raise ValueError(f"{wanted}, got the path {photo!r}; posepart.read_photo reads it")
    if isinstance(photo, Image.Image):
        raise ValueError(
            f'{wanted}, got a Pillow image; numpy.asarray(image.convert("RGB")) makes one of it, and '
            "posepart.read_photo one of a file"
        )
    if isinstance(photo, list | tuple):
        raise ValueError(
            f"{wanted}, got a {type(photo).__name__}; pass one photo after the other, each as an array"
        )
    if not isinstance(photo, np.ndarray):
        kind = f"{type(photo).__module__}.{type(photo).__qualname__}"
        raise ValueError(
            f"{wanted}, got a {kind}; numpy.asarray may make one of it, posepart.read_photo reads a file"
        )
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8 or not photo.size:
        raise ValueError(
            f"{wanted}, got {photo.dtype} {photo.shape}; posepart.read_photo makes one of every photo file"
        )
