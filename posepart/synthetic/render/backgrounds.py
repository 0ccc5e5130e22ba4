"""Backgrounds: outdoors, a room, a flat picture or a user's photo; procedural by default."""

import hashlib
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from posepart.io.photo_folders import find_photos
from posepart.io.photos import open_photo

from ..clothes.patterns import pattern
from ..clothes.textures import box_blur, fractal_noise, look_up
from ..people.rotations import Array
from .camera import Camera
from .lighting import Light, ShadowMap, dot

Rng = np.random.Generator
PHOTO_SHARE = 0.35
GROUNDS = ("gravel", "gravel", "planks", "tiles", "mottled", "plain", "bricks", "foliage")
FAR = 1e9


class PhotoFolder:
    """A user's folder of photos without people, in the order of their names.

    Parameters
    ----------
    folder : Path
        Searched for photos as `posepart predict` does, without its sub-folders.

    Raises
    ------
    ValueError
        If there are none.
    """

    def __init__(self, folder: Path) -> None:
        if not Path(folder).is_dir():
            raise ValueError(f"{folder}: no such folder; give a folder of photos without people")
        try:
            self.files = [path for path in find_photos([folder]) if isinstance(path, Path)]
        except ValueError as error:
            raise ValueError(f"{error} of places without people") from None

    def digest(self) -> str:
        """The SHA-256 of all names and contents, on which the scenes depend besides the seed."""
        total = hashlib.sha256()
        for path in self.files:
            total.update(os.fsencode(path.name) + b"\0" + hashlib.sha256(path.read_bytes()).digest())
        return total.hexdigest()

    def crop(self, rng: Rng, height: int, width: int) -> Array:
        """A random part of a random photo: (H, W, 3) float32 in [0, 1]."""
        path = self.files[int(rng.integers(len(self.files)))]
        photo = Image.fromarray(open_photo(path).image)
        share, flip, gamma = rng.uniform(0.35, 1), rng.random() < 0.5, rng.uniform(0.7, 1.4)
        scale = share * min(photo.width / width, photo.height / height)
        w, h = max(1, int(width * scale)), max(1, int(height * scale))
        x, y = int(rng.integers(photo.width - w + 1)), int(rng.integers(photo.height - h + 1))
        part = photo.resize((width, height), Image.Resampling.BILINEAR, (x, y, x + w, y + h))
        pixels = np.asarray(part, np.float32) / 255
        return (pixels[:, ::-1] if flip else pixels) ** gamma


@dataclass(frozen=True)
class _Wall:
    """A vertical plane: the points p with (p - camera) . normal = -distance."""

    normal: Array  # (3,), world frame, towards the camera
    distance: float  # metres
    texture: Array  # (h, w, 3)
    period: float  # metres after which the texture repeats
    brightness: float  # factor of the texture


@dataclass(frozen=True)
class Setting:
    """What a background depends on."""

    camera: Camera
    light: Light
    shadows: ShadowMap
    content: Array  # (N, 2), ground positions of the people and objects, metres


def _flat(rng: Rng, setting: Setting, image: Array) -> Array:
    """A picture without depth, sometimes with the people's shadows on an invisible floor: (H * W, 3)."""
    camera, strength = setting.camera, rng.uniform(0.7, 1.1)
    pixels = (image * strength).reshape(-1, 3)
    if rng.random() < 0.5:
        rays = camera.rays()
        below = rays[:, 2] < -1e-3
        t = np.where(below, -camera.centre[2] / np.minimum(rays[:, 2], -1e-3), FAR)
        near = below & (t < -3 * camera.centre[1])
        shade = setting.shadows.lit(camera.centre + rays[near] * t[near, None])
        pixels[near] *= (0.45 + 0.55 * shade)[:, None]
    return pixels


def _walls(rng: Rng, setting: Setting, texture: Array | None) -> list[_Wall]:
    """A back wall behind everything and sometimes a side wall; a photo covers the whole back wall once."""
    u, camera, content = rng.uniform, setting.camera, setting.content
    distance = -float(camera.centre[1])
    deepest = float(content[:, 1].max(initial=0.0)) + distance + 0.45
    widest = float(np.abs(content[:, 0]).max(initial=0.0)) + 0.4
    back = max(distance + u(0.8, 6), deepest * 1.15 + u(0, 2))
    turn = 0.0 if texture is not None else rng.normal(0, 0.12)
    back += abs(math.sin(turn)) * widest
    normal = np.array([math.sin(turn), -math.cos(turn), 0])
    wall_texture = pattern(rng, 256, 256) if texture is None else texture
    period = u(1.5, 5) if texture is None else back * camera.half_angle * 2.1
    walls = [_Wall(normal, back, wall_texture, period, u(0.8, 1.2))]
    if texture is None and rng.random() < 0.6:
        side = float(rng.choice([-1, 1]))
        across = np.array([-side * math.cos(turn), -side * math.sin(turn), 0])
        gap = max(u(1.2, 3) * max(1, camera.half_angle * distance), widest * 1.25)
        walls.append(_Wall(across, gap, pattern(rng, 256, 256), u(1.5, 5), u(0.8, 1.2)))
    return walls


