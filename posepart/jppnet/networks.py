"""A JPPNet (Liang et al.) in the pipeline: alone, or as the first-stage Part FCN of Xia et al."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from posepart.arrays import Float32, in_batches
from posepart.config import ChoiceConfig, JPPNetInferenceConfig, PipelineConfig
from posepart.jppnet.predict import JointPrediction, peaks, predict_jppnet
from posepart.models.jppnet.network import JPPNet
from posepart.schema import FLIP_JOINTS, NUM_JOINTS, NUM_PARTS, Part
from posepart.stages.networks import to_batch
from posepart.stages.poses import make_pose
from posepart.structures import Candidates, Certificate, Crop, Evidence, Grouping, PartMaps


@dataclass(frozen=True)
class JppnetNetworks:
    """A JPPNet in place of Pose FCN, Part FCN, CRF and second stage.

    Each joint has at most one candidate, the peak of its heat map; `PeakAssembler` makes a pose of them.
    """

    jppnet: nn.Module  # images (B, 3, S, S) -> parsing and heat maps of its stages
    config: PipelineConfig
    device: str = "cpu"

    def __call__(self, crops: Sequence[Crop]) -> list[Evidence]:
        """The evidence of every crop, in order."""
        return [
            evidence for batch in in_batches(crops, self.config.batch_size) for evidence in self._see(batch)
        ]

    def _see(self, crops: Sequence[Crop]) -> list[Evidence]:
        found = _predict(self.jppnet, to_batch(crops, self.device), self.config.jppnet)
        parsing, heat_maps = found.parsing.cpu().numpy(), found.pose.cpu().numpy()
        threshold = self.config.candidates.score_threshold
        return [
            Evidence(crop, peak_candidates(maps, found.stride, threshold), PartMaps(scores, found.stride))
            for crop, scores, maps in zip(crops, parsing, heat_maps, strict=True)
        ]


@dataclass(frozen=True)
class PeakAssembler:
    """Without a CRF: all candidates of a crop are one person. For evidence with at most one candidate per joint."""

    config: ChoiceConfig  # its `min_joints` and `missing_joint_score`

    def __call__(self, evidence: Evidence) -> Grouping:
        """One pose, or none with fewer than `min_joints` joints."""
        candidates, none = evidence.candidates, Certificate.none("no CRF")
        if len(candidates) < self.config.min_joints:
            return Grouping((), none)
        everything = np.arange(len(candidates))
        return Grouping((make_pose(candidates, everything, candidates.joint, self.config),), none)


class JppnetParts(nn.Module):
    """A JPPNet as a first-stage Part FCN: its parsing maps, for the segment term of the CRF and the second stage.

    It is applied at one scale; scales and mirror images are averaged as for any Part FCN (`stages.views.part_view`).

    Parameters
    ----------
    jppnet : nn.Module
        A JPPNet of the 7 parts and 14 joints of the schema.
    config : JPPNetInferenceConfig
        Of which `average` and `merged` are used.
    """

    def __init__(self, jppnet: nn.Module, config: JPPNetInferenceConfig) -> None:
        super().__init__()
        self.jppnet, self.config = jppnet, replace(config, scales=(1.0,), mirror=False)

    def forward(self, images: Tensor) -> Tensor:
        """Part logits (B, 7, h, w) of images (B, 3, H, W) in [-1, 1]."""
        return _predict(self.jppnet, images, self.config).parsing.clamp_min(1e-9).log()


def peak_candidates(maps: Float32, stride: float, threshold: float) -> Candidates:
    """The peaks of heat maps as candidates without offsets, at most one per joint.

    Parameters
    ----------
    maps : (14, h, w) float32
        Heat maps.
    stride : float
        Crop pixels per cell.
    threshold : float
        Lower peaks are no candidates: the score threshold of proposals (Sec. 4.1 of Xia et al.).

    Returns
    -------
    Candidates
        In the crop frame; the score of every type but the candidate's own is 0.
    """
    xy, scores = peaks(maps, stride)
    joint = np.flatnonzero(scores >= threshold)
    of_type = np.zeros((len(joint), NUM_JOINTS), np.float32)
    of_type[np.arange(len(joint)), joint] = scores[joint]
    offsets = np.zeros((len(joint), NUM_JOINTS, NUM_JOINTS, 2), np.float32)
    return Candidates(xy[joint], joint.astype(np.int64), of_type, offsets)


def check_schema(network: nn.Module, path: Path) -> None:
    """Refuse a network that is not a JPPNet of our 14 joints and 7 parts.

    Parameters
    ----------
    network : nn.Module
    path : Path
        Its weight file, which the error names.

    Raises
    ------
    ValueError
        If it is another kind of network, or was trained for other joints or labels.
    """
    if not isinstance(network, JPPNet):
        raise ValueError(
            f"{path}: holds a {type(network).__name__}, not a JPPNet; `train.py jppnet` makes one"
        )
    found = network.config.joints, network.config.labels
    if found != (NUM_JOINTS, NUM_PARTS):
        raise ValueError(
            f"{path}: was trained for {found[0]} joints and {found[1]} labels, posepart has {NUM_JOINTS} and "
            f"{NUM_PARTS}; train it on labels of this schema"
        )


def _predict(network: nn.Module, images: Tensor, config: JPPNetInferenceConfig) -> JointPrediction:
    assert isinstance(network, JPPNet)
    return predict_jppnet(network, images, tuple(Part), FLIP_JOINTS, config)
