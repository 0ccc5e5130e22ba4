"""Parts and joints of whole pictures by a JPPNet or a parsing network, in the schema that it was trained in.

Every person's box is cropped, seen in the views of Sec. 6.1 of Liang et al., and put back. In LIP's pictures the
box is the picture. Where boxes overlap, a pixel belongs to the person whose crop is surest that it is a body; the
paper does not say how several people are put together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from torch import nn

from posepart.arrays import Float32, Float64, Ids, Rgb, in_batches
from posepart.config import CropConfig, JPPNetInferenceConfig
from posepart.geometry.frames import Affine
from posepart.jppnet.predict import peaks, predict_jppnet, predict_parsing
from posepart.models.jppnet.network import JPPNet
from posepart.models.model_set import read_card
from posepart.models.weight_files import load_network
from posepart.schema import BodySchema
from posepart.schema.named import SCHEMAS
from posepart.stages.crops import crop_boxes
from posepart.stages.networks import to_batch
from posepart.structures import Crop, PersonBoxes

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
    schema: BodySchema
    crop: CropConfig = field(default_factory=lambda: CropConfig(size=384, margin=1.0))  # Sec. 6.1
    views: JPPNetInferenceConfig = field(default_factory=JPPNetInferenceConfig)  # Sec. 6.1
    device: str = "cpu"
    batch_size: int = 8  # crops per forward pass

    def __call__(self, image: Rgb, boxes: PersonBoxes) -> PictureParts:
        """Parse the people of a picture (H, W, 3) in the given boxes; without any, everything is background."""
        crops = crop_boxes(image, boxes, self.crop)
        maps = [maps for batch in in_batches(crops, self.batch_size) for maps in self.see(batch)]
        return put_together(image.shape[:2], crops, maps, self.schema)

    def see(self, crops: Sequence[Crop]) -> list[BodyMaps]:
        """What the network says about crops, in one forward pass for every view."""
        images, schema = to_batch(crops, self.device), self.schema
        if not isinstance(self.network, JPPNet):
            labels = predict_parsing(self.network, images, schema.flip_labels, self.views).cpu().numpy()
            return [BodyMaps(of_crop, None, 1.0) for of_crop in labels]
        found = predict_jppnet(self.network, images, schema.flip_labels, schema.flip_joints, self.views)
        parsing, pose = found.parsing.cpu().numpy(), found.pose.cpu().numpy()
        return [
            BodyMaps(
                labels, crop.affine.inverse(peaks(heat, found.stride)[0]).astype(np.float32), found.stride
            )
            for crop, labels, heat in zip(crops, parsing, pose, strict=True)
        ]


def read_parser(
    path: Path, crop: CropConfig, views: JPPNetInferenceConfig, device: str = "cpu"
) -> BodyParser:
    """A network with trained weights.

    Parameters
    ----------
    path : Path
        The weight file of `train.py jppnet` or of a parsing network; its card names the schema.
    crop, views, device
        As in `BodyParser`.

    Raises
    ------
    ValueError
        The file is missing or damaged, or its labels and joints are those of no schema.
    """
    of_card = read_card(path).schema
    for schema in SCHEMAS.values():
        if of_card == {"joints": list(schema.joints), "parts": list(schema.labels)}:
            return BodyParser(load_network(path).to(device), schema, crop, views, device)
    raise ValueError(
        f"{path}: its card has joints and parts of no known schema ({', '.join(SCHEMAS)}); train it with train.py"
    )


def put_together(
    shape: tuple[int, ...], crops: Sequence[Crop], maps: Sequence[BodyMaps], schema: BodySchema
) -> PictureParts:
    """Put the maps of all crops back into their picture.

    Parameters
    ----------
    shape : tuple of int
        (H, W) of the picture.
    crops : sequence of Crop
        At most 255; of equally sure ones the first counts.
    maps : sequence of BodyMaps
        One per crop.
    schema : BodySchema
    """
    if len(crops) > MAX_PEOPLE:
        raise ValueError(f"expected at most {MAX_PEOPLE} boxes in a picture, got {len(crops)}")
    labels, people = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    surest = np.zeros(shape, np.float32)
    parses = bool(schema.labels) and all(of_crop.labels is not None for of_crop in maps)
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
