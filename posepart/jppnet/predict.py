"""The output of a JPPNet or parsing network for crops, without CRF.

It is averaged over scales and mirror images (Liang et al., Sec. 6.1).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from posepart.arrays import Float32
from posepart.config import JPPNetInferenceConfig
from posepart.geometry.frames import map_to_crop
from posepart.models.jppnet.network import JPPNet, StageMaps
from posepart.models.scales import resized, to_size


@dataclass(frozen=True)
class JointPrediction:
    """Parts and joints of B crops."""

    parsing: Tensor  # (B, labels, h, w), probabilities
    pose: Tensor  # (B, joints, h, w), heat maps
    stride: float  # crop pixels per cell


@torch.inference_mode()
def predict_jppnet(
    network: JPPNet,
    images: Tensor,
    flip_labels: Sequence[int],
    flip_joints: Sequence[int],
    config: JPPNetInferenceConfig | None = None,
) -> JointPrediction:
    """The output of a JPPNet, averaged over scales and the mirrored input (Liang et al., Sec. 6.1).

    Parsing is the mean of the predictions of all stages; pose is that of the last stage alone.

    Parameters
    ----------
    network : JPPNet
    images : (B, 3, H, W) float32
        In [-1, 1].
    flip_labels, flip_joints : sequence of int
        The label and joint that each becomes in a mirrored picture (the schema's tables).
    config : JPPNetInferenceConfig, optional
        By default the numbers of the paper.

    Returns
    -------
    JointPrediction
    """
    config = config or JPPNetInferenceConfig()
    size = [side // network.stride for side in images.shape[-2:]]
    parsing, pose = [], []
    for mirrored in (False, True) if config.mirror else (False,):
        for maps in _seen(network, images.flip(-1) if mirrored else images, config):
            labels, joints = _average_stages(maps, size, config.average)
            parsing.append(labels.flip(-1)[:, list(flip_labels)] if mirrored else labels)
            pose.append(joints.flip(-1)[:, list(flip_joints)] if mirrored else joints)
    mean_parsing = torch.stack(parsing).mean(0)
    if config.average == "scores":
        mean_parsing = mean_parsing.softmax(1)
    return JointPrediction(mean_parsing, torch.stack(pose).mean(0), images.shape[-1] / size[1])


@torch.inference_mode()
def predict_parsing(
    network: nn.Module,
    images: Tensor,
    flip_labels: Sequence[int],
    config: JPPNetInferenceConfig | None = None,
) -> Tensor:
    """The label probabilities of a parsing network alone, such as SS-JPPNet, in the same views as a JPPNet's.

    Parameters
    ----------
    network : nn.Module
        Images -> label logits (B, C, h, w), of any stride.
    images : (B, 3, H, W) float32
        In [-1, 1].
    flip_labels, config
        As in `predict_jppnet`; `merged` means one view at scale 1.

    Returns
    -------
    (B, C, H, W) float32
        Of every view at the size of the images, then averaged.
    """
    config = config or JPPNetInferenceConfig()
    size, views = images.shape[-2:], []
    for mirrored in (False, True) if config.mirror else (False,):
        for scale in (1.0,) if config.merged else config.scales:
            logits = network(resized(images.flip(-1) if mirrored else images, scale)).float()
            maps = to_size(logits.softmax(1) if config.average == "probabilities" else logits, size)
            views.append(maps.flip(-1)[:, list(flip_labels)] if mirrored else maps)
    mean = torch.stack(views).mean(0)
    return mean.softmax(1) if config.average == "scores" else mean


def _seen(network: JPPNet, images: Tensor, config: JPPNetInferenceConfig) -> Iterator[StageMaps]:
    """The maps of every scale of `config`, or, with `merged`, those the network itself merges from its scales."""
    if config.merged:
        yield network(images).merged
    else:
        yield from (network.stages(resized(images, scale)) for scale in config.scales)


def _average_stages(maps: StageMaps, size: Sequence[int], average: str) -> tuple[Tensor, Tensor]:
    stages = torch.stack([to_size(logits.float(), size) for logits in maps.parsing])
    parsing = (stages.softmax(2) if average == "probabilities" else stages).mean(0)
    return parsing, to_size(maps.pose[-1].float(), size)


def peaks(heatmaps: NDArray, stride: float) -> tuple[Float32, Float32]:
    """The highest cell of every heat map.

    Parameters
    ----------
    heatmaps : (J, h, w)
    stride : float
        Crop pixels per cell.

    Returns
    -------
    xy : (J, 2) float32
        Crop frame.
    scores : (J,) float32
        The height of the peak, clipped to [0, 1].
    """
    joints, height, width = heatmaps.shape
    flat = heatmaps.reshape(joints, height * width)
    rows, columns = np.divmod(flat.argmax(1), width)
    xy = map_to_crop(np.stack([columns, rows], axis=1), stride)
    return xy.astype(np.float32), np.clip(flat.max(1), 0, 1).astype(np.float32)
