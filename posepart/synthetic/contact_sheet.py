"""A contact sheet of scenes: each picture above a copy with its labels drawn in."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from posepart.arrays import Rgb
from posepart.schema import SKELETON, voc_palette

from .scene import SyntheticScene

VISIBLE, OCCLUDED, BONE = (0, 255, 0), (255, 0, 0), (255, 255, 255)
GREY = 60  # brightness of the empty parts of the sheet


def draw_labels(scene: SyntheticScene) -> Rgb:
    """The picture with parts, borders between instances, joints (visible green, occluded red) and boxes."""
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
    """Draw several scenes side by side.

    Parameters
    ----------
    scenes : sequence of SyntheticScene
        At least one, all of one size.
    columns : int
        At most so many scenes in a row.
    tile : int
        Width of each scene on the sheet, pixels.

    Returns
    -------
    PIL.Image.Image
    """
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
