"""Training of the person detector: batches of composed pictures, losses, and measures on whole photos."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from posepart.config import DetectionConfig
from posepart.data.sample import Sample
from posepart.metrics.average_precision import Detections, merge_detections, operating_point
from posepart.metrics.coco_matching import coco_average_precision, match_boxes
from posepart.models.detector.network import IGNORE, PERSON
from posepart.stages.detection import TorchvisionDetector
from posepart.structures import PersonBoxes
from posepart.training.loop import device_of
from posepart.training.mosaics import Mosaic, MosaicComposer, MosaicConfig


@dataclass(frozen=True)
class MosaicBatchConfig:
    """How training batches are drawn."""

    batch_size: int = 16  # pictures
    seed: int = 0  # of the stream of batches
    mosaic: MosaicConfig = field(default_factory=MosaicConfig)  # how each picture is composed


class MosaicBatches(Dataset[dict[str, Any]]):
    """An endless, seeded stream of batches: `images` (B, 3, H, W) uint8, and B `targets` (`canvas_target`)."""

    def __init__(self, samples: Sequence[Sample], config: MosaicBatchConfig) -> None:
        self.config = config
        self.composer = MosaicComposer(list(samples), config.mosaic)

    def __len__(self) -> int:
        """The number of batches in an epoch: as many pictures are composed as there are photos."""
        return -(-len(self.composer.samples) // self.config.batch_size)

    def __getitem__(self, step: int) -> dict[str, Any]:
        self.composer.decoded.next_step()
        rng = np.random.default_rng([self.config.seed, step])
        shapes = self.config.mosaic.shapes
        size = shapes[int(rng.integers(len(shapes)))]
        canvases = [self.composer.compose(rng, size) for _ in range(self.config.batch_size)]
        images = np.stack([canvas.image.transpose(2, 0, 1) for canvas in canvases])
        return {"images": torch.from_numpy(images), "targets": [canvas_target(c) for c in canvases]}


def canvas_target(canvas: Mosaic) -> dict[str, Tensor]:
    """The target of a canvas in the form that the network takes.

    Returns
    -------
    dict of str to Tensor
        `boxes` (N, 4) float32 xyxy, people first and then ignore regions, and `labels` (N,) int64.
    """
    boxes = np.concatenate([canvas.people, canvas.ignored]).astype(np.float32)
    labels = [PERSON] * len(canvas.people) + [IGNORE] * len(canvas.ignored)
    return {"boxes": torch.from_numpy(boxes), "labels": torch.tensor(labels, dtype=torch.int64)}


def detector_losses(model: nn.Module, batch: Mapping[str, Any]) -> dict[str, Tensor]:
    """The four losses of Faster R-CNN and their sum."""
    images = list(batch["images"].float() / 255)
    losses: dict[str, Tensor] = model(images, batch["targets"])
    return {"loss": torch.stack(list(losses.values())).sum(), **losses}


class DetectorEvaluation:
    """Box measures on whole photos, made with the same `TorchvisionDetector` as in use.

    Photos with people that may lack a label count for `ap50`, `ap` and `recall_all` only. All other measures are
    those of the completely labelled photos, at the default score threshold.
    """

    def __init__(self, samples: Sequence[Sample], config: DetectionConfig | None = None) -> None:
        self.samples = samples
        self.config = config or DetectionConfig()

    def __call__(self, model: nn.Module) -> dict[str, float]:
        """The measures of a network by name."""
        loose = DetectionConfig(score_threshold=0.05, nms_iou=self.config.nms_iou, max_people=100)
        detector = TorchvisionDetector(model, loose, device_of(model))
        return self.measure([detector(sample.read_image()) for sample in self.samples])

    def measure(self, found: Sequence[PersonBoxes]) -> dict[str, float]:
        """The measures of boxes found with a low threshold, one `PersonBoxes` per photo.

        Without photos there are none, and without completely labelled ones only `ap50`, `ap` and `recall_all`.
        """
        if not found:
            return {}
        judged = [judge(boxes, sample) for boxes, sample in zip(found, self.samples, strict=True)]
        complete = [j for j, s in zip(judged, self.samples, strict=True) if s.boxes_complete]
        everything, threshold = merge_detections(judged), self.config.score_threshold
        scores = coco_average_precision(everything)
        measures = {"ap50": scores["ap50"], "ap": scores["ap"]}
        recall_all = {"recall_all": operating_point(everything, threshold).recall}
        if not complete:
            return measures | recall_all
        pooled = merge_detections(complete)
        at = operating_point(pooled, threshold)
        best = max((_f1(pooled, score), score) for score in np.linspace(0.1, 0.95, 18))
        measures |= {
            "ap50_complete": coco_average_precision(pooled)["ap50"],
            "recall": at.recall,
            "false_per_photo": at.false_per_photo,
            "clean_empty_photos": clean_empty_photos(complete, threshold),
        }
        return measures | recall_all | {"best_threshold": best[1], "best_f1": best[0]}


def judge(boxes: PersonBoxes, sample: Sample) -> Detections:
    """Match the boxes found in one photo to its labels."""
    truth = np.array([p.box for p in sample.people], np.float32).reshape(-1, 4)
    return match_boxes(boxes.xyxy, boxes.scores, truth, sample.ignore_boxes)


def clean_empty_photos(judged: Sequence[Detections], threshold: float) -> float:
    """Share of the photos without people in which nobody is found; nan if every photo has people."""
    empty = [d for d in judged if not d.positives.any()]
    clean = [not ((d.scores >= threshold) & ~d.ignored[0]).any() for d in empty]
    return float(np.mean(clean)) if clean else float("nan")


def _f1(judged: Detections, threshold: float) -> float:
    at = operating_point(judged, threshold)
    total = np.nan_to_num(at.recall + at.precision)
    return float(2 * at.recall * at.precision / total) if total > 0 else 0.0


def shift_scores(model: Any, source: float, target: float) -> None:
    """Shift the log-odds of a trained detector's scores so that `source` becomes `target`, in place.

    The bias of the person's logit takes up the shift; the order of the boxes stays. It puts the detector's best
    operating point at the paper's threshold of 0.6 (Sec. 4.1).
    """
    shift = np.log(target / (1 - target)) - np.log(source / (1 - source))
    with torch.no_grad():
        model.roi_heads.box_predictor.logits.bias[PERSON] += float(shift)
