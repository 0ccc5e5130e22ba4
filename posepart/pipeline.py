"""Figure 2 of Xia et al.: the stages from a photo to its people, joints and parts, in order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from posepart.config import PipelineConfig
from posepart.jppnet.networks import JppnetNetworks, JppnetParts, check_schema
from posepart.models.openvino import OpenVinoNetwork
from posepart.models.weights import ModelSet, find_model, load_network, read_tensors
from posepart.stages.calibration import Calibration, calibrate, load_calibration
from posepart.stages.crop_networks import CropNetworks, FcnNetworks, ParsedCrop, SolvedCrf, load_second_stage
from posepart.stages.crops import crop_boxes
from posepart.stages.detection import PersonDetector, build_detector
from posepart.stages.merge import merge_crops
from posepart.stages.pairwise import PairwiseModel
from posepart.stages.people import boxed_person, further_person
from posepart.stages.pose_nms import keep_order
from posepart.stopwatch import STAGES, Stopwatch
from posepart.structures import Person, PersonBoxes, Pose, Scene

__all__ = [
    "STAGES",
    "FcnNetworks",
    "JppnetNetworks",
    "ParsedCrop",
    "Pipeline",
    "SolvedCrf",
    "Trace",
    "load",
    "load_networks",
]

OPENVINO = "openvino"  # a device of `load`


@dataclass(frozen=True)
class Trace:
    """A result and how it came about.

    crops: one per person box, best box first. owners, poses: `scene.people[k]` comes from `crops[owners[k]]`, in
    whose frame the pose is `poses[k]`.
    """

    scene: Scene
    crops: tuple[ParsedCrop, ...]
    owners: tuple[int, ...]
    poses: tuple[Pose, ...]


class Pipeline:
    """Photo -> Scene. `model_name` goes into every result, `calibration` only into its scores."""

    def __init__(
        self,
        detector: PersonDetector,
        networks: CropNetworks,
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

    def parse(self, image: NDArray[np.uint8], dump_crf: Path | None = None) -> Trace:
        """As `__call__`, together with every crop's CRF, which explains its pose (see `posepart.explain`)."""
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise ValueError(f"expected an (H, W, 3) uint8 RGB image, got {image.dtype} {image.shape}")
        clock = Stopwatch()
        with clock.stage("detection"):
            boxes = self.detector(image)
        parsed = self._parse_boxes(image, boxes, clock, dump_crf)
        with clock.stage("merge"):
            scene, owners, poses = self._merge(image.shape[:2], boxes, parsed, clock.seconds)
        return Trace(calibrate(scene, self.calibration), tuple(parsed), owners, poses)

    def _parse_boxes(
        self, image: NDArray[np.uint8], boxes: PersonBoxes, clock: Stopwatch, dump_crf: Path | None
    ) -> list[ParsedCrop]:
        """Crops and what the networks make of them, a batch of boxes at a time."""
        size = self.config.batch_size
        parsed: list[ParsedCrop] = []
        for start in range(0, len(boxes), size):
            chosen = PersonBoxes(boxes.xyxy[start : start + size], boxes.scores[start : start + size])
            with clock.stage("crops"):
                crops = crop_boxes(image, chosen, self.config.crop)
            dumps = [_numbered(dump_crf, start + i) for i in range(len(crops))]
            parsed += self.networks.parse_crops(crops, self.config, self.device, clock, dumps)
        return parsed

    def _merge(
        self,
        shape: tuple[int, int],
        boxes: PersonBoxes,
        parsed: Sequence[ParsedCrop],
        seconds: dict[str, float],
    ) -> tuple[Scene, tuple[int, ...], tuple[Pose, ...]]:
        """The result, and of each of its people the row of `parsed` and the pose in that crop."""
        config = self.config
        found = [(i, item.pose) for i, item in enumerate(parsed) if item.pose is not None]
        rows = [i for i, _ in found]
        further = [(i, pose) for i in rows for pose in parsed[i].further]
        people = [_boxed(parsed[i], pose, float(boxes.scores[i])) for i, pose in found]
        people += [_further(parsed[i], pose, float(boxes.scores[i]), shape, config) for i, pose in further]
        found += further
        merged = merge_crops(
            people,
            keep_order(people, len(further), config.crf.pose_margin, config.merge),
            [rows.index(i) for i, _ in found],
            [parsed[i].parts for i in rows],
            [parsed[i].crop.affine for i in rows],
            config.crop.size,
            shape,
            config.merge,
        )
        kept = tuple(people[k] for k in merged.kept)
        scene = Scene(kept, merged.part_map, merged.person_map, self.model_name, seconds)
        return scene, tuple(found[k][0] for k in merged.kept), tuple(found[k][1] for k in merged.kept)


