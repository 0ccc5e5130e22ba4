"""Outlines as masks."""

import numpy as np
from skimage.draw import polygon

from posepart.arrays import LARGEST, Mask


def polygon_mask(outlines: list[object], width: int, height: int) -> Mask:
    """The pixels whose centres lie in any of several outlines.

    Parameters
    ----------
    outlines : list of list of float
        x0, y0, x1, y1, ... of each, where a pixel covers [0, 1], as COCO, CVAT and LabelMe count.
    width, height : int
        px, of the photo.

    Returns
    -------
    (H, W) bool

    Raises
    ------
    ValueError
        An outline is no list of at least three points.
    """
    mask = np.zeros((height, width), bool)
    for outline in outlines:
        numbers = isinstance(outline, list) and all(
            isinstance(v, int | float) and not isinstance(v, bool) and abs(v) < LARGEST for v in outline
        )
        if not isinstance(outline, list) or not numbers or len(outline) < 6 or len(outline) % 2:
            raise ValueError(
                "expected outlines of at least three points (x0, y0, x1, y1, ...) as segmentation"
            )
        xy = np.array(outline, np.float64).reshape(-1, 2) - 0.5
        rows, columns = polygon(xy[:, 1], xy[:, 0], (height, width))
        mask[rows, columns] = True
    return mask
