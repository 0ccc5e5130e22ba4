"""The person detector (Xia et al., Sec. 3, Figure 2): torchvision's Faster R-CNN on a MobileNetV2 feature pyramid.

Training targets are those of torchvision's detection models, with one addition: a box with the label `IGNORE` is a
region that counts neither as a person nor as background (a crowd, or people who are not labelled).
"""

from collections import OrderedDict
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.models.detection.rpn import RegionProposalNetwork
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.ops import MultiScaleRoIAlign, box_iou

from ..backbones import MobileNetV2

PERSON, IGNORE = 1, -1  # target labels; 0 is the background
IGNORED_SHARE = 0.5  # boxes with more of their area in an ignore region are not trained on

FINEST = "4"  # name (the stride) of the pyramid's finest level, which has no anchors
LEVELS = (FINEST, "8", "16", "32", "64")
ANCHOR_SIZES = (
    (20, 36),
    (60, 92),
    (140, 200),
    (290, 410),
)  # px, root of the area; a row for each other level
ANCHOR_RATIOS = (1.0, 2.0, 3.2)  # height / width: people lie, sit or crouch, stand


def separable(inputs: int, outputs: int) -> nn.Sequential:
    """Depthwise 3x3 and pointwise convolution, batch norm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class PersonPyramid(nn.Module):
    """The backbone of the Faster R-CNN: MobileNetV2 with a feature pyramid of strides 4 to 64.

    Parameters
    ----------
    width : float
        Of the MobileNetV2.
    channels : int
        Of the pyramid.
    """

    def __init__(self, width: float, channels: int) -> None:
        super().__init__()
        self.body = MobileNetV2(width)
        self.lateral = nn.ModuleList(nn.Conv2d(c, channels, 1) for c in self.body.channels)
        self.smooth = nn.ModuleList(separable(channels, channels) for _ in self.lateral)
        self.coarsest = separable(channels, channels)
        self.out_channels = channels

    def forward(self, images: Tensor) -> "OrderedDict[str, Tensor]":
        """(B, 3, H, W) in [-1, 1], H and W multiples of 32 -> maps (B, channels, H / s, W / s) by stride s."""
        return OrderedDict(zip(LEVELS, self.dense(images), strict=True))

    def dense(self, images: Tensor) -> tuple[Tensor, ...]:
        """The levels alone, finest first: all that is computed everywhere in the image."""
        return self.merged(self.laterals(images))

    def laterals(self, images: Tensor) -> list[Tensor]:
        """The maps of the MobileNetV2 of strides 4 to 32, each with the channels of the pyramid."""
        images = images.contiguous(memory_format=torch.channels_last)
        return [convolve(x) for convolve, x in zip(self.lateral, self.body(images), strict=True)]

    def merged(self, laterals: list[Tensor]) -> tuple[Tensor, ...]:
        """The levels of the pyramid, finest first: coarse maps are added to fine ones."""
        for i in (2, 1, 0):
            laterals[i] = laterals[i] + F.interpolate(laterals[i + 1], size=laterals[i].shape[-2:])
        p4, p8, p16, p32 = (smooth(x) for smooth, x in zip(self.smooth, laterals, strict=True))
        p64 = self.coarsest(F.max_pool2d(p32, 3, stride=2, padding=1))
        return p4, p8, p16, p32, p64


class PersonAnchors(AnchorGenerator):
    """torchvision's anchors in single precision, whatever the precision of the features.

    Proposals have the precision of the anchors and of the deltas of `ProposalHead`, which is single, too; labelled
    boxes take that of the proposals. In bfloat16 a corner beyond 256 px would be off by up to a pixel, and narrow
    people would have no width.
    """

    def forward(self, image_list: ImageList, feature_maps: list[Tensor]) -> list[Tensor]:
        """The anchors of every image, (A, 4) float32."""
        anchors: list[Tensor] = super().forward(image_list, [level.float() for level in feature_maps])
        return anchors


class ProposalHead(nn.Module):
    """Objectness and box deltas of every anchor: torchvision's RPNHead with a separable convolution."""

    def __init__(self, channels: int, anchors: int) -> None:
        super().__init__()
        self.convolution = separable(channels, channels)
        self.objectness = nn.Conv2d(channels, anchors, 1)
        self.deltas = nn.Conv2d(channels, 4 * anchors, 1)
        for layer in (self.objectness, self.deltas):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, levels: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """The levels -> objectness (B, anchors, h, w) and deltas (B, 4 * anchors, h, w) of each, float32."""
        hidden = [self.convolution(level) for level in levels]
        return [self.objectness(x).float() for x in hidden], [self.deltas(x).float() for x in hidden]


