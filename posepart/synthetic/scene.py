"""What the generator hands out: a picture with exact labels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class SyntheticPerson:
    """Labels of one person of which at least one pixel is seen.

    Attributes
    ----------
    joints : (14, 3) float32, pixels x, y (centres at integers) and COCO visibility in the schema's order.
        2 visible, 1 inside the image and occluded, 0 outside the image; x and y are exact in all cases,
        except behind the camera, where they are 0.
    box : (4,) float32, xyxy of the visible pixels, half open: image[y0:y1, x0:x1] just holds them
    amodal_box : (4,) float32, xyxy of the whole body with clothes and hair, also outside the image
    family : str, pose family
    area : int, visible pixels
    age : float, years
    """

    joints: NDArray[np.float32]
    box: NDArray[np.float32]
    amodal_box: NDArray[np.float32]
    family: str
    area: int
    age: float


@dataclass(frozen=True)
class SyntheticScene:
    """One generated picture.

    Attributes
    ----------
    image : (H, W, 3) uint8, RGB
    parts : (H, W) uint8, part ids of the schema
    instances : (H, W) uint8, 0 nobody, k for people[k - 1]
    people : tuple of SyntheticPerson
    seed : int
    """

    image: NDArray[np.uint8]
    parts: NDArray[np.uint8]
    instances: NDArray[np.uint8]
    people: tuple[SyntheticPerson, ...]
    seed: int

    def __post_init__(self) -> None:
        shape = self.image.shape[:2]
        for name in ("parts", "instances"):
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name}: expected shape {shape}, got {getattr(self, name).shape}")
