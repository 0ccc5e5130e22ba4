"""The overlay of a result: parts, skeletons and boxes drawn on the photo.

Colours: a part has the hue of its id in the PASCAL VOC palette, brightened to show on the photo. Limbs on the
person's left side are orange, those on the right side blue, head and neck white. Every person's box and number
have a colour of their own.

Line widths grow with the longer side of the picture, so that a thumbnail and a 12-megapixel photo look alike, and
shrink on small people, so that the lines do not cover a crowd.
"""

import colorsys
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from posepart.arrays import check_rgb
from posepart.schema import NUM_PARTS, SKELETON, Joint, Part, voc_palette
from posepart.structures import Person, Scene

MAX_SIDE = 2000  # px; a larger photo is drawn on a shrunken copy

Colour = tuple[int, int, int]

LEFT: Colour = (255, 149, 0)
RIGHT: Colour = (10, 132, 255)
CENTRE: Colour = (250, 250, 250)
OUTLINE: Colour = (20, 20, 20)

_PART_OPACITY = 0.45
_GOLDEN_SECTION = 0.618034
_SUBPIXEL_BITS = 4  # OpenCV draws at 1/16 px


def draw_overlay(
    image: NDArray[np.uint8], scene: Scene, max_side: int = MAX_SIDE, numbers: Sequence[int] | None = None
) -> NDArray[np.uint8]:
    """Draw a result on its photo.

    Parameters
    ----------
    image : (H, W, 3) uint8 RGB
        The photo; it is not changed.
    scene : Scene
        Its result, of the same size.
    max_side : int
        Longest side of the picture, px; larger photos are shrunk to it first, which bounds the memory.
    numbers : sequence of int, optional
        The people's numbers, which decide their colours, too; by default 1, 2, ...

    Returns
    -------
    (h, w, 3) uint8 RGB

    Raises
    ------
    ValueError
        `image` is no such array, or the scene is not of the photo's size.
    """
    check_rgb(image)
    height, width = image.shape[:2]
    if scene.size != (width, height):
        raise ValueError(f"expected a photo of the result's size {scene.size}, got {(width, height)}")
    numbered = list(
        zip(range(1, len(scene.people) + 1) if numbers is None else numbers, scene.people, strict=True)
    )
    scale = min(1.0, max_side / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    canvas = image.copy() if scale == 1.0 else _resized(image, size, cv2.INTER_AREA)
    blend_parts(canvas, _resized(scene.part_map, size, cv2.INTER_NEAREST))
    unit = line_unit(size)
    # The best person is drawn last, on top.
    for number, person in reversed(numbered):
        draw_box(canvas, _scaled(person.box.reshape(2, 2), scale), person_colour(number), unit)
    for _, person in reversed(numbered):
        xy, person_unit = _scaled(person.pose.xy, scale), skeleton_unit(person.box * scale, unit)
        draw_skeleton(canvas, person.pose.present, xy, person_unit)
    return draw_labels(canvas, numbered, scale, unit)


def person_colour(number: int) -> Colour:
    """The colour of person `number` (from 1); hues are a golden section apart, so that close numbers differ."""
    hue = (number * _GOLDEN_SECTION) % 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.75, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)


def part_colours(labels: int = NUM_PARTS) -> NDArray[np.uint8]:
    """(labels, 3) uint8 RGB: the VOC hues of the parts, bright enough to show on dark clothes."""
    colours = voc_palette()[:labels]
    strongest = np.maximum(colours.max(axis=1, keepdims=True), 1)
    return (55 + 200 * (colours / strongest)).astype(np.uint8)


def _resized(array: NDArray[np.uint8], size: tuple[int, int], interpolation: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(array, size, interpolation=interpolation), np.uint8)


def _scaled(xy: NDArray, scale: float) -> NDArray[np.float64]:
    """Map photo pixels to pixels of the shrunken copy; pixel centres are at integers in both."""
    return (np.asarray(xy, np.float64) + 0.5) * scale - 0.5


def line_unit(size: tuple[int, int]) -> float:
    """The unit of line widths, px: 1 for pictures up to 500 px, 4 at 2000 px; panoramas count as 3 : 1."""
    return max(1.0, min(max(size), 3 * min(size)) / 500)


def skeleton_unit(box: NDArray, unit: float) -> float:
    """The unit of a skeleton's line widths, px: the picture's unit, or less if the box is under 120 units."""
    x0, y0, x1, y1 = box
    return float(np.clip(max(x1 - x0, y1 - y0) / 120, 0.5, unit))


