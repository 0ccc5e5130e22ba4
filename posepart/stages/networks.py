"""Crops -> evidence: Pose FCN and Part FCN, a batch of crops at a time (Sec. 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from posepart.arrays import Float32, in_batches
from posepart.config import PipelineConfig
from posepart.models.backbones import normalise
from posepart.schema import NUM_JOINTS
from posepart.stages.candidates import local_maxima, propose
from posepart.stages.views import part_view, pose_view, upright_view
from posepart.structures import Crop, Evidence, PartMaps, PoseMaps


class CropNetworks(Protocol):
    """Whatever turns crops into evidence."""

    def __call__(self, crops: Sequence[Crop]) -> list[Evidence]:
        """The evidence of every crop, in order."""
        ...


@dataclass(frozen=True)
class FcnNetworks:
    """Pose FCN and Part FCN, the networks of Xia et al. (Sec. 3).

    Candidates are proposed batch by batch, so that the offset maps, 6 MB per crop, are not kept.
    """

    pose: nn.Module  # (B, 3, S, S) -> joint logits (B, 14, h, w), offsets (B, 364, h, w)
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
        peaks = None if batch.device.type == "cpu" else config.candidates.score_threshold
        joints = pose_maps(self.pose, batch, config.mirror_pose, config.upright_pose, peaks)
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
    network: nn.Module,
    batch: Tensor,
    mirror: bool = False,
    upright: bool = False,
    peaks: float | None = None,
) -> list[PoseMaps]:
    """Joint score maps Pj and neighbour offset maps Pn of every crop of a batch.

    Parameters
    ----------
    network : nn.Module
        A Pose FCN.
    batch : (B, 3, S, S) float32
    mirror : bool
        Average with the maps of the mirrored crops, in twice the time.
    upright : bool
        Average with the maps of leaning people on upright crops, where these are as confident
        (`views.upright_view`).
    peaks : float, optional
        Read the offsets only at peaks of at least this score and the cells around them, as `propose` does, and leave
        the others 0: all offsets of a crop are 6 MB, which a GPU would have to copy to the CPU.

    Returns
    -------
    list of PoseMaps
        One per crop, in order.
    """
    logits, offsets = pose_view(network, batch, mirror)
    if upright:
        upright_view(network, batch, mirror, logits, offsets)
    height, width = logits.shape[-2:]
    joints = logits.sigmoid().cpu().numpy()
    read = offsets.cpu().numpy() if peaks is None else near_peaks(offsets, joints, peaks)
    shaped = read.reshape(len(joints), NUM_JOINTS, NUM_JOINTS - 1, 2, height, width)
    stride = batch.shape[-1] / width
    return [PoseMaps(j, o, stride) for j, o in zip(joints, shaped, strict=True)]


def near_peaks(maps: Tensor, joints: Float32, threshold: float) -> Float32:
    """Copy maps to the CPU where a joint map has a peak of at least `threshold`, and at the 8 cells around it.

    Parameters
    ----------
    maps : (B, K, h, w) float32
        On any device.
    joints : (B, 14, h, w) float32
    threshold : float

    Returns
    -------
    (B, K, h, w) float32
        0 elsewhere.
    """
    wanted = np.zeros((len(joints), *joints.shape[2:]), np.uint8)
    for row, scores in zip(wanted, joints, strict=True):
        row[local_maxima(scores, threshold)[1:]] = 1
    around = np.ones((3, 3), np.uint8)
    crop, y, x = np.nonzero([cv2.dilate(row, around) for row in wanted])
    there = (torch.from_numpy(index).to(maps.device) for index in (crop, y, x))
    found = np.zeros(maps.shape, np.float32)
    found[crop, :, y, x] = maps.permute(0, 2, 3, 1)[tuple(there)].cpu().numpy()
    return found


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
