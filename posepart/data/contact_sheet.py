"""Contact sheets: labelled photos with their labels drawn in."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import chain, zip_longest

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from posepart.arrays import Float32, Float64, Rgb
from posepart.data.sample import Sample
from posepart.draw import blend_parts, draw_box, draw_skeleton, line_unit, person_colour, skeleton_unit
from posepart.schema import IGNORE, POSEPART
from posepart.schema.lip import joints_from_lip

IGNORED = (128, 128, 128)
_BACKGROUND = (40, 40, 40)
_CAPTION = 18  # px
_MARGIN = 4  # px


def draw_sample(sample: Sample, max_side: int) -> Rgb:
    """Draw the parts, boxes and joints of a photo; ignored regions are grey, occluded joints have a dark centre.

    Of the joints of LIP and MPII our 14 are drawn.

    Parameters
    ----------
    sample : Sample
    max_side : int
        Longer side of the picture, px; larger photos are shrunk to it.

    Returns
    -------
    (h, w, 3) uint8 RGB

    Raises
    ------
    ValueError
        The photo or its part map cannot be read.
    """
    image = sample.read_image()
    height, width = image.shape[:2]
    scale = min(1.0, max_side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    canvas = np.array(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    parts = sample.read_parts()
    if parts is not None:
        small = np.array(cv2.resize(parts, size, interpolation=cv2.INTER_NEAREST), np.uint8)
        blend_parts(canvas, small, len(sample.schema.labels))
        canvas[small == IGNORE] = canvas[small == IGNORE] // 2 + np.array(IGNORED, np.uint8) // 2
    unit = line_unit(size)
    for box in sample.ignore_boxes:
        draw_box(canvas, _scaled(box.reshape(2, 2), scale), IGNORED, unit)
    for number, person in enumerate(sample.people, start=1):
        draw_box(canvas, _scaled(person.box.reshape(2, 2), scale), person_colour(number), unit)
        if person.joints is not None:
            joints = person.joints if sample.schema == POSEPART else joints_from_lip(person.joints)
            _draw_joints(canvas, joints, scale, skeleton_unit(person.box * scale, unit))
    return canvas


def _draw_joints(canvas: Rgb, joints: Float32, scale: float, unit: float) -> None:
    xy = _scaled(joints[:, :2], scale)
    draw_skeleton(canvas, joints[:, 2] > 0, xy, unit)
    for x, y in xy[joints[:, 2] == 1]:
        cv2.circle(canvas, (round(x), round(y)), max(1, round(unit)), (0, 0, 0), cv2.FILLED)


def _scaled(xy: NDArray, scale: float) -> Float64:
    return (np.asarray(xy, np.float64) + 0.5) * scale - 0.5


def choose_samples(samples: Sequence[Sample], count: int) -> list[Sample]:
    """Choose at most `count` samples: the sources take turns, each in a random order that is always the same."""
    by_source: dict[str, list[Sample]] = defaultdict(list)
    for i in np.random.default_rng(0).permutation(len(samples)):
        by_source[samples[i].source].append(samples[i])
    turns = chain.from_iterable(zip_longest(*(by_source[name] for name in sorted(by_source))))
    return [sample for sample in turns if sample is not None][:count]


def contact_sheet(
    samples: Sequence[Sample], columns: int = 6, tile: int = 256
) -> tuple[Image.Image, list[str]]:
    """Draw samples side by side.

    Parameters
    ----------
    samples : sequence of Sample
    columns : int
    tile : int
        Side of a sample's square, px.

    Returns
    -------
    sheet : PIL.Image.Image
    failures : list of str
        A sentence for each sample that could not be drawn.
    """
    rows = -(-len(samples) // columns)
    step = tile + 2 * _MARGIN
    sheet = Image.new("RGB", (columns * step, max(rows, 1) * (step + _CAPTION)), _BACKGROUND)
    drawing, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=12)
    failures = []
    for k, sample in enumerate(samples):
        x, y = k % columns * step + _MARGIN, k // columns * (step + _CAPTION) + _MARGIN
        try:
            picture = Image.fromarray(draw_sample(sample, tile))
            sheet.paste(picture, (x + (tile - picture.width) // 2, y + (tile - picture.height) // 2))
        except Exception as error:  # a broken file must not prevent the sheet
            failures.append(
                f"{sample.image_path}: cannot be drawn ({error}); see the other findings, or copy the files again"
            )
        drawing.text((x, y + tile + _MARGIN), _caption(sample, font, tile), fill=(230, 230, 230), font=font)
    return sheet, failures


def _caption(sample: Sample, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    text = f"{sample.source}  {sample.image_path.name}".strip()
    while font.getlength(text) > width and len(text) > 1:
        text = text[:-1]
    return text
