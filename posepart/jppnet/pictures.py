"""Parts and joints of whole pictures by a JPPNet, a parsing or a pose network, in the schema of its training.

Every person's box is cropped, seen in the views of Sec. 6.1 of Liang et al., and put back. In LIP's pictures the
box is the picture. Where boxes overlap, a pixel belongs to the person whose crop is surest that it is a body; the
paper does not say how several people are put together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from posepart.arrays import Float32, Float64, Ids, Rgb, in_batches
from posepart.config import CropConfig, JPPNetInferenceConfig
from posepart.geometry.frames import Affine
from posepart.jppnet.predict import peaks, predict_jppnet, predict_parsing
from posepart.jppnet.single_task import joint_maps
from posepart.models.jppnet.network import JPPNet
from posepart.models.model_set import read_card
from posepart.models.scales import resized, to_size
from posepart.models.weight_files import load_network
from posepart.schema import BodySchema
from posepart.schema.named import SCHEMAS
from posepart.stages.crops import crop_boxes
from posepart.stages.networks import to_batch
from posepart.structures import Crop, PersonBoxes

TASKS = ("jppnet", "parsing", "joints")  # stages of cards
MAX_PEOPLE = 255  # person ids have 8 bits, and 0 is nobody


@dataclass(frozen=True)
class BodyMaps:
    """What a network says about one crop."""

    labels: Float32 | None  # (C, h, w), probabilities; None without parsing
    joints: Float32 | None  # (J, 2), photo frame; None without pose
    stride: float  # crop pixels per cell of `labels`


@dataclass(frozen=True)
class PictureParts:
    """Labels and joints of the N people of a picture."""

    labels: Ids | None  # (H, W), of the network's schema; None if it predicts joints only
    people: Ids  # (H, W), 0 = nobody, k = the k-th person
    joints: Float32 | None  # (N, J, 2), picture frame; None if it predicts labels only
    scores: Float32  # (N,), of the boxes


@dataclass(frozen=True)
class BodyParser:
    """A network that parses people, finds their joints, or both."""

    network: nn.Module
    task: str  # of `TASKS`
    schema: BodySchema
    crop: CropConfig = field(default_factory=lambda: CropConfig(size=384, margin=1.0))  # Sec. 6.1
    views: JPPNetInferenceConfig = field(default_factory=JPPNetInferenceConfig)  # Sec. 6.1
    device: str = "cpu"
    batch_size: int = 8  # crops per forward pass

    def __call__(self, image: Rgb, boxes: PersonBoxes) -> PictureParts:
        """Parse the people of a picture (H, W, 3) in the given boxes; without any, everything is background."""
        return self.parse([image], [boxes])[0]

    def parse(self, images: Sequence[Rgb], boxes: Sequence[PersonBoxes]) -> list[PictureParts]:
        """Parse several pictures, whose crops share the batches of the network."""
        crops = [crop_boxes(*picture, self.crop) for picture in zip(images, boxes, strict=True)]
        every = [crop for of_picture in crops for crop in of_picture]
        seen = iter([maps for batch in in_batches(every, self.batch_size) for maps in self.see(batch)])
        return [
            put_together(image.shape[:2], of_picture, list(islice(seen, len(of_picture))))
            for image, of_picture in zip(images, crops, strict=True)
        ]

    def see(self, crops: Sequence[Crop]) -> list[BodyMaps]:
        """What the network says about crops, in one forward pass for every view."""
        images, schema = to_batch(crops, self.device), self.schema
        if self.task == "parsing":
            labels = predict_parsing(self.network, images, schema.flip_labels, self.views).cpu().numpy()
            return [BodyMaps(of_crop, None, 1.0) for of_crop in labels]
        if self.task == "joints":
            maps = self._heat_maps(images)
            return [
                BodyMaps(None, xy, 1.0) for xy in joints_of(crops, maps, images.shape[-1] / maps.shape[-1])
            ]
        assert isinstance(self.network, JPPNet)
        found = predict_jppnet(self.network, images, schema.flip_labels, schema.flip_joints, self.views)
        joints = joints_of(crops, found.pose, found.stride)
        parsing = found.parsing.cpu().numpy()
        return [BodyMaps(*of_crop, found.stride) for of_crop in zip(parsing, joints, strict=True)]

    @torch.inference_mode()
    def _heat_maps(self, images: Tensor) -> Tensor:
        """The heat maps (B, J, h, w) of a pose network, the mean over the views at the size of the largest."""
        scales = (1.0,) if self.views.merged else self.views.scales
        maps = [
            joint_maps(self.network, resized(images, scale), self.schema, self.views.mirror)
            for scale in scales
        ]
        size = max(of_view.shape[-2:] for of_view in maps)
        return torch.stack([to_size(of_view, size) for of_view in maps]).mean(0)


def joints_of(crops: Sequence[Crop], maps: Tensor, stride: float) -> list[Float32]:
    """The peaks of every crop's heat maps (B, J, h, w), each (J, 2) in the photo frame."""
    return [
        crop.affine.inverse(peaks(of_crop, stride)[0]).astype(np.float32)
        for crop, of_crop in zip(crops, maps.cpu().numpy(), strict=True)
    ]


