"""A JPPNet (Liang et al.) in the pipeline: joint reasoning learned in one network, with or without our CRF."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from posepart.config import JPPNetInferenceConfig, PipelineConfig
from posepart.jppnet.predict import JointPrediction, peaks, predict_jppnet
from posepart.models.jppnet.network import JPPNet
from posepart.schema import FLIP_JOINTS, NUM_JOINTS, NUM_PARTS, Part
from posepart.stages.crop_networks import ParsedCrop
from posepart.stages.networks import to_batch
from posepart.stopwatch import Stopwatch
from posepart.structures import Certificate, Crop, PartMaps, Pose

NO_CRF = Certificate(status="no CRF")


@dataclass(frozen=True)
class JppnetNetworks:
    """A JPPNet in place of Pose FCN, Part FCN, CRF and second stage: a joint is the peak of its heat map."""

    jppnet: nn.Module

    def parse_crops(
        self,
        crops: Sequence[Crop],
        config: PipelineConfig,
        device: str,
        clock: Stopwatch,
        dumps: Sequence[Path | None],
    ) -> list[ParsedCrop]:
        """See `crop_networks.CropNetworks`.

        Raises
        ------
        ValueError: when a CRF is to be written.
        """
        if any(dump is not None for dump in dumps):
            raise ValueError("a JPPNet has no CRF to write: leave out --dump-crf, or choose another --model")
        with clock.stage("networks"):
            found = _predict(self.jppnet, to_batch(crops, device), config.jppnet)
            parsing, pose_maps = found.parsing.cpu().numpy(), found.pose.cpu().numpy()
        with clock.stage("candidates"):
            poses = [peak_pose(maps, found.stride, config) for maps in pose_maps]
        parts = [PartMaps(scores, found.stride) for scores in parsing]
        rows = zip(crops, parts, poses, strict=True)
        return [ParsedCrop(crop, maps, pose, NO_CRF, None) for crop, maps, pose in rows]


class JppnetParts(nn.Module):
    """A JPPNet as a first-stage Part FCN: its parsing maps for the segment term of our CRF and the second stage.

    forward: (B, 3, H, W) in [-1, 1] -> logits (B, 7, h, w), of the one scale: scales and mirror images are averaged
    by `inference.part_maps`, as for any Part FCN.
    """

    def __init__(self, jppnet: nn.Module, config: JPPNetInferenceConfig) -> None:
        super().__init__()
        self.jppnet, self.config = jppnet, replace(config, scales=(1.0,), mirror=False)

    def forward(self, images: Tensor) -> Tensor:
        return _predict(self.jppnet, images, self.config).parsing.clamp_min(1e-9).log()


def peak_pose(maps: NDArray, stride: float, config: PipelineConfig) -> Pose | None:
    """The pose of one crop: the peaks of at least the proposals' score threshold (Sec. 4.1 of Xia et al.).

    Its score is that of a pose of the CRF, the sum over the joints of log P, a missing joint counting
    `missing_joint_score`.

    Parameters
    ----------
    maps: (14, h, w) heat maps. stride: px of a cell.

    Returns
    -------
    Pose in the crop frame, or None with fewer than `crf.min_joints` joints.
    """
    xy, scores = peaks(maps, stride)
    present = scores >= config.candidates.score_threshold
    if np.count_nonzero(present) < config.crf.min_joints:
        return None
    counted = np.where(present, scores, config.crf.missing_joint_score).astype(np.float64)
    xy, scores = np.where(present[:, None], xy, 0), np.where(present, scores, 0)
    return Pose(xy.astype(np.float32), scores.astype(np.float32), float(np.log(counted).sum()))


def check_schema(network: nn.Module, path: Path) -> None:
    """Refuse weights whose network is no JPPNet of our 14 joints and 7 parts.

    Raises
    ------
    ValueError: naming the file.
    """
    if not isinstance(network, JPPNet):
        raise ValueError(f"{path}: holds a {type(network).__name__}, not a JPPNet; train_jppnet.py makes one")
    found = network.config.joints, network.config.labels
    if found != (NUM_JOINTS, NUM_PARTS):
        raise ValueError(
            f"{path}: was trained for {found[0]} joints and {found[1]} labels, posepart has {NUM_JOINTS} and "
            f"{NUM_PARTS}; train it on labels of this schema"
        )


def _predict(network: nn.Module, images: Tensor, config: JPPNetInferenceConfig) -> JointPrediction:
    assert isinstance(network, JPPNet)
    return predict_jppnet(network, images, tuple(Part), FLIP_JOINTS, config)
