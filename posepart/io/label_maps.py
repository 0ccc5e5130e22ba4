"""Label-id PNGs: one channel of 8 bits, the value of a pixel is its label."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from posepart.io.files import write_atomically
from posepart.schema import IGNORE


def read_label_map(path: Path, labels: int) -> NDArray[np.uint8]:
    """(H, W) uint8 ids below `labels`, or `schema.IGNORE`.

    Raises
    ------
    ValueError: when the file is absent, damaged, of another kind, or has other ids; it names the file.
    """
    try:
        with Image.open(path, formats=["PNG"]) as file:
            mode, ids = file.mode, np.asarray(file)
    except (OSError, SyntaxError) as error:
        raise ValueError(f"{path}: no readable PNG ({error}); copy it again") from error
    if mode not in ("P", "L"):
        raise ValueError(
            f"{path}: expected an 8-bit indexed or grey PNG of label ids, got mode {mode}: colours are no labels"
        )
    known = ids[ids != IGNORE]
    if known.size and known.max() >= labels:
        raise ValueError(f"{path}: expected ids 0..{labels - 1} or {IGNORE}, got {known.max()}")
    return ids.astype(np.uint8)


def write_label_map(path: Path, ids: NDArray[np.uint8], palette: NDArray[np.uint8] | None = None) -> None:
    """Write (H, W) uint8 ids as a PNG, at once or not at all.

    palette: (C, 3) uint8 RGB makes an indexed PNG, whose ids are the same; None a grey one, as LIP's own.

    Raises
    ------
    ValueError: when `ids` is of another shape or type.
    """
    if ids.ndim != 2 or ids.dtype != np.uint8:
        raise ValueError(f"{path}: expected (H, W) uint8 label ids, got {ids.shape} {ids.dtype}")
    image = Image.fromarray(ids)
    if palette is not None:
        image.putpalette(palette.astype(np.uint8).tobytes())
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda file: image.save(file, format="PNG"))
