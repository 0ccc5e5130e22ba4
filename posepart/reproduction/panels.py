"""Figures 3 and 4 of Xia et al.: results of several systems side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from posepart.arrays import Ids, Rgb
from posepart.data.sample import Sample
from posepart.draw import blend_parts, draw_skeleton, line_unit, skeleton_unit
from posepart.io.files import write_atomically
from posepart.schema import IGNORE, Part
from posepart.structures import Scene

WIDTH = 240  # px, of one picture
HEAD = 22  # px, of the line of names
GAP = 4  # px, between pictures
_QUALITY = 90

# The systems of the columns, from left to right, with the paper's names.
FIGURE_3 = {
    "deepercut": "Deeper-Cut",
    "without_segments": "Our Model (w/o seg)",
    "vgg16": "Our Model (full)",
    "ours": "Our Model (full)",
}
FIGURE_4 = {"attention": "Attention", "hazn": "HAZN", "resnet101": "Our Model", "ours": "Our Model"}


def draw_poses(image: Rgb, scene: Scene) -> Rgb:
    """The poses of a result, drawn on its photo."""
    canvas = image.copy()
    unit = line_unit((image.shape[1], image.shape[0]))
    for person in reversed(scene.people):
        draw_skeleton(canvas, person.pose.present, person.pose.xy, skeleton_unit(person.box, unit))
    return canvas


def draw_part_map(image: Rgb, parts: Ids) -> Rgb:
    """A part map over its photo; pixels without a label stay as they are."""
    canvas = image.copy()
    blend_parts(canvas, np.where(parts == IGNORE, Part.BACKGROUND, parts).astype(np.uint8))
    return canvas


def panel(rows: Sequence[Mapping[str, Rgb]]) -> Rgb:
    """Pictures in rows below the names of their columns, all of one width.

    Parameters
    ----------
    rows : sequence of mapping of str to (H, W, 3) uint8 RGB
        Every row has the same names, in the same order.

    Returns
    -------
    (h, w, 3) uint8 RGB
    """
    names = list(rows[0])
    lines = [_head(names)]
    for row in rows:
        pictures = [_of_width(picture) for picture in row.values()]
        height = max(picture.shape[0] for picture in pictures)
        lines.append(_beside([_filled(picture, height) for picture in pictures]))
    return np.concatenate([np.concatenate([line, _white(GAP, line.shape[1])]) for line in lines])


def write_panel(path: Path, rows: Sequence[Mapping[str, Rgb]]) -> None:
    """Write a panel as a JPEG file."""
    picture = Image.fromarray(panel(rows))
    write_atomically(path, lambda file: picture.save(file, "JPEG", quality=_QUALITY))


def pose_row(image: Rgb, results: Mapping[str, Scene]) -> dict[str, Rgb]:
    """A row of Figure 3: the photo, and the poses of every system by its name."""
    return {"Image": image, **{name: draw_poses(image, scene) for name, scene in results.items()}}


def part_row(image: Rgb, results: Mapping[str, Scene], sample: Sample) -> dict[str, Rgb]:
    """A row of Figure 4: the photo, the parts of every system by its name, and the labels."""
    truth = sample.read_parts()
    labels = image if truth is None else draw_part_map(image, truth)
    drawn = {name: draw_part_map(image, scene.part_map) for name, scene in results.items()}
    return {"Image": image, **drawn, "Ground-truth": labels}


def chosen_photos(count: int, total: int) -> list[int]:
    """The places of at most `count` photos, spread evenly over a list of `total`."""
    return sorted({round(place) for place in np.linspace(0, total - 1, min(count, total))}) if total else []


def _head(names: Sequence[str]) -> Rgb:
    font = ImageFont.load_default(size=14)
    parts = []
    for name in names:
        picture = Image.fromarray(_white(HEAD, WIDTH))
        ImageDraw.Draw(picture).text((WIDTH / 2, HEAD / 2), name, "black", font, anchor="mm")
        parts.append(np.array(picture))
    return _beside(parts)


def _of_width(picture: Rgb) -> Rgb:
    height = max(1, round(picture.shape[0] * WIDTH / picture.shape[1]))
    shrinks = picture.shape[1] > WIDTH
    resized = cv2.resize(
        picture, (WIDTH, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    return np.asarray(resized, np.uint8)


def _filled(picture: Rgb, height: int) -> Rgb:
    return np.concatenate([picture, _white(height - picture.shape[0], picture.shape[1])])


def _beside(pictures: Sequence[Rgb]) -> Rgb:
    gap = _white(pictures[0].shape[0], GAP)
    return np.concatenate([part for picture in pictures for part in (picture, gap)][:-1], axis=1)


def _white(height: int, width: int) -> Rgb:
    return np.full((height, width, 3), 255, np.uint8)