def read_parser(
    path: Path,
    crop: CropConfig,
    views: JPPNetInferenceConfig,
    device: str = "cpu",
    batch_size: int = 8,
) -> BodyParser:
    """A network with trained weights.

    Parameters
    ----------
    path : Path
        The weight file of `train.py jppnet`, `parsing` or `joints`; its card names the schema.
    crop, views, device, batch_size
        As in `BodyParser`.

    Raises
    ------
    ValueError
        The file is missing or damaged, of another kind of network, or its labels and joints are those of no schema.
    """
    card = read_card(path)
    if card.stage not in TASKS:
        raise ValueError(
            f"{path}: expected weights of train.py {', '.join(TASKS)}, got those of {card.stage}"
        )
    for schema in SCHEMAS.values():
        if card.schema == {"joints": list(schema.joints), "parts": list(schema.labels)}:
            return BodyParser(
                load_network(path).to(device), card.stage, schema, crop, views, device, batch_size
            )
    raise ValueError(
        f"{path}: its card has joints and parts of no known schema ({', '.join(SCHEMAS)}); train it with train.py"
    )


def put_together(shape: tuple[int, ...], crops: Sequence[Crop], maps: Sequence[BodyMaps]) -> PictureParts:
    """Put the maps of all crops back into their picture.

    Parameters
    ----------
    shape : tuple of int
        (H, W) of the picture.
    crops : sequence of Crop
        At most 255; of equally sure ones the first counts.
    maps : sequence of BodyMaps
        One per crop.
    """
    if len(crops) > MAX_PEOPLE:
        raise ValueError(f"expected at most {MAX_PEOPLE} boxes in a picture, got {len(crops)}")
    labels, people = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    surest = np.zeros(shape, np.float32)
    parses = all(of_crop.labels is not None for of_crop in maps)
    for number, (crop, of_crop) in enumerate(zip(crops, maps, strict=True), start=1):
        if of_crop.labels is None:
            continue
        best, body = picture_labels(of_crop.labels, of_crop.stride, crop.affine, shape)
        inside = body > surest
        labels[inside], surest[inside] = best[inside], body[inside]
        people[inside] = np.where(best[inside] > 0, number, 0)
    joints = [of_crop.joints for of_crop in maps if of_crop.joints is not None]
    return PictureParts(
        labels if parses else None,
        people,
        np.stack(joints) if joints else None,
        np.array([crop.score for crop in crops], np.float32),
    )


def picture_labels(
    probabilities: Float32, stride: float, affine: Affine, shape: tuple[int, ...]
) -> tuple[Ids, Float32]:
    """The best label of every pixel of a picture, by bilinear sampling of one crop's maps.

    Parameters
    ----------
    probabilities : (C, h, w) float32
    stride : float
        Crop pixels per cell.
    affine : Affine
        Picture -> crop.
    shape : tuple of int
        (H, W).

    Returns
    -------
    labels : (H, W) uint8
        0 outside the crop.
    body : (H, W) float32
        The probability of the body, all labels but the background; 0 outside the crop.
    """
    matrix = affine.matrix / stride  # picture -> cells
    matrix[:, 2] += 0.5 / stride - 0.5
    best, labels = np.zeros(shape, np.float32), np.zeros(shape, np.uint8)
    background = np.ones(shape, np.float32)
    for label, of_label in enumerate(probabilities):
        sampled = _sampled(of_label, matrix, shape)
        better = sampled > best
        best[better], labels[better] = sampled[better], label
        background = sampled if label == 0 else background
    side = np.array(probabilities.shape[1:]) * stride
    inside = (
        _sampled(np.ones((int(side[0]), int(side[1])), np.float32), affine.matrix, shape, constant=True) > 0.5
    )
    return np.where(inside, labels, 0).astype(np.uint8), np.where(inside, 1 - background, 0).astype(
        np.float32
    )


def _sampled(values: Float32, matrix: Float64, shape: tuple[int, ...], constant: bool = False) -> Float32:
    """Values (h, w) at the pixels of a picture, by an affine from picture to values; the border is repeated."""
    border = cv2.BORDER_CONSTANT if constant else cv2.BORDER_REPLICATE
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(values, matrix, (shape[1], shape[0]), flags=flags, borderMode=border), np.float32
    )
