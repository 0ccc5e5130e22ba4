"""The picture of an explanation: the crop with skeleton, candidates and margins, a list of joints, and a key."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from posepart.explanation.records import JointExplanation, PoseExplanation
from posepart.explanation.table import margin_text
from posepart.geometry.boxes import box_intersections
from posepart.schema import JOINT_NAMES, PAIR_PART
from posepart.structures import Candidates

CROP_SIDE = 768  # px, of the crop in the picture
PANEL_WIDTH = 384  # px, of the list beside it
FULL_MARGIN = 15.0  # nats; a joint of this margin has the colour and size of a safe one
FULL_COST = 6.0  # nats; a bone of this cost, of either sign, has the colour of a certain one
DEAR_PAIR = 1.0  # nats; a pair that is no bone is drawn if it costs more

Colour = tuple[int, int, int]
Point = tuple[float, float]
Box = tuple[float, float, float, float]

_FINE = 2  # the picture is drawn this many times larger and then shrunk, which smooths edges
_RING = 5.0  # px, radius of a candidate that was not chosen
_DIMMED = 0.6  # brightness of the crop under the drawing
_BACK: Colour = (28, 28, 30)
_INK: Colour = (240, 240, 240)
_FAINT: Colour = (150, 150, 155)
_OUTLINE: Colour = (15, 15, 15)
# From "barely" to "safely", in colours that people who cannot tell red from green can distinguish.
_RAMP = np.array(
    [(222, 45, 38), (253, 174, 97), (255, 255, 191), (116, 190, 225), (44, 105, 200)], np.float64
)


def strength_colour(strength: float) -> Colour:
    """Red at 0, yellow halfway, blue at 1; values beyond either end are clipped."""
    place = float(np.clip(strength, 0, 1)) * (len(_RAMP) - 1)
    red, green, blue = (np.interp(place, np.arange(len(_RAMP)), channel) for channel in _RAMP.T)
    return round(float(red)), round(float(green)), round(float(blue))


def margin_colour(joint: JointExplanation) -> Colour:
    """Colour of a joint by the certain part of its margin."""
    return strength_colour(joint.margin.low / FULL_MARGIN)


def cost_colour(cost: float) -> Colour:
    """Colour of a pair: blue where its cost holds two joints together, red where it drives them apart."""
    return strength_colour((1 - cost / FULL_COST) / 2)


def joint_initials(joint: int) -> str:
    """F, N, LS, RS ... LA, RA."""
    return "".join(word[0].upper() for word in JOINT_NAMES[joint].split("_"))


def draw_explanation(
    crop: NDArray[np.uint8], candidates: Candidates, explanation: PoseExplanation, title: str
) -> NDArray[np.uint8]:
    """Draw an explanation on its crop.

    Parameters
    ----------
    crop : (S, S, 3) uint8 RGB
        Not changed.
    candidates : Candidates
        In the frame of the crop.
    explanation : PoseExplanation
    title : str
        Printed above the list of joints.

    Returns
    -------
    (768, 1152, 3) uint8 RGB
        The crop on the left; the list of joints with their margins, and the key, on the right.
    """
    side = CROP_SIDE * _FINE
    picture = Image.new("RGB", (side + PANEL_WIDTH * _FINE, side), _BACK)
    enlarged = Image.fromarray(crop).resize((side, side), Image.Resampling.BICUBIC)
    picture.paste(enlarged.point(lambda value: value * _DIMMED))
    pen = _Pen(ImageDraw.Draw(picture))
    places = (candidates.xy.astype(np.float64) + 0.5) * (CROP_SIDE / crop.shape[0])
    _draw_pairs(pen, places, explanation)
    _draw_runners_up(pen, places, explanation)
    _draw_other_candidates(pen, places, explanation)
    by_margin = sorted(explanation.joints, key=lambda joint: joint.margin.low)
    for joint in reversed(by_margin):
        _draw_joint(pen, _point(places[joint.candidate]), joint)
    _label(pen, places, candidates, by_margin)
    _draw_panel(pen, explanation, title)
    return np.array(picture.resize((CROP_SIDE + PANEL_WIDTH, CROP_SIDE), Image.Resampling.BOX))


class _Pen:
    """Draws in the coordinates of the finished picture."""

    def __init__(self, drawing: ImageDraw.ImageDraw) -> None:
        self._drawing = drawing
        self._fonts = {size: ImageFont.load_default(size=size * _FINE) for size in (12, 13, 16)}

    def line(self, start: Point, end: Point, colour: Colour, width: float) -> None:
        """A line with round ends."""
        points = [tuple(_FINE * value for value in point) for point in (start, end)]
        self._drawing.line(points, fill=colour, width=round(width * _FINE))
        for point in (start, end):
            self.dot(point, width / 2, colour)

    def dashes(self, start: Point, end: Point, colour: Colour, width: float) -> None:
        """A dashed line: 7 px drawn, 6 px left out."""
        a, b = np.array(start), np.array(end)
        length = float(np.linalg.norm(b - a))
        for begin in np.arange(0, length, 13):
            dash = [a + (b - a) * min(at, length) / length for at in (begin, begin + 7)]
            self.line(_point(dash[0]), _point(dash[1]), colour, width)

    def dot(self, centre: Point, radius: float, fill: Colour | None, rim: Colour | None = None) -> None:
        """A disc, or a ring without `fill`."""
        x, y, r = (_FINE * value for value in (*centre, radius))
        self._drawing.ellipse((x - r, y - r, x + r, y + r), fill, rim, width=2 * _FINE if rim else 0)

    def extent(self, text: str, size: int) -> tuple[float, float]:
        """Width and height of a text."""
        left, top, right, bottom = self._fonts[size].getbbox(text)
        return (right - left) / _FINE, (bottom - top) / _FINE

    def shortened(self, text: str, size: int, width: float) -> str:
        """The text cut to fit into `width`, with dots at its end; characters that cannot be encoded become `?`."""
        shown = text = text.encode(errors="replace").decode()
        while self.extent(shown, size)[0] > width:
            text = text[:-1]
            shown = text + "..."
        return shown

    def text(
        self, place: Point, text: str, colour: Colour = _INK, size: int = 13, anchor: str = "lm"
    ) -> None:
        """Text with a dark rim; `anchor` as Pillow names it."""
        x, y = (_FINE * value for value in place)
        self._drawing.text(
            (x, y), text, colour, self._fonts[size], anchor, stroke_width=_FINE, stroke_fill=_OUTLINE
        )


def _point(xy: NDArray) -> Point:
    return float(xy[0]), float(xy[1])


def _draw_pairs(pen: _Pen, places: NDArray, explanation: PoseExplanation) -> None:
    """Bones as thick lines; other pairs only if they drive joints apart, as thin lines."""
    apart = [pair for pair in explanation.pairs if PAIR_PART[pair.joints] < 0 and pair.cost > DEAR_PAIR]
    bones = [pair for pair in explanation.pairs if PAIR_PART[pair.joints] >= 0]
    for pair in apart:
        start, end = (_point(places[k]) for k in pair.candidates)
        pen.line(start, end, cost_colour(pair.cost), 1.0)
    for pair in sorted(bones, key=lambda pair: -pair.cost):
        start, end = (_point(places[k]) for k in pair.candidates)
        pen.line(start, end, _OUTLINE, 7)
        pen.line(start, end, cost_colour(pair.cost), 4)


def _draw_runners_up(pen: _Pen, places: NDArray, explanation: PoseExplanation) -> None:
    """Dashes to the best other candidate, bright where it costs less than leaving the joint out."""
    for joint in explanation.joints:
        if joint.runner_up is not None:
            cheaper = joint.runner_up.price <= joint.removal
            colour, width = (_INK, 2.0) if cheaper else (_FAINT, 1.0)
            start, end = places[joint.candidate], places[joint.runner_up.candidate]
            pen.dashes(_point(start), _point(end), colour, width)


def _draw_other_candidates(pen: _Pen, places: NDArray, explanation: PoseExplanation) -> None:
    chosen = {joint.candidate for joint in explanation.joints}
    for k, place in enumerate(places):
        if k not in chosen:
            pen.dot(_point(place), _RING + 1, None, _OUTLINE)
            pen.dot(_point(place), _RING, None, _INK)


def _draw_joint(pen: _Pen, place: Point, joint: JointExplanation) -> None:
    radius = _radius(joint.margin.low)
    pen.dot(place, radius + 2, _OUTLINE)
    pen.dot(place, radius, margin_colour(joint))


def _label(pen: _Pen, places: NDArray, candidates: Candidates, joints: Sequence[JointExplanation]) -> None:
    """Type and margin beside every joint, and the type beside every other candidate, where there is most room."""
    radii = {joint.candidate: _radius(joint.margin.low) for joint in joints}
    texts = {
        joint.candidate: f"{joint_initials(joint.joint)} {margin_text(joint.margin)}" for joint in joints
    }
    texts |= {k: joint_initials(candidates.joint[k]) for k in range(len(candidates)) if k not in texts}
    taken = [_around(_point(place), radii.get(k, _RING)) for k, place in enumerate(places)]
    for k, text in texts.items():
        size = 13 if k in radii else 12
        box = _free_box(_point(places[k]), radii.get(k, _RING) + 4, pen.extent(text, size), taken)
        taken.append(box)
        pen.text((box[0], (box[1] + box[3]) / 2), text, size=size)


def _around(centre: Point, radius: float) -> Box:
    return centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius


def _free_box(centre: Point, gap: float, extent: tuple[float, float], taken: Sequence[Box]) -> Box:
    """Of eight places beside a dot, the one inside the crop that covers least of what is drawn already."""
    (x, y), (width, height) = centre, extent
    boxes = []
    for dx, dy in ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (1, 1), (-1, -1), (-1, 1)):
        left = x + dx * gap - (width if dx < 0 else 0 if dx > 0 else width / 2)
        top = y + dy * (gap + height / 2) - height / 2
        boxes.append((left, top, left + width, top + height))
    inside = [box for box in boxes if min(box) >= 0 and max(box) <= CROP_SIDE]
    free = inside or boxes
    covered = box_intersections(np.array(free), np.array(taken).reshape(-1, 4)).sum(axis=1)
    return free[int(covered.argmin())]


def _radius(margin: float) -> float:
    return 4 + 6 * float(np.clip(margin / FULL_MARGIN, 0, 1))


def _draw_panel(pen: _Pen, explanation: PoseExplanation, title: str) -> None:
    left = CROP_SIDE + 20.0
    pen.text((left, 26), pen.shortened(title, 16, PANEL_WIDTH - 40), size=16)
    pen.text((left, 50), f"energy {explanation.energy:.2f} nats; + speaks against, - for", _FAINT)
    columns = [left + x for x in (205, 265, 345)]
    for x, text in zip(columns, ("offsets", "segments", "margin"), strict=True):
        pen.text((x, 80), text, _FAINT, 12, "rm")
    for row, joint in enumerate(explanation.joints):
        y = 104 + row * min(26, 390 / len(explanation.joints))
        pen.dot((left + 10, y), _radius(joint.margin.low), margin_colour(joint))
        pen.text((left + 28, y), f"{joint_initials(joint.joint):<3} {JOINT_NAMES[joint.joint]}")
        pairwise = joint.pairwise
        texts = (f"{pairwise.offsets:+.1f}", f"{pairwise.segments:+.1f}", margin_text(joint.margin))
        for x, text in zip(columns, texts, strict=True):
            pen.text((x, y), text, anchor="rm")
    _draw_key(pen, left, CROP_SIDE - 262.0)


def _draw_key(pen: _Pen, left: float, top: float) -> None:
    """What the colours, dots and lines mean."""
    middle, text_left = left + 30, left + 72
    _draw_ramp(pen, left, top, "margin of a joint, nats", ("0", f"{FULL_MARGIN:.0f} or more"))
    ends = (f"+{FULL_COST:.0f} apart", f"-{FULL_COST:.0f} together")
    _draw_ramp(pen, left, top + 58, "cost of a bone, nats", ends)
    rows = [top + 122 + 22 * k for k in range(5)]
    for x, margin in ((middle - 18, 0.0), (middle + 12, FULL_MARGIN)):
        pen.dot((x, rows[0]), _radius(margin), strength_colour(margin / FULL_MARGIN))
    pen.text((text_left, rows[0]), "joint of the person, and its margin", size=12)
    pen.line((middle - 25, rows[1]), (middle + 25, rows[1]), cost_colour(FULL_COST), 1)
    pen.text((text_left, rows[1]), f"pair off the skeleton that costs over {DEAR_PAIR:.0f} nat", size=12)
    pen.dot((middle, rows[2]), 5, None, _INK)
    pen.text((text_left, rows[2]), "candidate that was not chosen for this person", size=12)
    pen.dashes((middle - 25, rows[3]), (middle + 25, rows[3]), _INK, 2)
    pen.text((text_left, rows[3]), "runner-up, cheaper than no joint at all", size=12)
    pen.dashes((middle - 25, rows[4]), (middle + 25, rows[4]), _FAINT, 1)
    pen.text((text_left, rows[4]), "runner-up, dearer than that", size=12)


def _draw_ramp(pen: _Pen, left: float, top: float, title: str, ends: tuple[str, str]) -> None:
    width = PANEL_WIDTH - 40
    pen.text((left, top), title, size=12)
    for x in range(width):
        pen.line((left + x, top + 14), (left + x, top + 22), strength_colour(x / width), 1)
    pen.text((left, top + 35), ends[0], _FAINT, 12)
    pen.text((left + width, top + 35), ends[1], _FAINT, 12, "rm")
