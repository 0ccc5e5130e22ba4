"""Names for arrays by dtype, and the one check of shapes."""

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]
Rgb = NDArray[np.uint8]  # (H, W, 3) in R, G, B order
Ids = NDArray[np.uint8]  # (H, W), a part or person id per pixel


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
