"""PNGs of ids: one channel of 8 bits, in which the value of a pixel is its part, label or person."""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from posepart.io.files import write_atomically
from posepart.io.photos import MAX_PIXELS, without_pillow_limit
from posepart.schema import IGNORE


def read_ids(path: Path) -> NDArray[np.uint8]:
    """Read a PNG of ids, indexed or grey.

    Returns
    -------
    (H, W) uint8
        The stored values, whatever colours a palette gives them.

    Raises
    ------
    ValueError
        The file is absent, damaged, too large or of another kind.
    """
    try:
        with without_pillow_limit():
            file = Image.open(path, formats=["PNG"])
        with file:
            mode, (width, height) = file.mode, file.size
            ids = np.array(file) if width * height <= MAX_PIXELS else np.zeros((0, 0), np.uint8)
    except Exception as error:  # on a damaged file Pillow's reader raises almost anything
        reason = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path}: not a PNG that can be read ({reason}); copy it again") from error
    if width * height > MAX_PIXELS:
        raise ValueError(
            f"{path}: {width} x {height} pixels are more than the limit of {MAX_PIXELS // 10**6} megapixels; "
            "shrink the photo and its maps"
        )
    if mode not in ("P", "L"):
        raise ValueError(
            f"{path}: expected an 8-bit indexed or grey PNG of ids, got mode {mode}, whose pixels are colours; "
            "convert it"
        )
    return ids


def read_label_map(path: Path, labels: int) -> NDArray[np.uint8]:
    """Read a PNG of ids and check them.

    Parameters
    ----------
    path : Path
    labels : int
        Number of labels; every id must be below it, or `schema.IGNORE`.

    Returns
    -------
    (H, W) uint8

    Raises
    ------
    ValueError
        As `read_ids`, or the file has other ids.
    """
    ids = read_ids(path)
    known = ids[ids != IGNORE]
    if known.size and known.max() >= labels:
        raise ValueError(f"{path}: expected ids 0..{labels - 1} or {IGNORE}, got {known.max()}")
    return ids


def write_label_map(path: Path, ids: NDArray[np.uint8], palette: NDArray[np.uint8] | None = None) -> None:
    """Write ids as a PNG, atomically; folders are made if needed.

    Parameters
    ----------
    path : Path
    ids : (H, W) uint8
    palette : (C, 3) uint8 RGB, optional
        Makes an indexed PNG, in which ids without a colour are black; without it the PNG is grey.

    Raises
    ------
    ValueError
        `ids` has another shape or type.
    """
    if ids.ndim != 2 or ids.dtype != np.uint8:
        raise ValueError(f"{path}: expected (H, W) uint8 ids, got {ids.shape} {ids.dtype}")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, label_map_writer(ids, palette))


def label_map_writer(
    ids: NDArray[np.uint8], palette: NDArray[np.uint8] | None = None
) -> Callable[[BinaryIO], object]:
    """What writes (H, W) uint8 ids as a PNG into an open file; see `write_label_map`."""
    picture = Image.fromarray(np.ascontiguousarray(ids))
    if palette is not None:
        colours = np.zeros(
            (256, 3), np.uint8
        )  # all of them: fewer would be packed into fewer bits, and cut the ids
        colours[: len(palette)] = palette
        picture.putpalette(colours.tobytes())
    return lambda file: picture.save(file, "PNG", compress_type=zlib.Z_RLE)
