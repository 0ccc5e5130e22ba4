"""Turns light into a photo: exposure, tone curve, colour, vignette, blur, sensor noise, JPEG."""

import io

import numpy as np
from PIL import Image, ImageFilter

from posepart.arrays import Mask, Rgb

from ..clothes.textures import grey
from ..config import SynthConfig
from ..people.rotations import Array

Rng = np.random.Generator


def meter(image: Array, target: float, subject: Mask, on_subject: float) -> Array:
    """Scale the light so that its brightness is near a target, with a soft shoulder.

    Parameters
    ----------
    image : (H, W, 3)
    target : float
        In [0, 1].
    subject : (H, W) bool
        Pixels of the people.
    on_subject : float
        Weight of their 55th percentile against that of the whole picture, 0 to 1.

    Returns
    -------
    (H, W, 3)
        In [0, 1].
    """
    luma = grey(image)
    brightness = max(0.05, float(np.percentile(luma, 55)))
    if subject.any():
        metered = max(0.05, float(np.percentile(luma[subject], 55)))
        brightness = brightness ** (1 - on_subject) * metered**on_subject
    scaled = np.clip(image * (target / brightness) ** 0.85, 0, None)
    return np.clip(scaled / (1 + 0.18 * scaled), 0, 1)


def average(image: Array, factor: int) -> Array:
    """The mean over blocks of factor x factor pixels: (H * f, W * f, 3) -> (H, W, 3)."""
    if factor == 1:
        return image
    height, width = image.shape[0] // factor, image.shape[1] // factor
    total = np.zeros((height, width, 3), image.dtype)
    for y in range(factor):
        for x in range(factor):
            total += image[y::factor, x::factor]
    return total / factor**2


def _grade(rng: Rng, image: Array) -> Array:
    """Change saturation, contrast, brightness and white balance, add a vignette, sometimes remove all colour."""
    u, (dark, grey_draw) = rng.uniform, rng.random(2)
    luma = grey(image)[..., None]
    image = luma + (image - luma) * u(0.75, 1.35)
    image = (image - 0.5) * u(0.85, 1.2) + 0.5 + u(-0.05, 0.05)
    image = image * (1 + rng.normal(0, 0.04, 3))
    strength = u(0.2, 0.8)
    if dark < 0.4:
        height, width = image.shape[:2]
        y, x = np.mgrid[0:height, 0:width]
        radius = (x / width - 0.5) ** 2 + (y / height - 0.5) ** 2
        image = image * (1 - strength * radius[..., None])
    return grey(image)[..., None].repeat(3, 2) if grey_draw < 0.06 else image


def expose(rng: Rng, image: Array, subject: Mask, config: SynthConfig) -> Rgb:
    """Turn linear light into a photo.

    A plain scene gives a clean photo: mild blur, little noise, no JPEG.

    Parameters
    ----------
    rng : numpy Generator
    image : (H * s, W * s, 3) float32
        Light, s = `config.supersampling`.
    subject : (H * s, W * s) bool
        Pixels of the people.
    config : SynthConfig

    Returns
    -------
    (H, W, 3) uint8
    """
    target, gamma = rng.uniform(0.3, 0.62), rng.uniform(0.95, 1.25)
    light = meter(image, target, subject, 0.6 if config.plain else rng.uniform(0, 0.8))
    image = average(light ** (1 / gamma), config.supersampling)
    image = _grade(rng, image)
    u = rng.uniform
    blur = u(0.25, 0.8) if rng.random() < 0.85 else u(0.8, 2)
    noise, quality = u(0, 7), int(u(45, 96))
    if config.plain:
        blur, noise = 0.3, min(noise, 1.5)
    pixels = Image.fromarray((np.clip(image, 0, 1) * 255).astype(np.uint8))
    pixels = pixels.filter(ImageFilter.GaussianBlur(blur))
    values = np.asarray(pixels, np.float32)
    values = values + rng.standard_normal(values.shape, dtype=np.float32) * noise
    photo = np.clip(values, 0, 255).astype(np.uint8)
    if config.plain:
        return photo
    stream = io.BytesIO()
    Image.fromarray(photo).save(stream, "JPEG", quality=quality)
    return np.array(Image.open(stream))
