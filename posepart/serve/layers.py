"""What the page draws on a photo: parts, joint maps, boxes, skeletons, candidates, and the clicked joint."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import cv2
import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float32, Float64, Rgb
from posepart.draw import (
    LEFT,
    OUTLINE,
    RIGHT,
    blend_parts,
    draw_box,
    draw_labels,
    draw_skeleton,
    line_unit,
    part_colours,
    person_colour,
    side_colour,
    skeleton_unit,
)
from posepart.explanation.records import JointExplanation
from posepart.geometry.frames import map_to_crop
from posepart.pipeline import Trace
from posepart.schema import JOINT_NAMES, NUM_JOINTS, PART_NAMES, Joint

VIEW_SIDE = 1200  # px, the longer side of what the page shows, for small photos, too
REACH = 30.0  # px of the view; a click farther from all joints means none
_MAP_OPACITY = 0.85
_DIMMED = 0.55  # brightness of the photo under joint maps


@dataclass(frozen=True)
class Layers:
    """What is drawn."""

    boxes: bool = True  # of people, with numbers and scores
    skeletons: bool = True  # the poses
    parts: bool = True  # the part map of the result
    candidates: bool = False  # the proposals among which the CRF chooses
    joint_maps: bool = False  # the scores from which the proposals come
    joint: int | None = None  # of candidates and joint maps; None: all


def draw_layers(photo: Rgb, trace: Trace, maps: Sequence[Float32], layers: Layers) -> Rgb:
    """Draw on a photo.

    Parameters
    ----------
    photo : (H, W, 3) uint8 RGB
        Not changed.
    trace : Trace
        Its result.
    maps : sequence of (14, h, w) float32
        Score maps of the joints for each crop of the trace; read only if the layer is on.
    layers : Layers

    Returns
    -------
    (h, w, 3) uint8 RGB
        The longer side has `VIEW_SIDE` px.
    """
    scale = view_scale(photo)
    size = (max(1, round(photo.shape[1] * scale)), max(1, round(photo.shape[0] * scale)))
    shrinks = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    canvas = np.ascontiguousarray(cv2.resize(photo, size, interpolation=shrinks), np.uint8)
    scene, unit = trace.scene, line_unit(size)
    if layers.parts:
        enlarged = cv2.resize(scene.part_map, size, interpolation=cv2.INTER_NEAREST)
        blend_parts(canvas, np.asarray(enlarged, np.uint8))
    if layers.joint_maps:
        canvas = _blend_maps(canvas, trace, maps, layers.joint)
    numbered = list(enumerate(scene.people, start=1))
    for number, person in reversed(numbered if layers.boxes else []):
        draw_box(canvas, on_view(person.box.reshape(2, 2), scale), person_colour(number), unit)
    for _, person in reversed(numbered if layers.skeletons else []):
        own = skeleton_unit(person.box * scale, unit)
        draw_skeleton(canvas, person.pose.present, on_view(person.pose.xy, scale), own)
    if layers.candidates:
        _draw_candidates(canvas, trace, layers.joint, scale)
    return draw_labels(canvas, numbered, scale, unit) if layers.boxes else canvas


def view_scale(photo: Rgb) -> float:
    """View px per photo px."""
    return VIEW_SIDE / max(photo.shape[:2])


def on_view(xy: NDArray, scale: float) -> Float64:
    """Photo pixels as pixels of the view."""
    return (np.asarray(xy, np.float64) + 0.5) * scale - 0.5


def _blend_maps(canvas: Rgb, trace: Trace, maps: Sequence[Float32], joint: int | None) -> Rgb:
    """Joint maps as a glow on the darkened photo; where crops overlap, the highest score."""
    height, width = canvas.shape[:2]
    photo_width, photo_height = trace.scene.size
    scale = max(width, height) / max(photo_width, photo_height)
    strongest = np.zeros((height, width), np.float32)
    for seen, scores in zip(trace.evidence, maps, strict=True):
        shown = scores.max(axis=0) if joint is None else scores[joint]
        stride = seen.crop.image.shape[0] / shown.shape[0]
        cells = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        corners = on_view(seen.crop.affine.inverse(map_to_crop(cells, stride)), scale)
        matrix = cv2.getAffineTransform(cells.astype(np.float32), corners.astype(np.float32))
        warped = cv2.warpAffine(shown, matrix, (width, height), flags=cv2.INTER_LINEAR)
        strongest = np.maximum(strongest, warped)
    bright = np.sqrt(np.clip(strongest, 0, 1))  # most scores are low
    glow = cv2.applyColorMap(np.rint(255 * bright).astype(np.uint8), cv2.COLORMAP_INFERNO)
    share = _MAP_OPACITY * np.clip(1.5 * bright, 0, 1)[..., None]
    mixed = (1 - share) * (_DIMMED * canvas.astype(np.float32)) + share * glow[..., ::-1].astype(np.float32)
    return np.rint(mixed).astype(np.uint8)


def _draw_candidates(canvas: Rgb, trace: Trace, joint: int | None, scale: float) -> None:
    """A ring for every proposal, as thick as its score is high."""
    unit = max(1.0, line_unit((canvas.shape[1], canvas.shape[0])) * 0.6)
    for seen in trace.evidence:
        found = seen.candidates
        places = on_view(seen.crop.affine.inverse(found.xy), scale)
        for k, place in enumerate(places):
            kind = int(found.joint[k])
            if joint in (None, kind):
                width = unit * (1 + 2 * float(found.scores[k, kind]))
                _ring(canvas, place, 7 * unit, side_colour(Joint(kind)), width)


def draw_choice(canvas: Rgb, trace: Trace, person: int, explained: JointExplanation, scale: float) -> None:
    """Mark the joint that is explained, and lead a line to its runner-up, in place."""
    source = trace.sources[person]
    found, affine = trace.evidence[source.crop].candidates, trace.evidence[source.crop].crop.affine
    unit = line_unit((canvas.shape[1], canvas.shape[0]))
    here = on_view(affine.inverse(found.xy[explained.candidate]), scale)
    if explained.runner_up is not None:
        there = on_view(affine.inverse(found.xy[explained.runner_up.candidate]), scale)
        for colour, width in ((OUTLINE, 3.5), ((255, 255, 255), 1.5)):
            start, end = (np.rint(place).astype(int).tolist() for place in (here, there))
            cv2.line(canvas, start, end, colour, max(1, round(width * unit)), cv2.LINE_AA)
        _ring(canvas, there, 5 * unit, (255, 255, 255), 1.5 * unit)
    _ring(canvas, here, 9 * unit, (255, 64, 129), 2 * unit)


def _ring(canvas: Rgb, centre: NDArray, radius: float, colour: tuple[int, int, int], width: float) -> None:
    place = np.rint(centre).astype(int).tolist()
    for ink, thickness in ((OUTLINE, width + 2), (colour, width)):
        cv2.circle(canvas, place, round(radius), ink, max(1, round(thickness)), cv2.LINE_AA)


def joint_at(trace: Trace, xy_view: tuple[float, float], scale: float) -> tuple[int, int] | None:
    """The joint that was clicked.

    Parameters
    ----------
    trace : Trace
    xy_view : (x, y)
        px of the view.
    scale : float
        View px per photo px.

    Returns
    -------
    (person, joint) or None
        Both from 0; None if no joint is within `REACH`.
    """
    poses = [person.pose for person in trace.scene.people]
    if not poses:
        return None
    places = on_view(np.stack([pose.xy for pose in poses]), scale)
    distance = np.linalg.norm(places - np.asarray(xy_view, np.float64), axis=-1)
    distance[~np.stack([pose.present for pose in poses])] = np.inf
    nearest = int(distance.argmin())
    if distance.flat[nearest] > REACH:
        return None
    return nearest // NUM_JOINTS, nearest % NUM_JOINTS


def legend() -> str:
    """What the colours mean, as HTML."""
    names = zip(PART_NAMES[1:], part_colours()[1:], strict=True)
    colours = [(name.replace("_", " "), tuple(colour.tolist())) for name, colour in names]
    colours += [("left side", LEFT), ("right side", RIGHT)]
    items = (
        f'<span><i style="background: rgb{colour}"></i>{escape(name)}</span>' for name, colour in colours
    )
    return f'<div id="legend">{"".join(items)}</div>'


def joint_choices() -> list[str]:
    """The joints that the layers can be limited to."""
    return ["all joints", *(name.replace("_", " ") for name in JOINT_NAMES)]
