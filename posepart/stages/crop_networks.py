"""From crops to poses and parts (Figure 2 between the boxes and the merge): the paper's networks with their CRF.

`CropNetworks` is what `pipeline.Pipeline` asks for; `joint_networks` has another one, without CRF.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from torch import nn

from posepart.config import PipelineConfig
from posepart.ilp import Problem, Solution
from posepart.models.refine import RefineFCN
from posepart.models.weights import load_network
from posepart.stages.candidates import propose
from posepart.stages.crf import build_problem, further_poses, grouping, minimise, pose_of_box
from posepart.stages.features import PartGeometry, part_geometry
from posepart.stages.networks import part_maps, pose_maps, refined_part_maps, to_batch
from posepart.stages.pairwise import PairwiseModel
from posepart.stages.skeleton_maps import skeleton_maps
from posepart.stopwatch import Stopwatch
from posepart.structures import Candidates, Certificate, Crop, PartMaps, Pose, PoseMaps


@dataclass(frozen=True)
class SolvedCrf:
    """The CRF of one crop: what it was built from, Eq. (1) as arrays, and the minimiser.

    geometry: None without the segment term.
    """

    candidates: Candidates
    geometry: PartGeometry | None
    problem: Problem
    solution: Solution


@dataclass(frozen=True)
class ParsedCrop:
    """What the networks made of one crop.

    pose: in the crop frame, None when there is none. crf: None of networks without one. further: other people of
    the box, in the crop frame (see `crf.further_poses`).
    """

    crop: Crop
    parts: PartMaps
    pose: Pose | None
    certificate: Certificate
    crf: SolvedCrf | None
    further: tuple[Pose, ...] = ()


def load_second_stage(path: Path) -> RefineFCN:
    """The network of a weight file.

    Raises
    ------
    ValueError: when the file is missing, damaged, or holds another kind of network.
    """
    network = load_network(path)
    if not isinstance(network, RefineFCN):
        raise ValueError(
            f"{path}: holds a {type(network).__name__}, no second stage; train_refine.py makes one"
        )
    return network


class CropNetworks(Protocol):
    """What turns the crops of a batch of boxes into poses and parts."""

    def parse_crops(
        self,
        crops: Sequence[Crop],
        config: PipelineConfig,
        device: str,
        clock: Stopwatch,
        dumps: Sequence[Path | None],
    ) -> list[ParsedCrop]:
        """One result per crop, in order; dumps: where the CRF of each is written, None: nowhere."""
        ...


@dataclass(frozen=True)
class FcnNetworks:
    """Pose FCN, Part FCN, second stage and the CRF's pairwise model: the paper's way."""

    pose: nn.Module
    part: nn.Module
    refine: RefineFCN
    pairwise: PairwiseModel

    def parse_crops(
        self,
        crops: Sequence[Crop],
        config: PipelineConfig,
        device: str,
        clock: Stopwatch,
        dumps: Sequence[Path | None],
    ) -> list[ParsedCrop]:
        """FcnNetworks, candidates, CRF and second stage; see `CropNetworks`."""
        with clock.stage("networks"):
            batch = to_batch(crops, device)
            joints = pose_maps(self.pose, batch, config.mirror_pose, config.upright_pose)
            parts = part_maps(self.part, batch, config.part_scales)
        crfs: list[SolvedCrf] = []
        poses: list[Pose | None] = []
        further: list[tuple[Pose, ...]] = []
        certificates: list[Certificate] = []
        for crop, joint_maps, first, dump in zip(crops, joints, parts, dumps, strict=True):
            crf = self._solve_crf(joint_maps, first, config, clock, dump)
            with clock.stage("crf"):
                found = grouping(crf.candidates, crf.solution, config.crf)
                box = crop.affine.forward(crop.box.reshape(2, 2)).ravel()
                poses.append(pose_of_box(found, box, config.crop.size, config.crf))
                further.append(further_poses(found, poses[-1], config.crf))
                certificates.append(found.certificate)
            crfs.append(crf)
        if config.refine:
            with clock.stage("refinement"):
                parts = self._refine(parts, poses, config, device)
        return [
            ParsedCrop(*row) for row in zip(crops, parts, poses, certificates, crfs, further, strict=True)
        ]

    def _solve_crf(
        self,
        joint_maps: PoseMaps,
        parts: PartMaps,
        config: PipelineConfig,
        clock: Stopwatch,
        dump: Path | None,
    ) -> SolvedCrf:
        with clock.stage("candidates"):
            candidates = propose(joint_maps, config.candidates)
            geometry = part_geometry(parts, config.features) if config.features.segment_term else None
        with clock.stage("crf"):
            problem = build_problem(candidates, geometry, self.pairwise, config.features, config.crf)
            if dump is not None:
                problem.save(dump)
        with clock.stage("ilp"):
            solution = minimise(problem, config.crf)
        return SolvedCrf(candidates, geometry, problem, solution)

    def _refine(
        self, parts: Sequence[PartMaps], poses: Sequence[Pose | None], config: PipelineConfig, device: str
    ) -> list[PartMaps]:
        skeletons = [
            skeleton_maps(
                pose,
                maps.stride,
                maps.scores.shape[1:],
                config.skeleton,
                config.crop.size,
                self.refine.encoding,
            )
            for pose, maps in zip(poses, parts, strict=True)
        ]
        return refined_part_maps(self.refine, parts, skeletons, device)
