"""Random changes of colour and quality of the person detector's training pictures."""

import cv2
import numpy as np
from numpy.typing import NDArray


def colour_jitter(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Change brightness, contrast, saturation and tint at random, and sometimes the quality (`degrade`)."""
    tint = 1 + rng.normal(0, 0.06, 3)
    contrast, brightness = np.exp(rng.normal(0, 0.2)), rng.normal(0, 18)
    table = (np.arange(256)[:, None] - 127.5) * contrast * tint + 127.5 + brightness
    picture: NDArray = cv2.LUT(image, np.clip(table, 0, 255).astype(np.uint8).reshape(256, 1, 3))
    saturation = 0.0 if rng.random() < 0.06 else float(np.exp(rng.normal(0, 0.3)))
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return degrade(cv2.addWeighted(picture, saturation, grey, 1 - saturation, 0), rng)


def degrade(picture: NDArray, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Blur one picture in twelve; of the others, as many each get a lower resolution, JPEG artefacts or noise."""
    height, width = picture.shape[:2]
    chance = rng.random()
    if chance < 0.08:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 1.8))
    elif chance < 0.16:
        factor = rng.uniform(0.35, 0.8)
        small = cv2.resize(picture, (int(width * factor), int(height * factor)), interpolation=cv2.INTER_AREA)
        picture = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    elif chance < 0.24:
        _, code = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 75))])
        picture = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR))
    elif chance < 0.32:
        noise = rng.normal(0, rng.uniform(4, 22), picture.shape)
        picture = np.clip(picture + noise, 0, 255)
    return np.asarray(picture, dtype=np.uint8)
