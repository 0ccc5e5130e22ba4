"""Training of the second-stage Part FCN (Sec. 3.2) on predicted part scores and poses of the training people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset

from posepart.arrays import Float32
from posepart.metrics.segmentation import confusion_matrix, segmentation_scores
from posepart.schema import FLIP_JOINTS, IGNORE, NUM_JOINTS, NUM_PARTS, Part
from posepart.stages.skeleton_maps import PoseEncoder
from posepart.structures import Pose
from posepart.training.loop import device_of
from posepart.training.part import part_loss, upsampled_argmax

SURE = 0.98  # first-stage probability of background above which a background cell is ignored


@dataclass(frozen=True)
class RefineExamples:
    """Inputs of the second stage, and labels, of N crops."""

    parts: NDArray[np.float16]  # (N, 7, h, w), log-probabilities of the first stage
    poses: NDArray[np.float32]  # (N, 14, 3), joints in the crop frame; third column 1 where found
    labels: NDArray[np.uint8]  # (N, h, w), part ids, 255 = ignore

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def stack(cls, rows: Sequence[tuple[NDArray, Pose | None, NDArray[np.uint8]]]) -> "RefineExamples":
        """Stack crops, each given as (part probabilities (7, h, w), pose in the crop frame, labels (h, w))."""
        parts = np.stack([np.log(np.maximum(p, 1e-6)).astype(np.float16) for p, _, _ in rows])
        poses = np.zeros((len(rows), NUM_JOINTS, 3), np.float32)
        for row, (_, pose, _) in zip(poses, rows, strict=True):
            if pose is not None:
                row[pose.present] = np.column_stack([pose.xy, pose.present])[pose.present]
        return cls(parts, poses, np.stack([labels for _, _, labels in rows]))


def encoded(encoder: PoseEncoder, poses: Float32, shape: tuple[int, int]) -> Tensor:
    """Encode the poses (B, 14, 3) of B crops as the maps (B, C, h, w) that a second stage takes."""
    stride = encoder.crop_size / shape[1]
    maps = [encoder([Pose(joints[:, :2], joints[:, 2], 0.0)], stride, shape) for joints in poses]
    return torch.from_numpy(np.stack(maps))


class RefineBatches(Dataset[dict[str, Tensor]]):
    """An endless, seeded stream of batches, with half of the crops mirrored (parts have no left or right).

    If the pose maps tell left from right (`PoseEncoder.sided`), the maps of a mirrored crop are those of its
    mirrored pose.

    Background of which the first stage is sure is ignored, so that people and what is near them count.
    """

    def __init__(self, examples: RefineExamples, encode: PoseEncoder, batch_size: int, seed: int) -> None:
        self.examples, self.encode, self.batch_size, self.seed = examples, encode, batch_size, seed

    def __len__(self) -> int:
        """The number of batches in an epoch."""
        return -(-len(self.examples) // self.batch_size)

    def __getitem__(self, step: int) -> dict[str, Tensor]:
        rng = np.random.default_rng([self.seed, step])
        rows = rng.integers(0, len(self.examples), self.batch_size)
        mirror = rng.random(self.batch_size) < 0.5
        labels = self.examples.labels[rows]
        parts = self.examples.parts[rows].astype(np.float32)
        poses = self.examples.poses[rows]
        if self.encode.sided:
            poses[mirror] = mirrored(poses[mirror], self.encode.crop_size)
        sure = (labels == Part.BACKGROUND) & (parts[:, Part.BACKGROUND] > np.log(SURE))
        batch = {
            "parts": torch.from_numpy(parts),
            "poses": encoded(self.encode, poses, (labels.shape[1], labels.shape[2])),
            "labels": torch.from_numpy(np.where(sure, np.uint8(IGNORE), labels)),
        }
        turned = torch.from_numpy(mirror)
        for name, values in batch.items():
            if name != "poses" or not self.encode.sided:
                values[turned] = values[turned].flip(-1)
        return batch


def mirrored(poses: Float32, crop_size: int) -> Float32:
    """The poses (B, 14, 3) of the mirrored crops, left and right exchanged."""
    turned = poses[:, list(FLIP_JOINTS)]
    turned[..., 0] = np.where(turned[..., 2] > 0, crop_size - 1 - turned[..., 0], turned[..., 0])
    return turned


class RefineLoss:
    """Weighted cross-entropy of the refined scores, without ignored pixels."""

    def __init__(self, class_weights: Sequence[float]) -> None:
        self.weights = torch.tensor(class_weights)

    def __call__(self, model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The loss of one batch."""
        logits = model(batch["parts"], batch["poses"]).float()
        return {"loss": part_loss(logits, batch["labels"], self.weights.to(logits.device))}


class RefineEvaluation:
    """Pooled mIoU of the first and the second stage on held-out crops, at the resolution of the maps."""

    def __init__(self, examples: RefineExamples, encode: PoseEncoder) -> None:
        self.examples, self.encode = examples, encode

    @torch.inference_mode()
    def __call__(self, model: nn.Module, batch: int = 16) -> dict[str, float]:
        """MIoU of both stages, and the gain of the second."""
        confusions = np.zeros((2, NUM_PARTS, NUM_PARTS), np.int64)
        for i in range(0, len(self.examples), batch):
            parts = torch.from_numpy(self.examples.parts[i : i + batch].astype(np.float32))
            labels = self.examples.labels[i : i + batch]
            poses = encoded(
                self.encode, self.examples.poses[i : i + batch], (labels.shape[1], labels.shape[2])
            )
            device = device_of(model)
            refined = model(parts.to(device), poses.to(device)).cpu()
            for stage, scores in enumerate((parts, refined)):
                for found, truth in zip(scores.numpy(), labels, strict=True):
                    confusions[stage] += confusion_matrix(truth, upsampled_argmax(found, truth.shape))
        first, second = (segmentation_scores(c).miou for c in confusions)
        return {"miou_first_stage": first, "miou_second_stage": second, "gain": second - first}


def labelled_share(labels: NDArray[np.uint8]) -> float:
    """Share of the cells that have a label."""
    return float((labels != IGNORE).mean())
