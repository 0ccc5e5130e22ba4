"""Hierarchical auto-zoom net (Xia et al., ECCV 2016), a baseline of both papers.

Three auto-zoom nets: one reads the picture, one every person found in it at another size, one every part found in a
person. Each gives part scores and, but for the last, finds what to zoom into: for every cell a confidence that it is
near the centre of an object, and that object's box (the paper's scale estimation network). The scores of the zoomed
windows, weighted by their confidence, are averaged with those of the level above.

Xia et al. (CVPR 2017) say that it "adapts to object scales and part scales", no more; the rest is what we remember
of the cited paper. Ours: as each picture is a crop around one person, one window for the person and a few for parts;
a window is a square of fixed size; boxes of parts are those of the cells of one label, and training zooms into true
boxes; the averages are of logits.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..scales import MULTIPLE, to_size
from ..supervision import Supervision
from .zooming import best_windows, read_labels, read_windows, windows_of, write_back

CENTRE = 0.15  # cells within this share of a box's sides from its centre are near the centre
MARGIN = 1.2  # side of a window over the longer side of its box
LARGEST_ZOOM = 2.5  # a window is at least this part of the picture's side
PROPOSALS = 64  # windows of a picture among which the best are chosen
IGNORE = 255  # label of a pixel without label


class ZoomLevel(nn.Module):
    """One auto-zoom net: features -> part scores, and where to zoom.

    Parameters
    ----------
    neck : torch.nn.Module
        A backbone's maps -> features (B, channels, h, w).
    channels : int
        Of the features.
    labels : int
    zooms : int
        Zoom maps: 5, which are a confidence logit, the box's centre x, y from the cell, and the logarithms of its
        width and height; or none in the last level.
    """

    def __init__(self, neck: nn.Module, channels: int, labels: int, zooms: int) -> None:
        super().__init__()
        self.neck = neck
        self.score = nn.Conv2d(channels, labels, 1)
        self.zoom = nn.Conv2d(channels, zooms, 1) if zooms else None

    def forward(self, levels: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """The backbone's maps -> logits (B, labels, h, w) and the zoom maps (B, zooms, h, w)."""
        features = self.neck(levels)
        return self.score(features), features[:, :0] if self.zoom is None else self.zoom(features)


class HAZN(nn.Module):
    """Part scores refined by zooming twice: into the person, then into its parts.

    Parameters
    ----------
    backbone : torch.nn.Module
        Picture -> maps; a `ModuleList` of one for each of the three levels, or one that they share.
    necks : sequence of torch.nn.Module
        For each level, the maps -> features (B, channels, h, w).
    channels : int
        Of the features.
    labels : int
    stride : int
        Of the features, pixels.
    parts : int
        Windows of parts in a person.
    sizes : (float, float)
        Sides of the windows of people and of parts as the net reads them, in shares of the picture's side.
    """

    label_stride = 1  # px; training reads windows of the labels, too

    def __init__(
        self,
        backbone: nn.Module,
        necks: Sequence[nn.Module],
        channels: int,
        labels: int,
        *,
        stride: int,
        parts: int = 4,
        sizes: tuple[float, float] = (1.0, 0.5),
    ) -> None:
        super().__init__()
        self.backbone = backbone
        zooms = (5,) * (len(necks) - 1) + (0,)
        self.levels = nn.ModuleList(
            ZoomLevel(neck, channels, labels, maps) for neck, maps in zip(necks, zooms, strict=True)
        )
        self.stride, self.parts, self.sizes = stride, parts, sizes

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> logits (B, labels, H / stride, W / stride)."""
        return self._refined(images, 0)

    def _refined(self, pictures: Tensor, level: int) -> Tensor:
        """The logits of pictures, averaged with those of the windows that this level finds in them."""
        logits, zoom = self._see(pictures, level)
        if level == len(self.levels) - 1:
            return logits
        count = (1, self.parts)[level]
        confidence, windows = best_windows(*proposals(zoom), count)
        total, weight = logits, torch.ones_like(logits[:, :1])
        for own, window in zip(confidence.unbind(1), windows.unbind(1), strict=True):
            zoomed = read_windows(pictures, window, self._side(pictures, level))
            placed, inside = write_back(self._refined(zoomed, level + 1), window, _size_of(logits))
            share = own[:, None, None, None]
            total, weight = total + share * placed, weight + share * inside
        return total / weight

    def _see(self, pictures: Tensor, level: int) -> tuple[Tensor, Tensor]:
        """What one level says about pictures."""
        own = self.backbone[level] if isinstance(self.backbone, nn.ModuleList) else self.backbone
        return self.levels[level](own(pictures))

    def _side(self, pictures: Tensor, level: int) -> int:
        """Side of the windows that a level reads, px: a multiple of 32."""
        return max(1, round(pictures.shape[-1] * self.sizes[level] / MULTIPLE)) * MULTIPLE

    def supervise(self, images: Tensor, labels: Tensor, boxes: Tensor) -> Supervision:
        """The scores of all three levels on true windows, and what the first two say about where to zoom."""
        size = (images.shape[-2], images.shape[-1])
        first, zoom = self._see(images, 0)
        body = to_size((labels[:, None] != 0).float(), _size_of(zoom), "nearest")[:, 0] > 0
        losses = {"zoom_person": zoom_loss(zoom, boxes[:, None] / images.shape[-1], body)}
        window = windows_of(boxes, size, MARGIN, LARGEST_ZOOM)
        person = read_windows(images, window, self._side(images, 0))
        person_labels = read_labels(labels, window, self._side(images, 0) // self.stride)
        second, zoom = self._see(person, 1)
        parts, present = boxes_of_labels(person_labels, first.shape[1])
        losses["zoom_part"] = zoom_loss(zoom, torch.where(present[..., None], parts, 0), None)
        # of each person some of its parts, drawn anew in every step; the whole picture where it has none
        chances = present.float() + 1e-6
        drawn = torch.multinomial(chances, min(self.parts, chances.shape[1]))
        chosen = parts.gather(1, drawn[..., None].expand(-1, -1, 4)).flatten(0, 1)
        source = torch.arange(len(images), device=images.device).repeat_interleave(drawn.shape[1])
        window = windows_of(chosen, (1, 1), MARGIN, LARGEST_ZOOM)
        side = self._side(person, 1)
        third, _ = self._see(read_windows(person[source], window, side), 2)
        part_labels = read_labels(person_labels[source], window, side // self.stride)
        return Supervision((first, second, third), (labels, person_labels, part_labels), losses)


def proposals(zoom: Tensor) -> tuple[Tensor, Tensor]:
    """The most confident windows of zoom maps (B, 5, h, w): confidence (B, K) and windows (B, K, 3)."""
    zoom = zoom.float()
    confidence, boxes = zoom[:, 0].flatten(1).sigmoid(), _decoded(zoom).flatten(2).transpose(1, 2)
    best = confidence.topk(min(PROPOSALS, confidence.shape[1]), dim=1)
    chosen = boxes.gather(1, best.indices[..., None].expand(-1, -1, 4))
    corners = torch.cat([chosen[..., :2] - chosen[..., 2:] / 2, chosen[..., :2] + chosen[..., 2:] / 2], -1)
    return best.values, windows_of(corners, (1, 1), MARGIN, LARGEST_ZOOM)


def _decoded(zoom: Tensor) -> Tensor:
    """Boxes (B, 4, h, w) of zoom maps: centre x, centre y, width and height, in shares of the picture."""
    centres = zoom[:, 1:3] + _centres(zoom)
    return torch.cat([centres, zoom[:, 3:].clamp(-6, 1).exp()], dim=1)


def _centres(maps: Tensor) -> Tensor:
    """(2, h, w) x and y of the cells' centres, in shares of the picture."""
    height, width = maps.shape[-2:]
    y = (torch.arange(height, device=maps.device) + 0.5) / height
    x = (torch.arange(width, device=maps.device) + 0.5) / width
    return torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1])


