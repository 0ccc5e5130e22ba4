"""The networks as stages: crops in, score maps out (Sec. 3). No gradients, one batch for many crops."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from posepart.models.backbones import normalise
from posepart.schema import NUM_JOINTS
from posepart.structures import Crop, FloatArray, PartMaps, PoseMaps


def to_batch(crops: Sequence[Crop], device: str) -> Tensor:
    """(B, 3, S, S) float32 in [-1, 1]; the crops have one size."""
    images = np.stack([crop.image for crop in crops]).transpose(0, 3, 1, 2)
    return normalise(torch.from_numpy(np.ascontiguousarray(images)).to(device))


@torch.inference_mode()
def pose_maps(network: nn.Module, batch: Tensor) -> list[PoseMaps]:
    """Joint score maps Pj and neighbour offset maps Pn of every crop of the batch."""
    logits, offsets = network(batch)
    height, width = logits.shape[-2:]
    joints = logits.sigmoid().cpu().numpy()
    shaped = offsets.cpu().numpy().reshape(len(joints), NUM_JOINTS, NUM_JOINTS - 1, 2, height, width)
    stride = batch.shape[-1] / width
    return [PoseMaps(j, o, stride) for j, o in zip(joints, shaped, strict=True)]


@torch.inference_mode()
def part_maps(network: nn.Module, batch: Tensor) -> list[PartMaps]:
    """First-stage part score maps Ps of every crop of the batch."""
    scores = network(batch).softmax(1).cpu().numpy()
    stride = batch.shape[-1] / scores.shape[-1]
    return [PartMaps(s, stride) for s in scores]


@torch.inference_mode()
def refined_part_maps(
    network: nn.Module, first: Sequence[PartMaps], skeletons: Sequence[FloatArray], device: str
) -> list[PartMaps]:
    """Second-stage part score maps; skeletons: (2, h, w) joint and skeleton label maps of each crop."""
    parts = torch.from_numpy(np.stack([maps.scores for maps in first])).to(device)
    poses = torch.from_numpy(np.stack(skeletons)).to(device)
    scores = network(parts.clamp_min(1e-6).log(), poses).softmax(1).cpu().numpy()
    return [PartMaps(s, maps.stride) for s, maps in zip(scores, first, strict=True)]
