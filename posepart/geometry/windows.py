"""Windows of whole pixels of a photo, and strips of bounded size."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from posepart.geometry.frames import Affine

STRIP_PIXELS = 1 << 16  # pixels processed at once: bounds the memory, and fits the processor's cache

Window = tuple[int, int, int, int]  # x0, y0, x1, y1 in whole pixels; x1 and y1 are excluded


def crop_window(affine: Affine, crop_size: int, photo_shape: tuple[int, int]) -> Window:
    """The photo pixels whose centres lie in a crop.

    Parameters
    ----------
    affine : Affine
        From photo to crop, without rotation.
    crop_size : int
        Side of the crop, px.
    photo_shape : (int, int)
        Height and width of the photo.
    """
    assert affine.matrix[0, 1] == affine.matrix[1, 0] == 0, "crops are upright"
    low, high = affine.inverse(np.array([[-0.5, -0.5], [crop_size - 0.5, crop_size - 0.5]]))
    size = photo_shape[::-1]
    x0, y0 = np.clip(np.ceil(low).astype(np.int64), 0, size)
    x1, y1 = np.clip(np.ceil(high).astype(np.int64), 0, size)
    return int(x0), int(y0), int(x1), int(y1)


def box_window(box: NDArray, window: Window) -> Window:
    """The pixels of a window whose centres lie in a box (4,) xyxy."""
    x0, y0, x1, y1 = window
    low = np.clip(np.ceil(box[:2]).astype(np.int64), (x0, y0), (x1, y1))
    high = np.clip(np.floor(box[2:]).astype(np.int64) + 1, low, (x1, y1))
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def within(window: Window, frame: Window) -> tuple[slice, slice]:
    """The rows and columns of a window in an array that covers `frame`."""
    x0, y0, x1, y1 = window
    return slice(y0 - frame[1], y1 - frame[1]), slice(x0 - frame[0], x1 - frame[0])


def strips(
    windows: Sequence[Window], photo_shape: tuple[int, int]
) -> Iterator[tuple[Window, list[tuple[int, Window]]]]:
    """Divide the area that windows cover into strips of bounded size.

    Parameters
    ----------
    windows : sequence of Window
    photo_shape : (int, int)
        Height and width of the photo.

    Yields
    ------
    strip : Window
        Only as wide as the windows in it.
    inside : list of (int, Window)
        Index and part of each window that lies in the strip.
    """
    height, width = photo_shape
    rows = max(1, STRIP_PIXELS // max(width, 1))
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        inside = [
            (i, (x0, max(y0, top), x1, min(y1, bottom)))
            for i, (x0, y0, x1, y1) in enumerate(windows)
            if x0 < x1 and max(y0, top) < min(y1, bottom)
        ]
        if inside:
            left, right = min(part[0] for _, part in inside), max(part[2] for _, part in inside)
            yield (left, top, right, bottom), inside
