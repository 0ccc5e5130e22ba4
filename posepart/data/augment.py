"""Augmentation of training crops: plain functions on arrays, and thin random wrappers.

Geometry goes through one affine for image, joints and part map.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from posepart.arrays import Float32, Float64, Ids, Mask, Rgb
from posepart.config import CropConfig
from posepart.geometry.frames import Affine
from posepart.schema import FLIP_JOINTS
from posepart.stages.crops import box_affine


@dataclass(frozen=True)
class AugmentConfig:
    """How far a training crop strays from its box; for validation see `NO_AUGMENTATION`."""

    scale: tuple[float, float] = (0.7, 1.35)  # range of the zoom
    zoom: Literal["log-normal", "uniform"] = "log-normal"  # how the zoom is distributed in that range
    scale_deviation: float = 0.18  # standard deviation of the logarithm of a log-normal zoom
    rotation: float = 20.0  # degrees, standard deviation
    rotation_share: float = 0.65  # share of crops that are rotated
    full_turn: float = 0.05  # share of crops rotated by any angle
    shift: float = 0.05  # of the crop's side, standard deviation
    random_crop: bool = False  # in place of the shift, any place where the crop covers the box or lies in it
    flip: float = 0.5  # share of crops that are mirrored
    colour: float = 0.8  # share with changed contrast, brightness and white balance
    grey: float = 0.15  # share mixed with grey
    blur: float = 0.15  # share blurred
    low_resolution: float = 0.15  # share coarsened, of those that are not blurred
    rectangle: float = 0.3  # share of which a rectangle is covered
    paste: float = 0.25  # share that get a second person pasted in


NO_AUGMENTATION = AugmentConfig(
    scale=(1.0, 1.0), scale_deviation=0.0, rotation=0.0, rotation_share=0.0, full_turn=0.0, shift=0.0,
    flip=0.0, colour=0.0, grey=0.0, blur=0.0, low_resolution=0.0, rectangle=0.0, paste=0.0,
)  # fmt: skip


def random_affine(
    rng: Generator, box: NDArray, crop: CropConfig, config: AugmentConfig
) -> tuple[Affine, bool]:
    """Draw an affine from photo to crop.

    Parameters
    ----------
    rng : numpy.random.Generator
    box : (4,) xyxy, photo frame
    crop : CropConfig
    config : AugmentConfig

    Returns
    -------
    affine : Affine
    mirrored : bool
    """
    if config.zoom == "uniform":
        zoom = float(rng.uniform(*config.scale))
    else:
        zoom = float(np.clip(np.exp(rng.normal(0, config.scale_deviation)), *config.scale))
    angle = rng.normal(0, np.deg2rad(config.rotation)) if rng.random() < config.rotation_share else 0.0
    if rng.random() < config.full_turn:
        angle = rng.uniform(-np.pi, np.pi)
    affine = box_affine(box, crop)
    if config.random_crop:
        sides = zoom * affine.scale * (np.array(box[2:], np.float64) - box[:2] + 1)
        shift = rng.uniform(-0.5, 0.5, 2) * np.abs(sides - crop.size)
    else:
        shift = np.clip(rng.normal(0, 1, 2), -2.4, 2.4) * config.shift * crop.size
    mirrored = bool(rng.random() < config.flip)
    return turned(affine, crop.size, zoom, angle, shift, mirrored), mirrored


def turned(affine: Affine, size: int, zoom: float, angle: float, shift: Float64, mirrored: bool) -> Affine:
    """Follow an affine by a zoom and a rotation about the crop's centre, a shift, and a mirroring.

    Parameters
    ----------
    affine : Affine
        From photo to crop.
    size : int
        Side of the crop, px.
    zoom : float
    angle : float, radians
    shift : (2,), crop px
    mirrored : bool
    """
    centre = (size - 1) / 2
    cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]])
    matrix = np.empty((2, 3))
    matrix[:, :2] = linear @ affine.matrix[:, :2]
    matrix[:, 2] = linear @ (affine.matrix[:, 2] - centre) + centre + shift
    if mirrored:
        matrix[0] *= -1
        matrix[0, 2] += size - 1
    return Affine(matrix)


def transform_joints(
    joints: Float32, affine: Affine, mirrored: bool, flips: Sequence[int] = FLIP_JOINTS
) -> Float32:
    """Joints (J, 3) of the photo in the crop frame, left and right (`flips`) swapped if the affine mirrors."""
    moved = joints.copy()
    moved[:, :2] = affine.forward(joints[:, :2])
    return moved[list(flips)] if mirrored else moved


def warp_labels(labels: Ids, affine: Affine, size: int, stride: int, outside: int) -> Ids:
    """Sample label ids at the centres of map cells, nearest neighbour.

    Parameters
    ----------
    labels : (H, W) uint8, photo frame
    affine : Affine
        From photo to crop.
    size : int
        Side of the crop, px.
    stride : int
        Crop pixels per cell.
    outside : int
        The id of cells that lie outside the photo.

    Returns
    -------
    (size // stride, size // stride) uint8
    """
    matrix = affine.matrix / stride
    matrix[:, 2] += 0.5 / stride - 0.5
    cells = size // stride
    warped = cv2.warpAffine(
        labels,
        matrix,
        (cells, cells),
        flags=cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=outside,
    )
    return np.asarray(warped, np.uint8)


def jitter_colours(rng: Generator, image: Rgb, config: AugmentConfig) -> Rgb:
    """Change contrast, brightness and white balance; mix with grey; blur or coarsen. (S, S, 3) uint8 RGB."""
    picture = image
    if rng.random() < config.colour:
        contrast, brightness = rng.uniform(0.65, 1.4), rng.uniform(-25, 25)
        picture = shift_tones(picture, contrast, brightness, rng.uniform(0.88, 1.12, 3))
    if rng.random() < config.grey:
        picture = mix_grey(picture, float(rng.random()))
    if rng.random() < config.blur:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.5, 1.8))), np.uint8)
    elif rng.random() < config.low_resolution:
        picture = coarsen(picture, float(rng.uniform(0.3, 0.7)))
    return picture


def shift_tones(image: Rgb, contrast: float, brightness: float, balance: NDArray, centre: float = 128) -> Rgb:
    """Scale an image's values about `centre` by a contrast and a (3,) balance of R, G, B; add a brightness."""
    ramp = np.arange(256, dtype=np.float32)[:, None]
    table = np.clip((ramp - centre) * contrast * balance + centre + brightness, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table[None]), np.uint8)