def zoom_loss(zoom: Tensor, boxes: Tensor, unknown: Tensor | None) -> Tensor:
    """The loss of zoom maps: cross-entropy of the confidence, and squared errors of the boxes near their centres.

    Parameters
    ----------
    zoom : (B, 5, h, w)
    boxes : (B, K, 4)
        True boxes, xyxy in shares of the picture; of width 0 for none. A cell near several learns the smallest.
    unknown : (B, h, w) bool, optional
        Cells that may be the centre of something without a box: where they are outside the boxes, their confidence
        is not learned.

    Returns
    -------
    () float32
    """
    centres = _centres(zoom)
    middle, sides = (boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]
    distance = (centres - middle[..., None, None]).abs()
    near = (distance <= CENTRE * sides[..., None, None]).all(2) & (sides > 0).all(-1)[..., None, None]
    area = torch.where(near, sides.prod(-1)[..., None, None], torch.inf)
    own = area.argmin(1).flatten(1)  # (B, h w), the box of every cell
    centre = near.any(1)
    counted = torch.ones_like(centre)
    if unknown is not None:
        inside = (distance <= 0.5 * sides[..., None, None]).all(2).any(1)
        counted = centre | inside | ~unknown
    confidence = F.binary_cross_entropy_with_logits(zoom[:, 0].float(), centre.float(), reduction="none")
    truth = torch.cat([middle, sides.clamp_min(1e-3).log()], dim=-1)
    truth = truth.gather(1, own[..., None].expand(-1, -1, 4)).transpose(1, 2).view(-1, 4, *centre.shape[1:])
    found = torch.cat([zoom[:, 1:3] + centres, zoom[:, 3:]], dim=1).float()
    error = ((found - truth) ** 2).sum(1)
    return (confidence * counted).sum() / counted.sum().clamp_min(1) + (
        (error * centre).sum() / centre.sum().clamp_min(1)
    )


def boxes_of_labels(labels: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The box around the cells of each label but the background.

    Parameters
    ----------
    labels : (B, h, w) int
    count : int
        Number of labels.

    Returns
    -------
    boxes : (B, count - 1, 4)
        xyxy in shares of the picture; the whole picture for a label without cells.
    present : (B, count - 1) bool
    """
    height, width = labels.shape[-2:]
    cells = torch.stack([labels == label for label in range(1, count)], dim=1)
    ends = []
    for along, length in ((cells.any(2), width), (cells.any(3), height)):
        place = torch.arange(length, device=labels.device)
        low = torch.where(along, place, length).amin(2) / length
        high = (torch.where(along, place, -1).amax(2) + 1) / length
        ends.append((low, high))
    (x0, x1), (y0, y1) = ends
    present = cells.any(2).any(2)
    whole = torch.tensor([0.0, 0.0, 1.0, 1.0], device=labels.device)
    return torch.where(present[..., None], torch.stack([x0, y0, x1, y1], dim=-1), whole), present


def _size_of(maps: Tensor) -> tuple[int, int]:
    return maps.shape[-2], maps.shape[-1]
