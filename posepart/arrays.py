"""Names for arrays by dtype, the one check of shapes, and batches."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]
Rgb = NDArray[np.uint8]  # (H, W, 3) in R, G, B order
Ids = NDArray[np.uint8]  # (H, W), a part or person id per pixel

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
