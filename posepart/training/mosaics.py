"""Training pictures for the person detector: labelled photos cropped, zoomed, tiled and overlaid.

Most labelled photos show one large person. Crowds and small people are made by tiling several photos on one canvas,
and by pasting people that were cut out along their instance masks.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from posepart.data.decoded import DecodedPhotos
from posepart.data.sample import Sample
from posepart.data.source_shares import note_on_shares, source_weights
from posepart.geometry.boxes import box_areas
from posepart.training.colours import colour_jitter

FILL = 127  # grey around photos: the value that the network's own padding takes
SHAPES = ((448, 320), (320, 448), (448, 384))
TILINGS = {"1x1": 0.5, "2x1": 0.12, "1x2": 0.08, "2x2": 0.2, "3x2": 0.05, "3x3": 0.05}
HIDDEN = 0.6  # share of a person's box; somebody who is covered more than that is ignored
NO_BOXES = np.zeros((0, 4), np.float32)


@dataclass(frozen=True)
class MosaicConfig:
    """How training pictures are composed."""

    shapes: tuple[tuple[int, int], ...] = SHAPES  # (width, height) px; each batch has one of them
    tilings: dict[str, float] = field(default_factory=lambda: dict(TILINGS))  # "ACROSSxDOWN" tiles -> share
    source_shares: dict[str, float] = field(default_factory=dict)  # source -> share, see `source_weights`
    zoom: tuple[float, float] = (0.45, 1.6)  # range of a photo's size on its tile; at 1 it just fits
    background: float = 0.5  # probability that a photo without people, instead of grey, fills up a tile
    cutouts: float = 0.3  # probability of pasting one to three people
    upside_down: float = 0.03  # probability of turning a photo upside down
    unchecked: bool = (
        False  # whether boxes that only a detector found count as people instead of being ignored
    )
    min_visible: float = 0.25  # share of a person's box that must be visible; with less the person is ignored
    min_side: float = 16.0  # px, longer side of the visible box; a smaller person is ignored


@dataclass(frozen=True)
class Mosaic:
    """A picture with boxes."""

    image: NDArray[np.uint8]  # (H, W, 3) RGB
    people: NDArray[np.float32]  # (N, 4) xyxy, px, to be found
    ignored: NDArray[np.float32]  # (K, 4) xyxy, px, neither right nor wrong to find


def clip_boxes(boxes: NDArray, width: int, height: int) -> NDArray[np.float32]:
    """Clip boxes (N, 4) to the picture."""
    return np.clip(boxes, 0, [width, height, width, height]).astype(np.float32)


def keep_visible(people: NDArray, width: int, height: int, config: MosaicConfig) -> tuple[NDArray, NDArray]:
    """Clip people's boxes to the picture, and tell whom the detector should still find.

    Returns
    -------
    found : (N, 4) float32
    ignored : (K, 4) float32
        People of whom too little is visible.
    """
    if len(people) == 0:
        return NO_BOXES, NO_BOXES
    clipped = clip_boxes(people, width, height)
    visible = box_areas(clipped) / np.maximum(box_areas(people), 1e-6)
    side = (clipped[:, 2:] - clipped[:, :2]).max(1)
    found = (visible >= config.min_visible) & (side >= config.min_side)
    return clipped[found], clipped[~found & (box_areas(clipped) > 1)]


def view(
    photo: Mosaic, window: NDArray, size: tuple[int, int], surround: NDArray, config: MosaicConfig
) -> Mosaic:
    """Show a window of a photo in a tile.

    Parameters
    ----------
    photo : Mosaic
    window : (4,)
        x0, y0, x1, y1 in photo pixels; it may reach beyond the photo.
    size : tuple of int
        (width, height) of the tile, px.
    surround : (height, width, 3) uint8
        Fills the tile where the window lies outside the photo.
    config : MosaicConfig
    """
    height, width = photo.image.shape[:2]
    scale = np.array([size[0] / (window[2] - window[0]), size[1] / (window[3] - window[1])])
    x0, y0, x1, y1 = (int(v) for v in np.round(np.clip(window, 0, [width, height, width, height])))
    image = surround.copy()
    shift = np.tile(window[:2], 2)
    left, top, right, bottom = (
        int(v)
        for v in np.clip(
            np.round((np.array([x0, y0, x1, y1]) - shift) * np.tile(scale, 2)), 0, [*size, *size]
        )
    )
    if right - left >= 2 and bottom - top >= 2 and x1 > x0 and y1 > y0:
        method = cv2.INTER_AREA if scale[0] < 1 else cv2.INTER_LINEAR
        image[top:bottom, left:right] = cv2.resize(
            photo.image[y0:y1, x0:x1], (right - left, bottom - top), interpolation=method
        )
    people, partly = keep_visible((photo.people - shift) * np.tile(scale, 2), *size, config)
    ignored = clip_boxes((photo.ignored - shift) * np.tile(scale, 2), *size)
    return Mosaic(image, people, np.concatenate([ignored[box_areas(ignored) > 1], partly]).astype(np.float32))


def flip(photo: Mosaic, horizontal: bool, vertical: bool) -> Mosaic:
    """Mirror a picture with its boxes."""
    height, width = photo.image.shape[:2]
    image, people, ignored = photo.image, photo.people, photo.ignored
    if horizontal:
        image = image[:, ::-1]
        people, ignored = (
            [width, 0, width, 0] + b[:, [2, 1, 0, 3]] * [-1, 1, -1, 1] for b in (people, ignored)
        )
    if vertical:
        image = image[::-1]
        people, ignored = (
            [0, height, 0, height] + b[:, [0, 3, 2, 1]] * [1, -1, 1, -1] for b in (people, ignored)
        )
    return Mosaic(image, np.float32(people), np.float32(ignored))  # type: ignore[arg-type]


def paste(canvas: Mosaic, cutout: NDArray, corner: tuple[int, int], config: MosaicConfig) -> Mosaic:
    """Paste a person onto the canvas; people whom it covers by more than `HIDDEN` are then ignored.

    Parameters
    ----------
    canvas : Mosaic
    cutout : (h, w, 4) uint8
        RGB and mask of the person, cropped to the mask.
    corner : tuple of int
        Its top left corner on the canvas, px.
    config : MosaicConfig
    """
    height, width = canvas.image.shape[:2]
    h, w = cutout.shape[:2]
    x, y = corner
    placed = np.array([[x, y, x + w, y + h]], np.float32)
    people, partly = keep_visible(placed, width, height, config)
    x0, y0, x1, y1 = clip_boxes(placed, width, height)[0].astype(int)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return canvas
    piece = cutout[y0 - y : y1 - y, x0 - x : x1 - x]
    alpha = cv2.blur(piece[..., 3], (3, 3))[..., None].astype(np.float32) / 255
    image = canvas.image.copy()
    region = image[y0:y1, x0:x1]
    image[y0:y1, x0:x1] = (region * (1 - alpha) + piece[..., :3] * alpha).astype(np.uint8)
    hidden = np.array([_covered(box, alpha[..., 0], (x0, y0)) > HIDDEN for box in canvas.people], bool)
    return Mosaic(
        image,
        np.concatenate([canvas.people[~hidden], people]).astype(np.float32),
        np.concatenate([canvas.ignored, canvas.people[hidden], partly]).astype(np.float32),
    )


def _covered(box: NDArray, alpha: NDArray, corner: tuple[int, int]) -> float:
    """Share of a box that a mask with its top left at `corner` covers."""
    x0, y0, x1, y1 = np.round(box - np.tile(corner, 2)).astype(int)
    under = alpha[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
    return float(under.sum()) / max((x1 - x0) * (y1 - y0), 1)


class MosaicComposer:
    """Composes canvases from labelled photos; equal states of the generator give equal canvases.

    Raises
    ------
    ValueError
        There are no photos.
    """

    def __init__(self, samples: list[Sample], config: MosaicConfig) -> None:
        if not samples:
            raise ValueError("the detector's training set holds no photos: check --data")
        self.samples = samples
        self.config = config
        sources = np.array([s.source for s in samples])
        self.weights = source_weights(sources, config.source_shares)
        self.note = note_on_shares(sources, config.source_shares)
        self.empty = [
            i for i, s in enumerate(samples) if s.boxes_complete and not s.people and not len(s.ignore_boxes)
        ]
        self.masked = [
            i for i, s in enumerate(samples) if s.instance_path and any(p.instance for p in s.people)
        ]
        self.decoded = DecodedPhotos()

    def compose(self, rng: np.random.Generator, size: tuple[int, int]) -> Mosaic:
        """Compose a canvas of `size` (width, height)."""
        names, shares = zip(*self.config.tilings.items(), strict=True)
        tiling = names[rng.choice(len(names), p=np.array(shares) / sum(shares))]
        across, down = (int(v) for v in tiling.split("x"))
        xs = [round(size[0] * i / across) for i in range(across + 1)]
        ys = [round(size[1] * i / down) for i in range(down + 1)]
        image = np.empty((size[1], size[0], 3), np.uint8)
        people, ignored = [NO_BOXES], [NO_BOXES]
        for x0, x1 in zip(xs, xs[1:], strict=False):
            for y0, y1 in zip(ys, ys[1:], strict=False):
                tile = self._tile(rng, (x1 - x0, y1 - y0))
                image[y0:y1, x0:x1] = tile.image
                people.append(tile.people + np.array([x0, y0, x0, y0], np.float32))
                ignored.append(tile.ignored + np.array([x0, y0, x0, y0], np.float32))
        canvas = Mosaic(image, np.concatenate(people), np.concatenate(ignored))
        if self.masked and rng.random() < self.config.cutouts:
            for _ in range(rng.integers(1, 4)):
                canvas = self._paste_person(canvas, rng)
        return Mosaic(colour_jitter(canvas.image, rng), canvas.people, canvas.ignored)

    def _tile(self, rng: np.random.Generator, size: tuple[int, int]) -> Mosaic:
        """Show one photo, cropped and zoomed at random."""
        config = self.config
        index = int(rng.choice(len(self.samples), p=self.weights))
        photo = self._labelled(index)
        height, width = photo.image.shape[:2]
        zoom = float(np.exp(rng.uniform(*np.log(config.zoom)))) * min(size[0] / width, size[1] / height)
        extent = np.array(size) / zoom  # photo pixels in view
        room = np.array([width, height]) - extent
        corner = rng.random(2) * room  # negative room: the view is larger than the photo and surrounds it
        if len(photo.people) and (rng.random() < 0.6 or not self.samples[index].boxes_complete):
            box = photo.people[rng.integers(len(photo.people))]
            focus = (
                box[:2]
                + rng.uniform(0.15, 0.85, 2) * (box[2:] - box[:2])
                - rng.uniform(0.25, 0.75, 2) * extent
            )
            corner = np.where(room > 0, np.clip(focus, 0, room.clip(0)), corner)
        surround = self._surround(rng, size)
        tile = view(photo, np.concatenate([corner, corner + extent]), size, surround, config)
        return flip(tile, rng.random() < 0.5, rng.random() < config.upside_down)

    def _surround(self, rng: np.random.Generator, size: tuple[int, int]) -> NDArray[np.uint8]:
        """Fill for a tile that its photo does not fill: grey, or a photo without people."""
        if not self.empty or rng.random() >= self.config.background:
            return np.full((size[1], size[0], 3), FILL, np.uint8)
        photo = self._photo(self.empty[int(rng.integers(len(self.empty)))])
        return np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)

    def _paste_person(self, canvas: Mosaic, rng: np.random.Generator) -> Mosaic:
        """Paste a person from another photo onto the canvas, at any size and often in front of somebody."""
        index = self.masked[int(rng.integers(len(self.masked)))]
        owners = [p.instance for p in self.samples[index].people if p.instance]
        mask = self._instance_map(index) == owners[int(rng.integers(len(owners)))]
        if mask.sum() < 400:
            return canvas
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        cutout = np.dstack([self._photo(index)[window], mask[window].astype(np.uint8) * 255])
        height, width = canvas.image.shape[:2]
        side = height * float(np.exp(rng.uniform(np.log(0.12), np.log(1.1))))
        scale = side / max(cutout.shape[:2])
        shape = (max(2, round(cutout.shape[1] * scale)), max(2, round(cutout.shape[0] * scale)))
        cutout = cv2.resize(cutout, shape, interpolation=cv2.INTER_AREA)
        if rng.random() < 0.5:
            cutout = cutout[:, ::-1]
        centre = rng.random(2) * [width, height]
        if len(canvas.people) and rng.random() < 0.5:
            box = canvas.people[rng.integers(len(canvas.people))]
            centre = (box[:2] + box[2:]) / 2 + rng.normal(0, 0.6, 2) * (box[2:] - box[:2])
        corner = np.round(centre - np.array(shape) / 2).astype(int)
        return paste(canvas, cutout, (int(corner[0]), int(corner[1])), self.config)

    def _labelled(self, index: int) -> Mosaic:
        sample = self.samples[index]
        people = np.array([p.box for p in sample.people], np.float32).reshape(-1, 4)
        trusted = sample.unchecked & self.config.unchecked
        people = np.concatenate([people, sample.ignore_boxes[trusted]]).astype(np.float32)
        return Mosaic(self._photo(index), people, sample.ignore_boxes[~trusted].astype(np.float32))

    def _photo(self, index: int) -> NDArray[np.uint8]:
        return self.decoded.image(self.samples[index])

    def _instance_map(self, index: int) -> NDArray[np.uint8]:
        instances = self.decoded.instances(self.samples[index])
        assert instances is not None
        return instances
