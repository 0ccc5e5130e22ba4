"""Many scenes at a glance: each picture above the same picture with its labels drawn in."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from posepart.schema import SKELETON, voc_palette

from .scene import SyntheticScene

VISIBLE, OCCLUDED, BONE = (0, 255, 0), (255, 0, 0), (255, 255, 255)
GREY = 60  # brightness of the sheet where no scene is


def draw_labels(scene: SyntheticScene) -> NDArray[np.uint8]:
    """The picture (H, W, 3) uint8 with parts, instance borders, joints (green visible, red occluded) and boxes."""
    image = scene.image.astype(np.float32)
    on = scene.parts > 0
    image[on] = image[on] * 0.5 + voc_palette()[scene.parts[on]] * 0.5
    border = np.zeros(on.shape, bool)
    border[1:] |= scene.instances[1:] != scene.instances[:-1]
    border[:, 1:] |= scene.instances[:, 1:] != scene.instances[:, :-1]
    image[border] = BONE
    picture = Image.fromarray(image.astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for person in scene.people:
        joints = person.joints
        for a, b, _ in SKELETON:
            if joints[a, 2] and joints[b, 2]:
                draw.line([*map(float, joints[a, :2]), *map(float, joints[b, :2])], fill=BONE)
        for x, y, v in joints.tolist():
            if v:
                draw.ellipse([x - 2, y - 2, x + 2, y + 2], fill=VISIBLE if v == 2 else OCCLUDED)
        x0, y0, x1, y1 = (float(v) for v in person.box)
        draw.rectangle([x0, y0, x1 - 1, y1 - 1], outline=(255, 255, 0))
    return np.asarray(picture)


def contact_sheet(scenes: Sequence[SyntheticScene], columns: int = 6, tile: int = 224) -> Image.Image:
    """A picture of scenes (at least one, all of one size), `tile` pixels wide each."""
    height, width = scenes[0].parts.shape
    size = (tile, max(1, round(tile * height / width)))
    columns = min(columns, len(scenes))
    rows = -(-len(scenes) // columns)
    sheet = Image.new("RGB", (columns * size[0], rows * 2 * size[1]), (GREY, GREY, GREY))
    for k, scene in enumerate(scenes):
        x, y = k % columns * size[0], k // columns * 2 * size[1]
        for offset, image in enumerate((scene.image, draw_labels(scene))):
            sheet.paste(
                Image.fromarray(image).resize(size, Image.Resampling.LANCZOS), (x, y + offset * size[1])
            )
    return sheet
