"""The stages in order: Figure 2 of the paper. `load` gives a `Parser`; a `Parser` turns a photo into a `Scene`."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from posepart.calibration import Calibration, calibrate, load_calibration
from posepart.candidates import propose
from posepart.config import PipelineConfig
from posepart.crf import build_problem, grouping, minimise, pose_of_box
from posepart.crops import crop_boxes
from posepart.detection import PersonDetector, build_detector
from posepart.features import PartGeometry, part_geometry
from posepart.ilp import Problem, Solution
from posepart.inference import part_maps, pose_maps, refined_part_maps, to_batch
from posepart.merge import assign_people, merge_parts, pose_nms
from posepart.models.weights import ModelSet, find_model, load_network, read_tensors
from posepart.pairwise import PairwiseModel
from posepart.skeleton_maps import draw_skeleton
from posepart.structures import (
    Candidates,
    Certificate,
    Crop,
    PartMaps,
    Person,
    PersonBoxes,
    Pose,
    PoseMaps,
    Scene,
)

STAGES = ("detection", "crops", "networks", "candidates", "crf", "ilp", "refinement", "merge")


@dataclass(frozen=True)
class Networks:
    """The trained parts of the pipeline but the detector."""

    pose: nn.Module
    part: nn.Module
    refine: nn.Module
    pairwise: PairwiseModel


@dataclass(frozen=True)
class CropCrf:
    """The CRF of one crop: what it was built from, Eq. (1) as arrays, and the minimiser.

    geometry: None without the segment term.
    """

    candidates: Candidates
    geometry: PartGeometry | None
    problem: Problem
    solution: Solution


@dataclass(frozen=True)
class ParsedCrop:
    """What the CRF and the second stage made of one crop; `pose` in the crop frame, None when there is none."""

    crop: Crop
    parts: PartMaps
    pose: Pose | None
    certificate: Certificate
    crf: CropCrf


@dataclass(frozen=True)
class ParsedPhoto:
    """A result and how it came about.

    crops: one per person box, best box first. owners: `crops[owners[k]]` holds the pose of `scene.people[k]`.
    """

    scene: Scene
    crops: tuple[ParsedCrop, ...]
    owners: tuple[int, ...]


class Parser:
    """Photo -> Scene. `model_name` goes into every result, `calibration` only into its scores."""

    def __init__(
        self,
        detector: PersonDetector,
        networks: Networks,
        config: PipelineConfig,
        model_name: str,
        device: str = "cpu",
        calibration: Calibration | None = None,
    ) -> None:
        self.detector = detector
        self.networks = networks
        self.config = config
        self.model_name = model_name
        self.device = device
        self.calibration = calibration

    def __call__(self, image: NDArray[np.uint8], dump_crf: Path | None = None) -> Scene:
        """Parse one photo.

        Parameters
        ----------
        image: (H, W, 3) uint8 RGB.
        dump_crf: write every crop's CRF as `{dump_crf}_{number}.npz`, numbered as the boxes, best first (see
            `ilp.Problem.save`).

        Raises
        ------
        ValueError: when the image has another shape or type.
        """
        return self.parse(image, dump_crf).scene

    def parse(self, image: NDArray[np.uint8], dump_crf: Path | None = None) -> ParsedPhoto:
        """As `__call__`, together with every crop's CRF, which explains its pose (see `posepart.explain`)."""
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise ValueError(f"expected an (H, W, 3) uint8 RGB image, got {image.dtype} {image.shape}")
        clock = Stopwatch()
        with clock.stage("detection"):
            boxes = self.detector(image)
        parsed = self._parse_boxes(image, boxes, clock, dump_crf)
        with clock.stage("merge"):
            scene, owners = self._merge(image.shape[:2], boxes, parsed, clock.seconds)
        return ParsedPhoto(calibrate(scene, self.calibration), tuple(parsed), owners)

    def _parse_boxes(
        self, image: NDArray[np.uint8], boxes: PersonBoxes, clock: "Stopwatch", dump_crf: Path | None
    ) -> list[ParsedCrop]:
        """Crop, networks, candidates, CRF and second stage, a batch of boxes at a time."""
        size = self.config.batch_size
        parsed: list[ParsedCrop] = []
        for start in range(0, len(boxes), size):
            chosen = PersonBoxes(boxes.xyxy[start : start + size], boxes.scores[start : start + size])
            with clock.stage("crops"):
                crops = crop_boxes(image, chosen, self.config.crop)
            parsed += self._parse_crops(crops, clock, dump_crf, start)
        return parsed

    def _parse_crops(
        self, crops: Sequence[Crop], clock: "Stopwatch", dump_crf: Path | None, first_number: int
    ) -> list[ParsedCrop]:
        config, networks = self.config, self.networks
        with clock.stage("networks"):
            batch = to_batch(crops, self.device)
            joints = pose_maps(networks.pose, batch, config.mirror_pose)
            parts = part_maps(networks.part, batch, config.mirror_part)
        crfs: list[CropCrf] = []
        poses: list[Pose | None] = []
        certificates: list[Certificate] = []
        for crop, joint_maps, first in zip(crops, joints, parts, strict=True):
            number = first_number + len(crfs)
            crf = self._solve_crf(joint_maps, first, clock, _numbered(dump_crf, number))
            with clock.stage("crf"):
                found = grouping(crf.candidates, crf.solution, config.crf)
                box = crop.affine.forward(crop.box.reshape(2, 2)).ravel()
                poses.append(pose_of_box(found, box, config.crop.size, config.crf))
                certificates.append(found.certificate)
            crfs.append(crf)
        if config.refine:
            with clock.stage("refinement"):
                parts = self._refine(parts, poses)
        return [ParsedCrop(*row) for row in zip(crops, parts, poses, certificates, crfs, strict=True)]

    def _solve_crf(
        self, joint_maps: PoseMaps, parts: PartMaps, clock: "Stopwatch", dump_to: Path | None
    ) -> CropCrf:
        config = self.config
        with clock.stage("candidates"):
            candidates = propose(joint_maps, config.candidates)
            geometry = part_geometry(parts, config.features) if config.features.segment_term else None
        with clock.stage("crf"):
            problem = build_problem(candidates, geometry, self.networks.pairwise, config.features, config.crf)
            if dump_to is not None:
                problem.save(dump_to)
        with clock.stage("ilp"):
            solution = minimise(problem, config.crf)
        return CropCrf(candidates, geometry, problem, solution)

    def _refine(self, parts: Sequence[PartMaps], poses: Sequence[Pose | None]) -> list[PartMaps]:
        config = self.config
        skeletons = [
            draw_skeleton(pose, maps.stride, maps.scores.shape[1:], config.skeleton, config.crop.size)
            for pose, maps in zip(poses, parts, strict=True)
        ]
        return refined_part_maps(self.networks.refine, parts, skeletons, self.device)

    def _merge(
        self,
        shape: tuple[int, int],
        boxes: PersonBoxes,
        parsed: Sequence[ParsedCrop],
        seconds: dict[str, float],
    ) -> tuple[Scene, tuple[int, ...]]:
        """The result, and the row of `parsed` that each of its people comes from."""
        config = self.config
        rows = [i for i, item in enumerate(parsed) if item.pose is not None]
        people = [_person(parsed[i], boxes, i) for i in rows]
        kept = pose_nms(people, config.merge)
        people, owners = [people[k] for k in kept], tuple(rows[k] for k in kept)
        # a box in which the CRF found no pose is no person: its part scores do not vote
        voting = [parsed[i] for i in rows]
        part_map = merge_parts(
            [item.parts for item in voting], [item.crop.affine for item in voting], config.crop.size, shape
        )
        affines = [parsed[i].crop.affine for i in owners]
        person_map = assign_people(part_map, people, affines, config.crop.size, config.merge)
        return Scene(tuple(people), part_map, person_map, self.model_name, seconds), owners


