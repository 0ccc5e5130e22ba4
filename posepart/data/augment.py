"""Augmentation: plain functions on arrays; geometry is one affine for image, joints and part map."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from posepart.config import CropConfig
from posepart.geometry.frames import Affine
from posepart.schema import FLIP_JOINTS
from posepart.stages.crops import box_affine


@dataclass(frozen=True)
class AugmentConfig:
    """How far a training crop strays from the box. Zero everything for validation."""

    scale: tuple[float, float] = (0.7, 1.35)  # range of a log-normal zoom
    scale_deviation: float = 0.18
    rotation: float = 20.0  # degrees, standard deviation, for `rotation_share` of the crops
    rotation_share: float = 0.65
    full_turn: float = 0.05  # share of crops turned by any angle
    shift: float = 0.05  # of the crop's side, standard deviation
    flip: float = 0.5
    colour: float = 0.8
    grey: float = 0.15
    blur: float = 0.15
    low_resolution: float = 0.15
    rectangle: float = 0.3
    paste: float = 0.25  # share of crops that get a second person pasted in


NO_AUGMENTATION = AugmentConfig(
    scale=(1.0, 1.0), scale_deviation=0.0, rotation=0.0, rotation_share=0.0, full_turn=0.0, shift=0.0,
    flip=0.0, colour=0.0, grey=0.0, blur=0.0, low_resolution=0.0, rectangle=0.0, paste=0.0,
)  # fmt: skip


def random_affine(
    rng: Generator, box: NDArray, crop: CropConfig, config: AugmentConfig
) -> tuple[Affine, bool]:
    """A photo -> crop affine around `box`, and whether it mirrors."""
    zoom = float(np.clip(np.exp(rng.normal(0, config.scale_deviation)), *config.scale))
    angle = rng.normal(0, np.deg2rad(config.rotation)) if rng.random() < config.rotation_share else 0.0
    if rng.random() < config.full_turn:
        angle = rng.uniform(-np.pi, np.pi)
    shift = np.clip(rng.normal(0, 1, 2), -2.4, 2.4) * config.shift * crop.size
    mirrored = bool(rng.random() < config.flip)
    return turned(box_affine(box, crop), crop.size, zoom, angle, shift, mirrored), mirrored


def turned(
    affine: Affine, size: int, zoom: float, angle: float, shift: NDArray[np.float64], mirrored: bool
) -> Affine:
    """`affine` followed by a zoom and turn about the crop's centre, a shift, and a mirroring."""
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


def transform_joints(joints: NDArray[np.float32], affine: Affine, mirrored: bool) -> NDArray[np.float32]:
    """Joints (14, 3) of the photo in the crop frame; a mirroring swaps left and right."""
    moved = joints.copy()
    moved[:, :2] = affine.forward(joints[:, :2])
    return moved[list(FLIP_JOINTS)] if mirrored else moved


def warp_labels(
    labels: NDArray[np.uint8], affine: Affine, size: int, stride: int, outside: int
) -> NDArray[np.uint8]:
    """Label ids (H, W) of the photo at the cell centres of a map of `stride` (nearest neighbour)."""
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


def jitter_colours(rng: Generator, image: NDArray[np.uint8], config: AugmentConfig) -> NDArray[np.uint8]:
    """Contrast, brightness, white balance, grey, blur, low resolution."""
    picture: NDArray[Any] = image
    if rng.random() < config.colour:
        contrast, brightness = rng.uniform(0.65, 1.4), rng.uniform(-25, 25)
        balance = rng.uniform(0.88, 1.12, 3)
        ramp = np.arange(256, dtype=np.float32)[:, None]
        table = np.clip((ramp - 128) * contrast * balance + 128 + brightness, 0, 255).astype(np.uint8)
        picture = cv2.LUT(picture, table[None])
    if rng.random() < config.grey:
        grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        picture = cv2.addWeighted(picture, 1 - (share := float(rng.random())), grey, share, 0)
    if rng.random() < config.blur:
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.5, 1.8)))
    elif rng.random() < config.low_resolution:
        factor = float(rng.uniform(0.3, 0.7))
        small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        picture = cv2.resize(small, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return picture


def random_rectangle(rng: Generator, image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Cover a random rectangle with a flat or noisy colour; also its (S, S) mask."""
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
