"""Crops -> evidence: Pose FCN and Part FCN, a batch of crops at a time (Sec. 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from posepart.arrays import in_batches
from posepart.config import PipelineConfig
from posepart.models.backbones import normalise
from posepart.stages.candidates import propose
from posepart.stages.neighbour_offsets import FeatureOffsets
from posepart.stages.views import JointNetwork, part_view, pose_view, upright_view
from posepart.structures import Crop, Evidence, PartMaps, PoseMaps


class CropNetworks(Protocol):
    """Whatever turns crops into evidence."""

    def __call__(self, crops: Sequence[Crop]) -> list[Evidence]:
        """The evidence of every crop, in order."""
        ...


@dataclass(frozen=True)
class FcnNetworks:
    """Pose FCN and Part FCN, the networks of Xia et al. (Sec. 3).

    Candidates are proposed batch by batch, so that features, several MB per crop, are not kept.
    """

    pose: JointNetwork
    part: nn.Module  # (B, 3, S, S) -> part logits (B, 7, h, w)
    config: PipelineConfig
    device: str = "cpu"

    def __call__(self, crops: Sequence[Crop]) -> list[Evidence]:
        """The evidence of every crop, in order; a batch of `batch_size` crops is one pass of the networks."""
        return [
            evidence for batch in in_batches(crops, self.config.batch_size) for evidence in self._see(batch)
        ]

    def _see(self, crops: Sequence[Crop]) -> list[Evidence]:
        config, batch = self.config, to_batch(crops, self.device)
        joints = pose_maps(self.pose, batch, config.mirror_pose, config.upright_pose)
        parts = part_maps(self.part, batch, config.part_scales)
        return [
            Evidence(crop, propose(maps, config.candidates), first)
            for crop, maps, first in zip(crops, joints, parts, strict=True)
        ]


def to_batch(crops: Sequence[Crop], device: str) -> Tensor:
    """Crops of one size as the networks read them: (B, 3, S, S) float32 in [-1, 1]."""
    images = np.stack([crop.image for crop in crops]).transpose(0, 3, 1, 2)
    return normalise(torch.from_numpy(np.ascontiguousarray(images)).to(device))


@torch.inference_mode()
def pose_maps(
    network: JointNetwork, batch: Tensor, mirror: bool = False, upright: bool = False
) -> list[PoseMaps]:
    """Joint score maps Pj and neighbour offsets Pn of every crop of a batch.

    Parameters
    ----------
    network : JointNetwork
        A Pose FCN.
    batch : (B, 3, S, S) float32
    mirror : bool
        Average with what it says about the mirrored crops, in twice the time.
    upright : bool
        Average with what it says about leaning people on upright crops, where this is as confident
        (`views.upright_view`).

    Returns
    -------
    list of PoseMaps
        One per crop, in order. The features from which offsets are made stay on the device.
    """
    logits, looks = pose_view(network, batch, mirror)
    again = upright_view(network, batch, mirror, logits) if upright else {}
    joints = logits.sigmoid().cpu().numpy()
    stride = batch.shape[-1] / joints.shape[-1]
    return [
        PoseMaps(scores, FeatureOffsets(seen, network.offsets_from, stride, again.get(i)), stride)
        for i, (scores, seen) in enumerate(zip(joints, looks, strict=True))
    ]


@torch.inference_mode()
def part_maps(network: nn.Module, batch: Tensor, scales: Sequence[float] = (1.0,)) -> list[PartMaps]:
    """First-stage part score maps Ps of every crop of a batch.

    Parameters
    ----------
    network : nn.Module
        A Part FCN.
    batch : (B, 3, S, S) float32
    scales : sequence of float
        Sides of the copies whose logits are averaged, relative to the crop; see `views.part_view`.

    Returns
    -------
    list of PartMaps
        One per crop, in order.
    """
    scores = part_view(network, batch, scales).cpu().numpy()
    stride = batch.shape[-1] / scores.shape[-1]
    return [PartMaps(s, stride) for s in scores]
