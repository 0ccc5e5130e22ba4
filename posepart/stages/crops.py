"""Box -> rescaled crop, and the affine back (Sec. 3: boxes are resized so that people have one size)."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from posepart.config import CropConfig
from posepart.geometry.frames import Affine
from posepart.structures import Crop, PersonBoxes

PADDING_GREY = 114  # value of crop pixels that lie outside the photo


def box_affine(box: NDArray, config: CropConfig) -> Affine:
    """The photo -> crop affine that centres `box` (xyxy, photo frame) in a square of `config.size` pixels."""
    x0, y0, x1, y1 = (float(v) for v in box)
    side = max(x1 - x0, y1 - y0, 1e-3) * config.margin
    scale = config.size / side
    centre = (config.size - 1) / 2
    matrix = [[scale, 0, centre - scale * (x0 + x1) / 2], [0, scale, centre - scale * (y0 + y1) / 2]]
    return Affine(np.array(matrix))


def warp_image(image: NDArray[np.uint8], affine: Affine, size: int) -> NDArray[np.uint8]:
    """Resample `image` (H, W, 3) into a (size, size, 3) crop; outside the photo it is grey.

    Only the part of the photo under the crop is read, and it is area-averaged first when it shrinks, so
    large photos neither alias nor cost memory.
    """
    height, width = image.shape[:2]
    corners = affine.inverse(
        np.array([[-0.5, -0.5], [size - 0.5, -0.5], [-0.5, size - 0.5], [size - 0.5, size - 0.5]])
    )
    x0, y0 = np.clip(np.floor(corners.min(0)).astype(int) - 1, 0, [width, height])
    x1, y1 = np.clip(np.ceil(corners.max(0)).astype(int) + 2, 0, [width, height])
    if x1 - x0 < 1 or y1 - y0 < 1:
        return np.full((size, size, 3), PADDING_GREY, np.uint8)
    region: NDArray[Any] = image[y0:y1, x0:x1]
    matrix = affine.matrix.copy()
    matrix[:, 2] += matrix[:, :2] @ [x0, y0]
    if affine.scale < 0.7:
        shrunk = (max(1, round((x1 - x0) * affine.scale)), max(1, round((y1 - y0) * affine.scale)))
        ratio = np.array([shrunk[0] / (x1 - x0), shrunk[1] / (y1 - y0)])
        region = cv2.resize(region, shrunk, interpolation=cv2.INTER_AREA)
        # a shrunk pixel i has its centre at (i + 0.5) / ratio - 0.5 of the region
        matrix[:, 2] += matrix[:, :2] @ (0.5 / ratio - 0.5)
        matrix[:, :2] /= ratio
    warped = cv2.warpAffine(
        np.ascontiguousarray(region),
        matrix,
        (size, size),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(PADDING_GREY,) * 3,
    )
    return np.asarray(warped, np.uint8)


def crop_boxes(image: NDArray[np.uint8], boxes: PersonBoxes, config: CropConfig) -> list[Crop]:
    """One crop per box, in the order of `boxes`."""
    crops = []
    for box, score in zip(boxes.xyxy, boxes.scores, strict=True):
        affine = box_affine(box, config)
        crops.append(Crop(warp_image(image, affine, config.size), affine, box, float(score)))
    return crops