def _numbered(base: Path | None, number: int) -> Path | None:
    """The file of CRF `number`, or None where none is wanted."""
    return None if base is None else base.with_name(f"{base.name}_{number}.npz")


def _person(item: ParsedCrop, boxes: PersonBoxes, index: int) -> Person:
    """The pose of a crop in the photo frame."""
    assert item.pose is not None
    xy = np.where(item.pose.present[:, None], item.crop.affine.inverse(item.pose.xy), 0).astype(np.float32)
    pose = replace(item.pose, xy=xy)
    return Person(pose, item.crop.box, float(boxes.scores[index]), item.certificate)


class Stopwatch:
    """Wall seconds by stage, added up."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STAGES, 0.0)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - start


def load(
    name_or_folder: str | Path = "posepart-s",
    *,
    detector: str = "default",
    config: PipelineConfig | None = None,
    device: str = "cpu",
) -> Parser:
    """A parser with trained weights.

    Parameters
    ----------
    name_or_folder: an installed model (`posepart models` lists them) or a folder of weights with cards.
    detector: "default" is the model's own; see `detection.build_detector`.
    config: the paper's numbers by default.
    device: of the networks, as torch names it.

    Raises
    ------
    ValueError: when the model or device is unknown, or its weights are missing or damaged.
    """
    config = config or PipelineConfig()
    model = find_model(name_or_folder)
    _check_device(device)
    networks = load_networks(model, device)
    networks.pairwise.variant(config.features.segment_term)
    people = build_detector(detector, config.detection, device, default=model.path("detector"))
    return Parser(people, networks, config, model.name, device, load_calibration(model))


def load_networks(model: ModelSet, device: str = "cpu") -> Networks:
    """The networks and the pairwise model of a model set."""
    pose, part, refine = (
        load_network(model.path(stage)).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        for stage in ("pose", "part", "refine")
    )
    arrays = {name: tensor.numpy() for name, tensor in read_tensors(model.path("crf")).items()}
    return Networks(pose, part, refine, PairwiseModel.from_arrays(arrays))


def _check_device(device: str) -> None:
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device {device!r} cannot be used here ({reason}); pass --device cpu") from error