def mix_grey(image: Rgb, share: float) -> Rgb:
    """Mix an image with its grey version; a negative share makes the colours stronger."""
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return np.asarray(cv2.addWeighted(image, 1 - share, grey, share, 0), np.uint8)


def coarsen(image: Rgb, factor: float) -> Rgb:
    """Shrink an image by a factor and enlarge it again."""
    small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, image.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.uint8)


def random_rectangle(rng: Generator, image: Rgb) -> tuple[Rgb, Mask]:
    """Cover a random rectangle with a flat or noisy colour.

    Parameters
    ----------
    rng : numpy.random.Generator
    image : (S, S, 3) uint8 RGB

    Returns
    -------
    image : (S, S, 3) uint8 RGB
    covered : (S, S) bool
    """
    size = image.shape[0]
    width, height = (rng.uniform(0.08, 0.3, 2) * size).astype(int)
    x, y = rng.integers(0, size - width), rng.integers(0, size - height)
    covered = image.copy()
    noise = 0.0 if rng.random() < 0.5 else 30.0
    fill = (
        rng.normal(rng.integers(0, 256, 3), noise, (height, width, 3)) if noise else rng.integers(0, 256, 3)
    )
    covered[y : y + height, x : x + width] = np.clip(fill, 0, 255)
    mask = np.zeros((size, size), dtype=bool)
    mask[y : y + height, x : x + width] = True
    return covered, mask
