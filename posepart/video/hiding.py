"""Heads made unrecognisable: a mosaic of few, large cells, from which no face comes back."""

from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from posepart.arrays import Float64, Ids, Mask, Rgb
from posepart.schema import Joint, Part
from posepart.structures import Person
from posepart.video.motion import body_size
from posepart.video.smoothing import SmoothTrack, people_of

CELLS = 4  # of the mosaic along the longer side of a head
_RADIUS = 0.85  # of a head, distances from forehead to neck
_LEAST_RADIUS = 0.17  # of a head, body sizes
_CENTRE = 0.85  # of a head, share of the way from neck to forehead
_GROWN = 0.06  # body sizes by which the pixels of the part `head` are grown


def head_disc(person: Person) -> tuple[Float64, float]:
    """The centre (2,) and radius, px, of a disc over a person's head.

    Without a forehead the head is taken to be above the neck; without either, at the top of the box.
    """
    pose, size = person.pose, body_size(person.box)
    least = _LEAST_RADIUS * size
    forehead, neck = (np.asarray(pose.xy[joint], np.float64) for joint in (Joint.FOREHEAD, Joint.NECK))
    if pose.present[Joint.FOREHEAD] and pose.present[Joint.NECK]:
        centre = neck + _CENTRE * (forehead - neck)
        return centre, max(_RADIUS * float(np.linalg.norm(forehead - neck)), least)
    if pose.present[Joint.FOREHEAD]:
        return forehead, 1.3 * least
    if pose.present[Joint.NECK]:
        return neck - [0.0, 1.2 * least], 1.5 * least
    x0, y0, x1, _ = (float(value) for value in person.box)
    return np.array([(x0 + x1) / 2, y0 + least]), 1.5 * least


def hide_heads(image: Rgb, people: Iterable[Person], part_map: Ids | None = None) -> Rgb:
    """A copy of a picture without recognisable heads.

    Parameters
    ----------
    image : (H, W, 3) uint8 RGB
    people : iterable of Person
        In the frame of the picture.
    part_map : (H, W) uint8, optional
        Its parts; all pixels of heads are hidden, too.

    Returns
    -------
    (H, W, 3) uint8 RGB
    """
    people = tuple(people)
    mask = np.zeros(image.shape[:2], np.uint8)
    if part_map is not None:
        size = max((body_size(person.box) for person in people), default=0.0)
        reach = 2 * int(np.ceil(_GROWN * size)) + 1
        heads = (part_map == Part.HEAD).astype(np.uint8)
        mask |= np.asarray(cv2.dilate(heads, np.ones((reach, reach), np.uint8)), np.uint8)
    for person in people:
        (x, y), radius = head_disc(person)
        cv2.circle(mask, (round(x), round(y)), int(np.ceil(radius)), 1, cv2.FILLED)
    return _mosaic(image, mask)


def with_neighbours(tracks: Sequence[SmoothTrack], frame: int, reach: int) -> list[Person]:
    """The people of a frame, and those who were there at most `reach` frames before or are so many after it.

    Somebody who enters is found only by the next detection; until then the head is hidden where it is first seen.
    """
    people = list(people_of(tracks, frame).values())
    for track in tracks:
        first, last = int(track.frames[0]), int(track.frames[-1])
        if first - reach <= frame < first or last < frame <= last + reach:
            end = track.person(0 if frame < first else len(track.frames) - 1)
            people += [] if end is None else [end]
    return people


def _mosaic(image: Rgb, mask: Ids | Mask) -> Rgb:
    """The picture with every connected piece of a mask (H, W) replaced by at most `CELLS` x `CELLS` colours."""
    hidden = image.copy()
    count, pieces, boxes, _ = cv2.connectedComponentsWithStats(np.asarray(mask, np.uint8))
    for number in range(1, count):
        x, y, width, height = (int(value) for value in boxes[number][:4])
        cell = max(width, height) / CELLS
        few = (max(1, round(width / cell)), max(1, round(height / cell)))
        window = (slice(y, y + height), slice(x, x + width))
        small = cv2.resize(image[window], few, interpolation=cv2.INTER_AREA)
        coarse = cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST)
        inside = pieces[window] == number
        hidden[window][inside] = coarse[inside]
    return hidden
