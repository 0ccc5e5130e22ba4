"""The shipped person detector: the Faster R-CNN of `detector` guided by a NanoDet.

A NanoDet trained on the whole of COCO adds its features to the pyramid, its boxes to the proposals, and its log-odds
to the region head's, as in probabilistic two-stage detection (Zhou et al. 2021).
"""

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torchvision.models.detection.faster_rcnn import TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import MultiScaleRoIAlign, box_iou, clip_boxes_to_image, nms, remove_small_boxes

from .nanodet import CHANNELS, NanoDet
from .network import (
    DetectorParts,
    PersonDetectorNetwork,
    PersonPredictor,
    PersonProposals,
    PersonPyramid,
)

GUIDE = "guide"  # beside the levels, what the guide found
GUIDE_BOXES = 100  # at most, per image
GUIDE_NMS = 0.6
SMALLEST = 1.0  # px, side of a proposal: the size of an empty one has no logarithm
GUIDE_OVERLAP = 0.6  # IoU from which a box of the guide speaks of a proposal
GUIDE_FLOOR = -3.5  # log-odds of a proposal that it says nothing of: 3 %
GUIDE_TRUST = 1.5  # weight of its log-odds before training
# What an unguided detector lacks.
GUIDANCE = ("backbone.guide", "backbone.joins", "roi_heads.box_predictor.trust")


class GuidedPyramid(PersonPyramid):
    """The pyramid with a guide: a NanoDet, never trained here, whose features are added at strides 8 to 32.

    What it found is the entry `GUIDE`: (B, GUIDE_BOXES, 5), x0, y0, x1, y1 in px of the image and the log-odds of a
    person, best first; rows past the last box have log-odds of minus infinity. New joins add nothing.
    """

    def __init__(self, width: float, channels: int) -> None:
        super().__init__(width, channels)
        self.guide = NanoDet().requires_grad_(False)
        self.joins = nn.ModuleList(nn.Conv2d(CHANNELS, channels, 1, bias=False) for _ in range(3))
        for join in self.joins:
            nn.init.zeros_(join.weight)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> "OrderedDict[str, Tensor]":
        features, found = self.guide(images.contiguous(memory_format=torch.channels_last))
        laterals = self.laterals(images)
        for level, (join, x) in enumerate(zip(self.joins, features, strict=True), start=1):
            laterals[level] = laterals[level] + join(x)
        levels = self.merged(laterals)
        levels[GUIDE] = torch.stack([best_boxes(boxes) for boxes in found])
        return levels


def best_boxes(found: Tensor) -> Tensor:
    """Of boxes with log-odds (A, 5) the GUIDE_BOXES best after non-maximum suppression, filled up; best first."""
    likely = found[found[:, 4] > GUIDE_FLOOR]
    likely = likely[likely[:, 4].topk(min(len(likely), 4 * GUIDE_BOXES)).indices]
    best = likely[nms(likely[:, :4], likely[:, 4], GUIDE_NMS)[:GUIDE_BOXES]]
    filled = found.new_zeros(GUIDE_BOXES, 5)
    filled[:, 4] = -torch.inf
    filled[: len(best)] = best
    return filled


class GuidedPool(MultiScaleRoIAlign):
    """What the region head sees of every proposal (N, channels * 49 + 1): its pooled features, flat, and what the
    guide says of it: the log-odds of its best box that overlaps the proposal.
    """

    def forward(
        self, x: dict[str, Tensor], boxes: list[Tensor], image_shapes: list[tuple[int, int]]
    ) -> Tensor:
        pooled = super().forward(x, boxes, image_shapes).flatten(1)
        opinions = [opinion(own, found) for own, found in zip(boxes, x[GUIDE], strict=True)]
        return torch.cat([pooled, torch.cat(opinions)[:, None].to(pooled.dtype)], 1)


def opinion(boxes: Tensor, found: Tensor) -> Tensor:
    """(N,) log-odds, at least GUIDE_FLOOR, of boxes (N, 4) by what the guide found (M, 5)."""
    overlaps = box_iou(boxes.float(), found[:, :4]) > GUIDE_OVERLAP
    said: Tensor = torch.where(overlaps, found[:, 4], GUIDE_FLOOR).amax(1)
    return said.clamp(min=GUIDE_FLOOR)


class GuidedHead(TwoMLPHead):
    """torchvision's region head on all but the last column, which passes by."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([super().forward(x[:, :-1]), x[:, -1:]], 1)


class GuidedPredictor(PersonPredictor):
    """A predictor that adds the last column, weighed, to the log-odds of a person."""

    def __init__(self, inputs: int) -> None:
        super().__init__(inputs)
        self.trust = nn.Parameter(torch.tensor(GUIDE_TRUST))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        logits, deltas = super().forward(x[:, :-1])
        said = self.trust * x[:, -1:]
        return logits + torch.cat([torch.zeros_like(said), said], 1), deltas


class GuidedProposals(PersonProposals):
    """The proposals with the guide's boxes among them."""

    def forward(
        self,
        images: ImageList,
        features: dict[str, Tensor],
        targets: list[dict[str, Tensor]] | None = None,
    ) -> tuple[list[Tensor], dict[str, Tensor]]:
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
    """The shipped detector: `person_detector` guided by a NanoDet that was trained on COCO; 9.9 M parameters."""
    return PersonDetectorNetwork(width, channels, hidden, input_size, GUIDED)