class PersonPredictor(nn.Module):
    """Class logits and boxes of every region."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.logits = nn.Linear(inputs, 2)
        self.deltas = nn.Linear(inputs, 8)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, inputs) -> class logits (N, 2), background and person, and box deltas (N, 8)."""
        return self.logits(x), self.deltas(x)


def ignored_boxes(boxes: Tensor, regions: Tensor) -> Tensor:
    """Which boxes (N, 4) have more than `IGNORED_SHARE` of their area in one of the regions (K, 4): (N,) bool."""
    if len(regions) == 0:
        return torch.zeros(len(boxes), dtype=torch.bool, device=boxes.device)
    low = torch.maximum(boxes[:, None, :2], regions[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], regions[None, :, 2:])
    overlap = (high - low).clamp(min=0).prod(-1)  # (N, K)
    area = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(-1)
    return overlap.amax(1) > IGNORED_SHARE * area


def _split_targets(targets: list[dict[str, Tensor]]) -> tuple[list[dict[str, Tensor]], list[Tensor]]:
    """The people and the ignore regions of every image."""
    people, regions = [], []
    for target in targets:
        person = target["labels"] != IGNORE
        people.append({"boxes": target["boxes"][person], "labels": target["labels"][person]})
        regions.append(target["boxes"][~person])
    return people, regions


class PersonProposals(RegionProposalNetwork):
    """torchvision's region proposal network; anchors in ignore regions are not negatives.

    The finest level has no anchors; only the region head reads it, for small people.
    """

    def forward(
        self,
        images: ImageList,
        features: dict[str, Tensor],
        targets: list[dict[str, Tensor]] | None = None,
    ) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Images and pyramid -> proposals of each image, (N, 4), and the losses in training mode."""
        proposals: tuple[list[Tensor], dict[str, Tensor]] = super().forward(
            images, {stride: level for stride, level in features.items() if stride != FINEST}, targets
        )
        return proposals

    def assign_targets_to_anchors(
        self, anchors: list[Tensor], targets: list[dict[str, Tensor]]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """The label (1 person, 0 background, -1 neither) and the target box of every anchor of every image."""
        people, regions = _split_targets(targets)
        labels, matched = super().assign_targets_to_anchors(anchors, people)
        for label, anchor, region in zip(labels, anchors, regions, strict=True):
            label[(label == 0) & ignored_boxes(anchor, region)] = -1.0
        return labels, matched


class PersonHeads(RoIHeads):
    """torchvision's region heads; proposals in ignore regions are not negatives."""

    def select_training_samples(
        self, proposals: list[Tensor], targets: list[dict[str, Tensor]] | None
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]:
        """Torchvision's sample of the proposals outside of ignore regions."""
        people, regions = _split_targets(targets or [])
        kept = []
        for boxes, region, target in zip(proposals, regions, people, strict=True):
            person = _overlaps_person(boxes, target["boxes"], self.proposal_matcher.high_threshold)
            kept.append(boxes[person | ~ignored_boxes(boxes, region)])
        return super().select_training_samples(kept, people)


