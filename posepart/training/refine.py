"""Training of the second-stage Part FCN (Sec. 3.2) on the *predicted* part scores and poses of held-in people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset

from posepart.metrics.segmentation import confusion_matrix, segmentation_scores
from posepart.schema import IGNORE, NUM_PARTS
from posepart.training.part import part_loss, upsampled_argmax


@dataclass(frozen=True)
class RefineExamples:
    """Stage inputs and labels of N crops.

    parts: (N, 7, h, w) float16, log-probabilities of the first stage. poses: (N, 2, h, w) float16, joint and
    skeleton label maps. labels: (N, h, w) uint8, 255 = ignore.
    """

    parts: NDArray[np.float16]
    poses: NDArray[np.float16]
    labels: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.labels)

    def keeping(self, joint_map: bool, skeleton_map: bool) -> "RefineExamples":
        """The same examples with the pose maps that are not kept set to 0 (ablation)."""
        keep = np.array([joint_map, skeleton_map], np.float16)[:, None, None]
        return RefineExamples(self.parts, self.poses * keep, self.labels)

    @classmethod
    def stack(cls, rows: Sequence[tuple[NDArray, NDArray, NDArray[np.uint8]]]) -> "RefineExamples":
        """From (part probabilities (7, h, w), pose maps (2, h, w), labels (h, w)) of each crop."""
        parts = np.stack([np.log(np.maximum(p, 1e-6)).astype(np.float16) for p, _, _ in rows])
        poses = np.stack([m.astype(np.float16) for _, m, _ in rows])
        return cls(parts, poses, np.stack([labels for _, _, labels in rows]))


class RefineBatches(Dataset[dict[str, Tensor]]):
    """Batch number `i` of an endless, seeded stream, half of the crops mirrored (parts have no left or right)."""

    def __init__(self, examples: RefineExamples, batch_size: int, seed: int) -> None:
        self.examples, self.batch_size, self.seed = examples, batch_size, seed

    def __getitem__(self, step: int) -> dict[str, Tensor]:
        rng = np.random.default_rng([self.seed, step])
        rows = rng.integers(0, len(self.examples), self.batch_size)
        mirror = rng.random(self.batch_size) < 0.5
        batch = {}
        for name in ("parts", "poses", "labels"):
            values = getattr(self.examples, name)[rows]
            values[mirror] = values[mirror][..., ::-1]
            batch[name] = torch.from_numpy(values if name == "labels" else values.astype(np.float32))
        return batch


class RefineLoss:
    """Weighted cross-entropy of the refined scores, ignored pixels left out."""

    def __init__(self, class_weights: Sequence[float]) -> None:
        self.weights = torch.tensor(class_weights)

    def __call__(self, model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        logits = model(batch["parts"], batch["poses"]).float()
        return {"loss": part_loss(logits, batch["labels"], self.weights.to(logits.device))}


class RefineEvaluation:
    """Pooled mIoU of the first stage and of the second on held-out crops, at map resolution."""

    def __init__(self, examples: RefineExamples) -> None:
        self.examples = examples

    @torch.inference_mode()
    def __call__(self, model: nn.Module, batch: int = 16) -> dict[str, float]:
        confusions = np.zeros((2, NUM_PARTS, NUM_PARTS), np.int64)
        for i in range(0, len(self.examples), batch):
            parts = torch.from_numpy(self.examples.parts[i : i + batch].astype(np.float32))
            poses = torch.from_numpy(self.examples.poses[i : i + batch].astype(np.float32))
            labels = self.examples.labels[i : i + batch]
            for stage, scores in enumerate((parts, model(parts, poses))):
                for found, truth in zip(scores.numpy(), labels, strict=True):
                    confusions[stage] += confusion_matrix(truth, upsampled_argmax(found, truth.shape))
        first, second = (segmentation_scores(c).miou for c in confusions)
        return {"miou_first_stage": first, "miou_second_stage": second, "gain": second - first}


def labelled_share(labels: NDArray[np.uint8]) -> float:
    """Share of the cells that have a label: crops with hardly any teach nothing."""
    return float((labels != IGNORE).mean())
