"""Small people in very wide, very tall or crowded photos: the detector also looks at overlapping tiles.

A detector sees a large photo shrunk. People who become too small to be seen are missed, although the photo shows
them well. The paper has no such step.
"""

import math
from dataclasses import replace

import numpy as np
import torch

from posepart.arrays import Float32, Mask, Rgb
from posepart.config import DetectionConfig
from posepart.geometry.boxes import box_iou
from posepart.stages.detection import PersonDetector, select_people
from posepart.structures import PersonBoxes

# Lengths in px as the detector sees them, after it has shrunk a photo or tile:
NARROW = 160.0  # a photo with a shorter side below this is looked at in tiles
SMALL = 48.0  # a person with a longer side below this is small
TILE_PERSON = 128.0  # tiles are chosen so that the median small person becomes this large
LARGE = 128.0  # a larger person is seen well enough without tiles, which may show only a part
BORDER = 4.0  # a box that comes this near to where the photo was cut shows only a part of a person

CROWD = 5  # this many small people are a reason for tiles
NARROW_TILE = 2.0  # longer side of the tiles of a narrow photo over the photo's shorter side
OVERLAP = 0.4  # of neighbouring tiles, share of their longer side
SAME_IOU = 0.4  # a box of a tile replaces those that were found before and overlap it more
LEAST_GAIN = 1.5  # tiles must show people this many times larger than they were seen before
MAX_TILES = 64  # a photo that needs more gets larger tiles, so that time is bounded

Window = tuple[int, int, int, int]  # x0, y0, x1, y1, px of the photo


class TiledDetector:
    """Wraps a detector: it sees the whole photo, and then tiles if people may be too small in the whole.

    There are two reasons for tiles; other photos are seen once, and nothing about them changes.

    - The photo is so wide or tall that its shorter side shrinks below `NARROW` px. Its tiles are twice as long as
      its shorter side.
    - At least `CROWD` people were found that are smaller than `SMALL` px as the detector sees them. Tiles have the
      size that makes these people `TILE_PERSON` px large.

    Parameters
    ----------
    detector : PersonDetector
    longest : int
        Longer side to which the detector shrinks a larger photo, px.
    config : DetectionConfig
        With `tiles` "off", every photo is seen once.
    """

    def __init__(self, detector: PersonDetector, longest: int, config: DetectionConfig) -> None:
        self.detector = detector
        self.longest = longest
        self.config = config

    def __call__(self, image: Rgb) -> PersonBoxes:
        """The people of a photo (H, W, 3) uint8 RGB."""
        found = self.detector(image)
        if self.config.tiles == "off":
            return found
        shorter, longer = sorted(image.shape[:2])
        scale = self.longest / longer
        if shorter * scale < NARROW:
            found, scale = self._look_again(image, found, scale, NARROW_TILE * shorter)
        sizes = longer_sides(found.xyxy)
        small = sizes[sizes * scale < SMALL]
        if len(small) >= CROWD:
            side = float(np.median(small)) * self.longest / TILE_PERSON
            found, _ = self._look_again(image, found, scale, side)
        return found

    def _look_again(
        self, image: Rgb, found: PersonBoxes, scale: float, side: float
    ) -> tuple[PersonBoxes, float]:
        """Add the people of the tiles, whose boxes are more exact than those found before.

        Parameters
        ----------
        image : (H, W, 3) uint8 RGB
        found : PersonBoxes
            Seen so far, photo frame.
        scale : float
            px that the detector saw so far per px of the photo.
        side : float
            Longer side of a tile, px of the photo; smaller tiles than the detector can see in full are not used.

        Returns
        -------
        found : PersonBoxes
        scale : float
            That of the tiles; both as before if tiles would not show people `LEAST_GAIN` times larger.
        """
        shape = (image.shape[0], image.shape[1])
        windows = tile_windows(shape, max(side, float(self.longest)))
        tile_scale = self.longest / longer_sides(np.array(windows[:1], np.float32)).item()
        if tile_scale < LEAST_GAIN * scale:
            return found, scale
        boxes, scores, left_out = [], [], found.left_out
        for window in windows:
            x0, y0, x1, y1 = window
            seen = self.detector(image[y0:y1, x0:x1])
            xyxy = seen.xyxy + np.array([x0, y0, x0, y0], np.float32)
            kept = (longer_sides(xyxy) * scale < LARGE) & ~is_cut(xyxy, window, shape, BORDER / tile_scale)
            boxes.append(xyxy[kept])
            scores.append(seen.scores[kept])
            left_out = max(left_out, seen.left_out)
        alone = box_iou(found.xyxy, np.concatenate(boxes)).max(axis=1, initial=0) <= SAME_IOU
        all_boxes = np.concatenate([found.xyxy[alone], *boxes])
        all_scores = np.concatenate([found.scores[alone], *scores])
        merged = select_people(torch.from_numpy(all_boxes), torch.from_numpy(all_scores), self.config)
        return replace(merged, left_out=max(left_out, merged.left_out)), tile_scale


def longer_sides(xyxy: Float32) -> Float32:
    """(N,) longer sides of boxes (N, 4)."""
    return np.asarray((xyxy[:, 2:] - xyxy[:, :2]).max(axis=1), dtype=np.float32)


def tile_windows(shape: tuple[int, int], side: float) -> list[Window]:
    """Equal tiles, row by row, that cover a photo.

    Neighbours overlap by `OVERLAP` of `side` or more. Where they would be more than `MAX_TILES`, `side` is enlarged.

    Parameters
    ----------
    shape : (H, W)
        Of the photo, px.
    side : float
        Longer side of a tile, px; a tile ends where the photo does.
    """
    height, width = shape
    whole = max(1, round(side))
    rows, columns = tile_starts(height, whole), tile_starts(width, whole)
    if len(rows) * len(columns) > MAX_TILES:
        return tile_windows(shape, 1.1 * whole + 1)
    tall, wide = min(height, whole), min(width, whole)
    return [(x, y, x + wide, y + tall) for y in rows for x in columns]


def tile_starts(length: int, side: int) -> list[int]:
    """Where tiles of `side` px begin along `length` px of a photo, evenly spread."""
    if side >= length:
        return [0]
    steps = math.ceil((length - side) / max(1, math.floor((1 - OVERLAP) * side)))
    return [step * (length - side) // steps for step in range(steps + 1)]


def is_cut(xyxy: Float32, window: Window, shape: tuple[int, int], margin: float) -> Mask:
    """Which boxes found in a tile may be cut by it: they come near one of its borders inside the photo.

    Parameters
    ----------
    xyxy : (N, 4)
        Photo frame.
    window : Window
        The tile.
    shape : (H, W)
        Of the photo, px.
    margin : float
        What is near, px of the photo.

    Returns
    -------
    (N,) bool
    """
    x0, y0, x1, y1 = window
    height, width = shape
    left, top, right, bottom = xyxy.T
    return np.asarray(
        ((x0 > 0) & (left < x0 + margin))
        | ((y0 > 0) & (top < y0 + margin))
        | ((x1 < width) & (right > x1 - margin))
        | ((y1 < height) & (bottom > y1 - margin)),
        dtype=np.bool_,
    )
