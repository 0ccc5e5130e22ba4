"""A pinhole camera and its random placement."""

import math
from dataclasses import dataclass

import numpy as np

from ..config import SynthConfig
from ..people.rotations import Array, unit

NEAR = 0.15  # metres; nothing closer is drawn
PERSON_HEIGHT = 1.68  # metres, of the person for whom the framing is chosen


@dataclass(frozen=True)
class Camera:
    """A pinhole camera in the world frame."""

    width: int  # of the image, pixels
    height: int  # of the image, pixels
    focal: float  # focal length, pixels
    centre: Array  # (3,) float64, metres
    rotation: Array  # (3, 3) float32, the rows are the image's right, up and forward directions

    def scaled(self, factor: int) -> "Camera":
        """The camera of the same view with `factor` times as many pixels in x and y."""
        return Camera(
            self.width * factor, self.height * factor, self.focal * factor, self.centre, self.rotation
        )

    @property
    def half_angle(self) -> float:
        """The tangent of half the horizontal field of view."""
        return self.width / 2 / self.focal

    def project(self, points: Array) -> tuple[Array, Array]:
        """Project points.

        Parameters
        ----------
        points : (N, 3)
            World frame, metres.

        Returns
        -------
        xy : (N, 2)
            Pixels, centres at integers.
        depth : (N,)
            Metres.
        """
        local = np.einsum("nk,ck->nc", points - self.centre, self.rotation)
        depth = local[:, 2]
        scale = self.focal / np.maximum(depth, 1e-6)
        x = (self.width - 1) / 2 + scale * local[:, 0]
        y = (self.height - 1) / 2 - scale * local[:, 1]
        return np.stack([x, y], 1), depth

    def rays(self) -> Array:
        """Directions (H * W, 3) float32 through the pixels' centres, of depth 1, world frame."""
        y, x = np.mgrid[0 : self.height, 0 : self.width].astype(np.float32)
        right = ((x - (self.width - 1) / 2) / self.focal).ravel()[:, None]
        up = (((self.height - 1) / 2 - y) / self.focal).ravel()[:, None]
        return right * self.rotation[0] + up * self.rotation[1] + self.rotation[2]


def sample_camera(rng: np.random.Generator, config: SynthConfig, people: int) -> Camera:
    """Draw a field of view, a framing, a height, a pitch and a roll.

    A person at the origin fills 42 to 120 % of the image height; sometimes the camera is much closer or
    further away.
    """
    u = rng.uniform
    fov = math.radians(u(30, 70))
    fraction = u(0.5, 1.2) if people <= 2 else u(0.42, 1.0)
    closer, further, high = rng.random(3)
    zoom, elevated = u(1.2, 2.0), u(2.2, 4.5)
    height, target = float(np.clip(rng.normal(1.4, 0.35), 0.25, 3.2)), u(0.65, 1.1) + rng.normal(0, 0.12)
    roll, pan = rng.normal(0, 3.5), rng.normal(0, 0.12)
    if config.plain:
        fraction, roll, pan, target = u(0.62, 0.78), 0.0, 0.0, 0.85
    elif closer < 0.2:
        fraction *= zoom
    elif further < 0.1:
        fraction *= 0.6
    if high < 0.1 and not config.plain:
        height = elevated
    focal = max(config.width, config.height) / 2 / math.tan(fov / 2)
    distance = max(focal * PERSON_HEIGHT / (fraction * config.height), 1.3)
    pitch = math.atan2(target - height, distance)
    yaw = math.atan2(pan / fraction, distance) * 0.6
    rotation = _orientation(yaw, pitch, math.radians(roll))
    return Camera(config.width, config.height, focal, np.array([0, -distance, height]), rotation)


def _orientation(yaw: float, pitch: float, roll: float) -> Array:
    forward = np.array([math.sin(yaw) * math.cos(pitch), math.cos(yaw) * math.cos(pitch), math.sin(pitch)])
    right = unit(np.cross(forward, [0, 0, 1]))
    up = np.cross(right, forward)
    turned = (right * math.cos(roll) + up * math.sin(roll), up * math.cos(roll) - right * math.sin(roll))
    return np.stack([*turned, forward]).astype(np.float32)
