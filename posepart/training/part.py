"""Training of the first-stage Part FCN (Sec. 3): cross-entropy on part labels, unlabelled pixels ignored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from posepart.config import CropConfig
from posepart.data.augment import warp_labels
from posepart.data.person_crops import crop_labels
from posepart.data.sample import Sample
from posepart.metrics.segmentation import confusion_matrix, segmentation_scores
from posepart.models.backbones import normalise
from posepart.models.baselines.deeplab import DeepLab
from posepart.models.jppnet.structure_loss import resize_labels
from posepart.models.scales import merge_scales
from posepart.schema import IGNORE, NUM_PARTS, PART_NAMES, Part
from posepart.stages.crops import box_affine
from posepart.training.loop import device_of


@dataclass(frozen=True)
class PartLossConfig:
    """Weights of the cross-entropy; those of the papers are all 1."""

    class_weights: tuple[float, ...] = (
        0.6,
        1.0,
        0.9,
        1.4,
        1.4,
        1.1,
        1.1,
    )  # in part order; thin parts count more


class PartLoss:
    """Cross-entropy of one batch of `PersonCrops`.

    A DeepLab of several scales is supervised at each of them, too, as in its released code: the loss is the sum.
    """

    def __init__(self, config: PartLossConfig) -> None:
        self.weights = torch.tensor(config.class_weights)

    def __call__(self, model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The loss of one batch."""
        images, labels = normalise(batch["image"]), batch["parts"]
        scales = model.at_scales(images) if isinstance(model, DeepLab) else [model(images)]
        maps = [merge_scales(scales, "max"), *scales] if len(scales) > 1 else scales
        weights = self.weights.to(labels.device)
        if maps[0].shape[1] != len(weights):
            raise ValueError(
                f"the network has {maps[0].shape[1]} labels, loss.class_weights has {len(weights)}: set arguments "
                f"{{labels: {len(weights)}}} of the builder"
            )
        losses = [
            part_loss(logits.float(), resize_labels(labels, (logits.shape[2], logits.shape[3])), weights)
            for logits in maps
        ]
        return {"loss": torch.stack(losses).sum()} if len(losses) > 1 else {"loss": losses[0]}


def part_loss(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Weighted cross-entropy.

    Parameters
    ----------
    logits : (B, 7, h, w) float32
    labels : (B, h, w) uint8
        `schema.IGNORE` where there is no label.
    weights : (7,) float32

    Returns
    -------
    () float32
        0 if nothing is labelled.
    """
    loss = F.cross_entropy(logits, labels.long(), ignore_index=IGNORE, weight=weights)
    return torch.where((labels != IGNORE).any(), loss, 0.0)  # a condition of Python would make a GPU wait


class PartEvaluation:
    """IoU of every class, pooled over the crops of labelled boxes, at the resolution of the crops."""

    def __init__(self, samples: Sequence[Sample], crop: CropConfig) -> None:
        self.images: list[NDArray[np.uint8]] = []
        self.labels: list[NDArray[np.uint8]] = []
        for sample in samples:
            parts = sample.read_parts()
            for p, person in enumerate(sample.people):
                if parts is not None:
                    affine = box_affine(person.box, crop)
                    self.images.append(crop_labels(sample, p, affine, False, crop.size, 4)["image"])
                    self.labels.append(warp_labels(parts, affine, crop.size, 1, Part.BACKGROUND))

    @torch.inference_mode()
    def __call__(self, model: nn.Module) -> dict[str, float]:
        """IoU of every class, and their mean; nothing if no photo has a part map."""
        if not self.images:
            return {}
        confusion = np.zeros((NUM_PARTS, NUM_PARTS), np.int64)
        for image, labels in zip(self.images, self.labels, strict=True):
            images = torch.from_numpy(image.transpose(2, 0, 1))[None].to(device_of(model))
            logits = model(normalise(images))
            confusion += confusion_matrix(labels, upsampled_argmax(logits[0].cpu().numpy(), labels.shape))
        iou = np.nan_to_num(segmentation_scores(confusion).iou)
        return {
            "miou": float(iou.mean()),
            **{f"iou_{n}": float(v) for n, v in zip(PART_NAMES, iou, strict=True)},
        }


def upsampled_argmax(scores: NDArray, shape: Sequence[int]) -> NDArray[np.uint8]:
    """Labels (H, W) of the highest scores, after bilinear upsampling of the scores (7, h, w)."""
    height, width = shape
    large = cv2.resize(
        np.ascontiguousarray(scores.transpose(1, 2, 0)), (width, height), interpolation=cv2.INTER_LINEAR
    )
    return large.argmax(2).astype(np.uint8)