def blend_parts(canvas: NDArray[np.uint8], part_map: NDArray[np.uint8], labels: int = NUM_PARTS) -> None:
    """Tint the pixels of every part, in place; `labels` is the number of labels of the map's schema."""
    colours = np.zeros((1, 256, 3), np.uint8)
    colours[0, :labels] = part_colours(labels)
    coloured = cv2.LUT(cv2.merge([part_map] * 3), colours)
    tinted = cv2.addWeighted(canvas, 1 - _PART_OPACITY, coloured, _PART_OPACITY, 0)
    inside = (part_map != Part.BACKGROUND) & (part_map < labels)
    cv2.copyTo(tinted, inside.view(np.uint8), canvas)


def draw_box(canvas: NDArray[np.uint8], corners: NDArray, colour: Colour, unit: float) -> None:
    """Draw the outline of a box, corners (2, 2) in px, clipped to the picture, in place."""
    height, width = canvas.shape[:2]
    (x0, y0), (x1, y1) = np.clip(corners, 0, [width - 1, height - 1])
    outline = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    for line_colour, line_width in ((OUTLINE, 1.5 * unit + 2), (colour, 1.5 * unit)):
        cv2.polylines(
            canvas, [_fixed_point(outline)], True, line_colour, _px(line_width), cv2.LINE_AA, _SUBPIXEL_BITS
        )


def draw_skeleton(canvas: NDArray[np.uint8], present: NDArray[np.bool_], xy: NDArray, unit: float) -> None:
    """Draw a stick between neighbouring joints that are both present and a dot on every present joint, in place."""
    sticks = [(a, b) for a, b, _ in SKELETON if present[a] and present[b]]
    width = 2.2 * unit
    for outlined in (True, False):
        for a, b in sticks:
            colour = OUTLINE if outlined else side_colour(b)
            start, end = _fixed_point(xy[[a, b]])
            thickness = _px(width + 2 * unit if outlined else width)
            cv2.line(canvas, start.tolist(), end.tolist(), colour, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)
    for joint in Joint:
        if present[joint]:
            centre = _fixed_point(xy[joint]).tolist()
            for radius, colour in ((2.8 * unit, OUTLINE), (1.9 * unit, side_colour(joint))):
                cv2.circle(canvas, centre, _fixed(radius), colour, cv2.FILLED, cv2.LINE_AA, _SUBPIXEL_BITS)


def side_colour(joint: Joint) -> Colour:
    """Orange on the person's left, blue on the right, white in the middle."""
    if joint.name.startswith("LEFT"):
        return LEFT
    return RIGHT if joint.name.startswith("RIGHT") else CENTRE


def draw_labels(
    canvas: NDArray[np.uint8], numbered: Sequence[tuple[int, Person]], scale: float, unit: float
) -> NDArray[np.uint8]:
    """Put a tag on every box: the person's number and the detector's score."""
    if not numbered:
        return canvas
    picture = Image.fromarray(canvas)
    drawing = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=round(max(11.0, 9 * unit)))
    pad = max(2, round(2 * unit))
    for number, person in reversed(numbered):
        x, y = _scaled(person.box[:2], scale)
        text = f"{number}  {person.box_score:.2f}"
        left, top, right, bottom = drawing.textbbox((0, 0), text, font=font)
        tag_width, tag_height = right - left + 2 * pad, bottom - top + 2 * pad
        # Above the box where there is room, otherwise inside it; never outside the picture.
        y = y - tag_height if y >= tag_height else y
        x = round(max(0, min(x, picture.width - tag_width)))
        y = round(max(0, min(y, picture.height - tag_height)))
        drawing.rectangle((x, y, x + tag_width, y + tag_height), fill=person_colour(number))
        drawing.text(
            (x + pad - left, y + pad - top), text, font=font, fill=_readable_on(person_colour(number))
        )
    return np.array(picture)


def _readable_on(colour: Colour) -> Colour:
    """Black or white, whichever is easier to read on `colour` (by its luminance, ITU-R BT.601)."""
    red, green, blue = colour
    return OUTLINE if 0.299 * red + 0.587 * green + 0.114 * blue > 120 else (255, 255, 255)


def _px(width: float) -> int:
    return max(1, round(width))


def _fixed(length: float) -> int:
    return round(length * (1 << _SUBPIXEL_BITS))


def _fixed_point(xy: NDArray) -> NDArray[np.int32]:
    return np.rint(xy * (1 << _SUBPIXEL_BITS)).astype(np.int32)