def _numbered(base: Path | None, number: int) -> Path | None:
    """The file of CRF `number`, or None where none is wanted."""
    return None if base is None else base.with_name(f"{base.name}_{number}.npz")


def _boxed(item: ParsedCrop, pose: Pose, score: float) -> Person:
    return boxed_person(pose, item.crop.affine, item.crop.box, score, item.certificate)


def _further(
    item: ParsedCrop, pose: Pose, score: float, shape: tuple[int, int], config: PipelineConfig
) -> Person:
    margin = config.crf.pose_margin
    return further_person(pose, item.crop.affine, score, item.certificate, shape, margin)


def load(
    name_or_folder: str | Path = "posepart-s",
    *,
    detector: str = "default",
    config: PipelineConfig | None = None,
    device: str = "cpu",
) -> Pipeline:
    """A parser with trained weights.

    Parameters
    ----------
    name_or_folder: an installed model (`posepart models` lists them) or a folder of weights with cards.
    detector: "default" is the model's own; see `detection.build_detector`.
    config: the paper's numbers by default.
    device: of the networks, as torch names it, or "openvino" (a CPU, faster than torch's own; an optional extra).

    Raises
    ------
    ValueError: when the model or device is unknown, or its weights are missing or damaged.
    """
    config = config or PipelineConfig()
    model = find_model(name_or_folder)
    compiled, device = device == OPENVINO, "cpu" if device == OPENVINO else device
    _check_device(device)
    networks = load_networks(model, config, device)
    if compiled:
        networks = _compile(networks)
    people = build_detector(detector, config.detection, device, default=model.path("detector"))
    return Pipeline(people, networks, config, model.name, device, load_calibration(model))


def load_networks(model: ModelSet, config: PipelineConfig, device: str = "cpu") -> CropNetworks:
    """What a model set parses crops with: a JPPNet alone, or everything from the Pose FCN to the second stage.

    In a set with both, the JPPNet is the first-stage Part FCN.

    Raises
    ------
    ValueError: when weights are damaged, or made for other joints, parts or another setting of the segment term.
    """
    networks = {
        stage: load_network(model.path(stage)).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        for stage in ("pose", "part", "jppnet")
        if stage in model.cards
    }
    if "jppnet" in networks:
        check_schema(networks["jppnet"], model.path("jppnet"))
    if "pose" not in networks:
        return JppnetNetworks(networks["jppnet"])
    part = networks.get("part") or JppnetParts(networks["jppnet"], config.jppnet)
    arrays = {name: tensor.numpy() for name, tensor in read_tensors(model.path("crf")).items()}
    pairwise = PairwiseModel.from_arrays(arrays)
    pairwise.variant(config.features.segment_term)
    refine = load_second_stage(model.path("refine")).to(device)
    return FcnNetworks(networks["pose"], part, refine, pairwise)


def _compile(networks: CropNetworks) -> FcnNetworks:
    if not isinstance(networks, FcnNetworks) or not isinstance(networks.part, nn.Module):
        raise ValueError(
            "device openvino runs a Pose FCN and a Part FCN, which this model lacks; pass --device cpu"
        )
    pose, part = OpenVinoNetwork(networks.pose), OpenVinoNetwork(networks.part)
    return replace(networks, pose=pose, part=part)


def _check_device(device: str) -> None:
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device {device!r} cannot be used here ({reason}); pass --device cpu") from error
