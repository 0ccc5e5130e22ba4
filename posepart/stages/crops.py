"""Person box -> crop of a fixed size, and the affine between photo and crop (Sec. 3)."""

import cv2
import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Rgb
from posepart.config import CropConfig
from posepart.geometry.frames import Affine
from posepart.structures import Crop, PersonBoxes

PADDING_GREY = 114  # value of crop pixels that lie outside the photo


def box_affine(box: NDArray, config: CropConfig) -> Affine:
    """The affine from the photo to the crop of a box.

    The box is centred in a square whose side is `config.margin` times the longer side of the box.

    Parameters
    ----------
    box : (4,) xyxy
        Photo frame.
    config : CropConfig

    Returns
    -------
    Affine
        Photo -> crop, without rotation.
    """
    x0, y0, x1, y1 = (float(v) for v in box)
    side = max(x1 - x0, y1 - y0, 1e-3) * config.margin
    scale = config.size / side
    centre = (config.size - 1) / 2
    matrix = [[scale, 0, centre - scale * (x0 + x1) / 2], [0, scale, centre - scale * (y0 + y1) / 2]]
    return Affine(np.array(matrix))


def warp_image(image: Rgb, affine: Affine, size: int) -> Rgb:
    """The pixels of a crop.

    Only the region of the photo under the crop is read, and it is area-averaged before it is shrunk: a large
    photo shows no aliasing and costs no memory.

    Parameters
    ----------
    image : (H, W, 3) uint8
    affine : Affine
        Photo -> crop.
    size : int
        Side of the crop, px.

    Returns
    -------
    (size, size, 3) uint8
        Grey (`PADDING_GREY`) outside the photo.
    """
    height, width = image.shape[:2]
    corners = affine.inverse(
        np.array([[-0.5, -0.5], [size - 0.5, -0.5], [-0.5, size - 0.5], [size - 0.5, size - 0.5]])
    )
    x0, y0 = np.clip(np.floor(corners.min(0)).astype(int) - 1, 0, [width, height])
    x1, y1 = np.clip(np.ceil(corners.max(0)).astype(int) + 2, 0, [width, height])
    if x1 - x0 < 1 or y1 - y0 < 1:
        return np.full((size, size, 3), PADDING_GREY, np.uint8)
    region: Rgb = image[y0:y1, x0:x1]
    matrix = affine.matrix.copy()
    matrix[:, 2] += matrix[:, :2] @ [x0, y0]
    if affine.scale < 0.7:
        shrunk = (max(1, round((x1 - x0) * affine.scale)), max(1, round((y1 - y0) * affine.scale)))
        ratio = np.array([shrunk[0] / (x1 - x0), shrunk[1] / (y1 - y0)])
        region = np.asarray(cv2.resize(region, shrunk, interpolation=cv2.INTER_AREA), np.uint8)
        # the centre of shrunk pixel i lies at (i + 0.5) / ratio - 0.5 in the region
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


def crop_boxes(image: Rgb, boxes: PersonBoxes, config: CropConfig) -> list[Crop]:
    """One crop per box, with the box and its score, in the order of `boxes`."""
    crops = []
    for box, score in zip(boxes.xyxy, boxes.scores, strict=True):
        affine = box_affine(box, config)
        crops.append(Crop(warp_image(image, affine, config.size), affine, box, float(score)))
    return crops