def _sky(rng: Rng, camera: Camera, rays: Array) -> Array:
    """A gradient with clouds and a skyline: (H * W, 3)."""
    u, height, width = rng.uniform, camera.height, camera.width
    zenith, horizon = np.array([u(0.25, 0.6), u(0.45, 0.75), u(0.75, 1)]), np.array([0.9, 0.92, 0.95])
    up = np.clip(rays[:, 2] / 0.6, 0, 1)[:, None]
    clouds = fractal_noise(rng, height, width, (3, 6, 12, 24)).reshape(-1, 1)
    sky = zenith * up + horizon * u(0.8, 1.05) * (1 - up) + np.clip(clouds - 0.45, 0, 1) * 0.6
    if rng.random() < 0.7:
        hills = fractal_noise(rng, 2, width, (3, 8, 20, 40), 0.7)[0] * 0.22
        houses = np.repeat(rng.random(24) * 0.3, width // 24 + 1)[:width]
        line = hills if rng.random() < 0.5 else houses
        slope = rays[:, 2] / np.hypot(rays[:, 0], rays[:, 1])
        below = (slope.reshape(height, width) < line).ravel()
        kinds = ("foliage", "facade", "mottled", "facade")
        texture = pattern(rng, height, width, kinds).reshape(-1, 3)
        sky[below] = texture[below] * u(0.5, 1)
    return sky


def _ground(rng: Rng, setting: Setting, points: Array, distance: Array) -> Array:
    """Colours (N, 3) of ground points (N, 3) at distances (N,), with shadows and haze."""
    light, texture = setting.light, pattern(rng, 256, 256, GROUNDS)
    period = rng.uniform(0.5, 3)
    colour = look_up(texture, points[:, 0] / period, points[:, 1] / period)
    sun = np.clip(light.direction[2], 0, 1) * setting.shadows.lit(points)
    colour = colour * (light.sun * sun[:, None] + light.sky * 0.5 + light.bounce * 0.5)
    near = -3 * float(setting.camera.centre[1])
    haze = np.exp(-np.maximum(distance - near, 0) / (5 * near))[:, None]
    return colour * haze + (1 - haze) * 0.55


def _deep(rng: Rng, setting: Setting, walls: Sequence[_Wall]) -> Array:
    """Ground, walls and sky in perspective: (H * W, 3)."""
    camera, light = setting.camera, setting.light
    rays = camera.rays()
    below = rays[:, 2] < -1e-3
    nearest = np.where(below, -camera.centre[2] / np.minimum(rays[:, 2], -1e-3), FAR)
    which = np.where(below, 0, -1)
    for k, wall in enumerate(walls, 1):
        towards = dot(rays, wall.normal)
        t = np.where(towards < -1e-3, -wall.distance / np.minimum(towards, -1e-3), FAR)
        which = np.where(t < nearest, k, which)
        nearest = np.minimum(t, nearest)
    image = np.zeros((len(rays), 3))
    ground = which == 0
    hit = camera.centre + rays[ground] * nearest[ground, None]
    image[ground] = _ground(rng, setting, hit, nearest[ground])
    for k, wall in enumerate(walls, 1):
        on = which == k
        hit = camera.centre + rays[on] * nearest[on, None]
        u = (hit[:, 1] * wall.normal[0] - hit[:, 0] * wall.normal[1]) / wall.period + 0.5
        aspect = wall.texture.shape[0] / wall.texture.shape[1]
        facing = max(0.2, float(dot(wall.normal[None], light.direction)[0]))
        shade = light.sun * 0.45 * facing + light.sky * 0.8 + light.bounce * 0.4
        image[on] = look_up(wall.texture, u, hit[:, 2] / (wall.period * aspect)) * shade * wall.brightness
    sky = which < 0
    image[sky] = _sky(rng, camera, rays)[sky]
    return image


def render_background(rng: Rng, setting: Setting, photos: PhotoFolder | None = None) -> Array:
    """Draw a background.

    Parameters
    ----------
    rng : numpy Generator
    setting : Setting
    photos : PhotoFolder, optional
        Used in some of the scenes. Without it the background depends only on the random stream and the setting.

    Returns
    -------
    (H, W, 3) float32
        Light before exposure.
    """
    camera = setting.camera
    shape, use_photo = (camera.height, camera.width), rng.random() < PHOTO_SHARE
    mode = str(rng.choice(["outdoor", "room", "flat"], p=[0.46, 0.46, 0.08]))
    photo = photos.crop(rng, *shape) if photos is not None and use_photo else None
    if mode == "flat":
        image = _flat(rng, setting, pattern(rng, *shape) if photo is None else photo)
    elif photo is not None and mode == "outdoor":
        image = _flat(rng, setting, photo)
    else:
        image = _deep(rng, setting, _walls(rng, setting, photo) if mode == "room" else [])
    image = image.reshape(*shape, 3).astype(np.float32)
    if rng.random() < 0.5:
        image = box_blur(image, int(rng.integers(1, 5)) * shape[0] // 384)
    return image