def _overlaps_person(boxes: Tensor, people: Tensor, threshold: float) -> Tensor:
    """Which boxes (N, 4) match one of the people (K, 4): (N,) bool."""
    if len(people) == 0:
        return torch.zeros(len(boxes), dtype=torch.bool, device=boxes.device)
    return box_iou(boxes, people).amax(1) >= threshold


class PersonTransform(GeneralizedRCNNTransform):
    """torchvision's scaling and batching; training pictures already have their final size and keep it."""

    def resize(
        self, image: Tensor, target: dict[str, Tensor] | None = None
    ) -> tuple[Tensor, dict[str, Tensor] | None]:
        """The image and its target at the size that the network reads."""
        return (image, target) if self.training else super().resize(image, target)


@dataclass(frozen=True)
class DetectorParts:
    """The classes of a detector's parts; `guided.GUIDED` has those of a guided one."""

    pyramid: type[PersonPyramid] = PersonPyramid
    pool: type[MultiScaleRoIAlign] = MultiScaleRoIAlign
    head: type[TwoMLPHead] = TwoMLPHead
    predictor: type[PersonPredictor] = PersonPredictor
    proposals: type[PersonProposals] = PersonProposals


class PersonDetectorNetwork(FasterRCNN):
    """A Faster R-CNN of one class, people, small enough for a CPU.

    It is called like torchvision's detection models: a list of images (3, H, W) float32 RGB in [0, 1] gives a list
    of dicts with `boxes` (N, 4), `scores` (N,) and `labels` (N,); in training mode, with targets, a dict of losses.

    Parameters
    ----------
    width : float
        Of the MobileNetV2.
    channels : int
        Of the pyramid.
    hidden : int
        Units of the two layers of the region head.
    input_size : int
        Longer side of the image that the network reads after training, px.
    parts : DetectorParts
    """

    def __init__(
        self,
        width: float = 1.5,
        channels: int = 96,
        hidden: int = 256,
        input_size: int = 448,
        parts: DetectorParts = DetectorParts(),
    ) -> None:
        anchors = PersonAnchors(ANCHOR_SIZES, (ANCHOR_RATIOS,) * len(ANCHOR_SIZES))
        proposal_head = ProposalHead(channels, len(ANCHOR_SIZES[0]) * len(ANCHOR_RATIOS))
        region_pool = parts.pool([FINEST, "8", "16", "32"], output_size=7, sampling_ratio=2)
        region_head = parts.head(channels * 7 * 7, hidden)
        predictor = parts.predictor(hidden)
        super().__init__(
            parts.pyramid(width, channels),
            rpn_anchor_generator=anchors,
            rpn_head=proposal_head,
            box_roi_pool=region_pool,
            box_head=region_head,
            box_predictor=predictor,
        )
        half = [0.5, 0.5, 0.5]  # [0, 1] -> [-1, 1]
        self.transform = PersonTransform(input_size, input_size, image_mean=half, image_std=half)
        self.rpn = parts.proposals(
            anchors,
            proposal_head,
            fg_iou_thresh=0.6,
            bg_iou_thresh=0.3,
            batch_size_per_image=128,
            positive_fraction=0.5,
            pre_nms_top_n={"training": 400, "testing": 300},
            post_nms_top_n={"training": 250, "testing": 150},
            nms_thresh=0.7,
        )
        self.roi_heads = PersonHeads(
            region_pool,
            region_head,
            predictor,
            fg_iou_thresh=0.5,
            bg_iou_thresh=0.5,
            batch_size_per_image=48,
            positive_fraction=0.3,
            bbox_reg_weights=None,
            score_thresh=0.05,
            nms_thresh=0.45,  # below the paper's 0.6: a small network finds its people twice
            detections_per_img=100,
        )


def person_detector(
    width: float = 1.5, channels: int = 96, hidden: int = 256, input_size: int = 448
) -> PersonDetectorNetwork:
    """A detector without a guide (Xia, Sec. 3), for people of about 30 px and more; 6.1 M parameters."""
    return PersonDetectorNetwork(width, channels, hidden, input_size)
