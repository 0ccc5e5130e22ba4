"""The shipped person detector: the Faster R-CNN of `network`, guided by a NanoDet.

A NanoDet that was trained on all of COCO adds its features to the pyramid, its boxes to the proposals and its
log-odds to those of the region head, as in probabilistic two-stage detection (Zhou et al. 2021).
"""

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torchvision.models.detection.faster_rcnn import TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import MultiScaleRoIAlign, box_iou, clip_boxes_to_image, nms, remove_small_boxes

from .nanodet import CHANNELS, NanoDet
from .network import (
    LEVELS,
    DetectorParts,
    PersonDetectorNetwork,
    PersonPredictor,
    PersonProposals,
    PersonPyramid,
)

GUIDE = "guide"  # name of the guide's boxes, among those of the pyramid's levels
GUIDE_BOXES = 100  # at most so many per image
GUIDE_NMS = 0.6
SMALLEST = 1.0  # px, side of a proposal; the size of an empty one has no logarithm
GUIDE_OVERLAP = 0.6  # IoU above which a box of the guide counts for a proposal
GUIDE_FLOOR = -3.5  # log-odds of a proposal that no box of the guide overlaps: 3 %
GUIDE_TRUST = 1.5  # initial weight of the guide's log-odds
# The parameters that an unguided detector lacks.
GUIDANCE = ("backbone.guide", "backbone.joins", "roi_heads.box_predictor.trust")


class GuidedPyramid(PersonPyramid):
    """The pyramid with a guide: a NanoDet with fixed weights, whose features are added at strides 8 to 32.

    The convolutions that join them are zero before training.

    Parameters
    ----------
    width : float
        Of the MobileNetV2.
    channels : int
        Of the pyramid.
    """

    def __init__(self, width: float, channels: int) -> None:
        super().__init__(width, channels)
        self.guide = NanoDet().requires_grad_(False)
        self.joins = nn.ModuleList(nn.Conv2d(CHANNELS, channels, 1, bias=False) for _ in range(3))
        for join in self.joins:
            nn.init.zeros_(join.weight)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> "OrderedDict[str, Tensor]":
        """Compute the levels and the guide's boxes.

        Parameters
        ----------
        images : (B, 3, H, W) float32
            RGB in [-1, 1]; H and W are multiples of 32.

        Returns
        -------
        OrderedDict of str to Tensor
            The levels as in `PersonPyramid`, and under `GUIDE` (B, GUIDE_BOXES, 5): x0, y0, x1, y1 in px of the
            image and the log-odds of a person, best first. Rows after the last box have log-odds of minus infinity.
        """
        *levels, found = self.dense(images)
        boxes = torch.stack([best_boxes(own) for own in found])
        return OrderedDict(zip((*LEVELS, GUIDE), (*levels, boxes), strict=True))

    def dense(self, images: Tensor) -> tuple[Tensor, ...]:
        """The levels, finest first, and the guide's boxes (B, A, 5) of all locations."""
        features, found = self.guide(images.contiguous(memory_format=torch.channels_last))
        laterals = self.laterals(images)
        for level, (join, x) in enumerate(zip(self.joins, features, strict=True), start=1):
            laterals[level] = laterals[level] + join(x)
        return (*self.merged(laterals), found)


def best_boxes(found: Tensor) -> Tensor:
    """The best boxes after non-maximum suppression.

    Parameters
    ----------
    found : (A, 5)
        x0, y0, x1, y1, log-odds.

    Returns
    -------
    (GUIDE_BOXES, 5)
        Best first; rows after the last box have log-odds of minus infinity.
    """
    likely = found[found[:, 4] > GUIDE_FLOOR]
    likely = likely[likely[:, 4].sort(descending=True).indices[: 4 * GUIDE_BOXES]]
    best = likely[nms(likely[:, :4], likely[:, 4], GUIDE_NMS)[:GUIDE_BOXES]]
    none = found.new_tensor([0, 0, 0, 0, -torch.inf]).expand(GUIDE_BOXES, 5)
    return torch.cat([best, none])[:GUIDE_BOXES]  # a graph, too, can hold this, whatever the number of boxes


class GuidedPool(MultiScaleRoIAlign):
    """The input of the region head: pooled features, and the log-odds of the guide's best box for each proposal."""

    def forward(
        self, x: dict[str, Tensor], boxes: list[Tensor], image_shapes: list[tuple[int, int]]
    ) -> Tensor:
        """The pyramid and N proposals -> (N, channels * 49 + 1): flat features, then the guide's log-odds."""
        pooled = super().forward(x, boxes, image_shapes).flatten(1)
        opinions = [opinion(own, found) for own, found in zip(boxes, x[GUIDE], strict=True)]
        return torch.cat([pooled, torch.cat(opinions)[:, None].to(pooled.dtype)], 1)


def opinion(boxes: Tensor, found: Tensor) -> Tensor:
    """The log-odds (N,) of boxes (N, 4), given the boxes (M, 5) of the guide; at least GUIDE_FLOOR."""
    overlaps = box_iou(boxes.float(), found[:, :4]) > GUIDE_OVERLAP
    said: Tensor = torch.where(overlaps, found[:, 4], GUIDE_FLOOR).amax(1)
    return said.clamp(min=GUIDE_FLOOR)


class GuidedHead(TwoMLPHead):
    """torchvision's region head on all columns but the last, which it passes on."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs + 1) -> (N, hidden + 1); the last column is unchanged."""
        return torch.cat([super().forward(x[:, :-1]), x[:, -1:]], 1)


class GuidedPredictor(PersonPredictor):
    """A predictor that adds the last column, times a trained weight, to the log-odds of a person."""

    def __init__(self, inputs: int) -> None:
        super().__init__(inputs)
        self.trust = nn.Parameter(torch.tensor(GUIDE_TRUST))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, hidden + 1) -> class logits (N, 2) and box deltas (N, 8)."""
        logits, deltas = super().forward(x[:, :-1])
        said = self.trust * x[:, -1:]
        return logits + torch.cat([torch.zeros_like(said), said], 1), deltas


class GuidedProposals(PersonProposals):
    """The region proposal network, with the guide's boxes added to its proposals."""

    def forward(
        self,
        images: ImageList,
        features: dict[str, Tensor],
        targets: list[dict[str, Tensor]] | None = None,
    ) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Images and pyramid -> proposals of each image, and the losses in training mode."""
        levels = {name: level for name, level in features.items() if name != GUIDE}
        own, losses = super().forward(images, levels, targets)
        proposals = []
        for boxes, found, size in zip(own, features[GUIDE], images.image_sizes, strict=True):
            said = clip_boxes_to_image(found[torch.isfinite(found[:, 4]), :4], size)
            said = said[remove_small_boxes(said, SMALLEST)]
            proposals.append(torch.cat([boxes, said.to(boxes.dtype)]))
        return proposals, losses


GUIDED = DetectorParts(GuidedPyramid, GuidedPool, GuidedHead, GuidedPredictor, GuidedProposals)


def guided_person_detector(
    width: float = 1.5, channels: int = 96, hidden: int = 256, input_size: int = 448
) -> PersonDetectorNetwork:
    """The shipped detector (Xia, Sec. 3): `person_detector` with a NanoDet as its guide; 9.9 M parameters."""
    return PersonDetectorNetwork(width, channels, hidden, input_size, GUIDED)
