"""Variants of the stages after the networks, on what was seen of a photo once: a variant is data, not a branch."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from posepart.ablation.assemblers import ASSEMBLERS
from posepart.ablation.evidence_cache import SeenCrop
from posepart.arrays import Float32
from posepart.config import PipelineConfig
from posepart.data.sample import Sample
from posepart.models.refine import RefineFCN
from posepart.stages.crf import further_poses, pose_of_box
from posepart.stages.features import part_geometry
from posepart.stages.merge import merge_crops
from posepart.stages.networks import refined_part_maps
from posepart.stages.pairwise import PairwiseModel
from posepart.stages.people import boxed_person, further_person
from posepart.stages.pose_nms import keep_order
from posepart.stages.skeleton_maps import skeleton_maps
from posepart.structures import Certificate, Grouping, PartMaps, Person, PersonBoxes, Pose, Scene

SHIPPED = "shipped"  # the second stage that comes with the model


@dataclass(frozen=True)
class Variant:
    """How the stages after the networks are run.

    pipeline: their numbers, with the segment term, variant A or B, and whether there is a second stage.
    assembler: one of `assemblers.ASSEMBLERS`. whole_photo: the photo is the only box, and every pose in it counts
    and is drawn for the second stage. second_stage: whose weights. joint_map, skeleton_map: which pose maps the
    second stage sees, the others are zero.
    """

    pipeline: PipelineConfig = field(default_factory=PipelineConfig)
    assembler: str = "exact"
    whole_photo: bool = False
    second_stage: str = SHIPPED
    joint_map: bool = True
    skeleton_map: bool = True

    def __post_init__(self) -> None:
        if self.assembler not in ASSEMBLERS:
            raise ValueError(f"assembler {self.assembler!r}: choose one of {', '.join(ASSEMBLERS)}")


@dataclass(frozen=True)
class Row:
    """A line of a table: a variant by the name that the table gives it."""

    name: str
    variant: Variant


@dataclass(frozen=True)
class Question:
    """One ablation: variants that differ in one thing; the others are compared with the first.

    key: short name for the command line. asks: the table's heading. note: what a reader has to know, or empty.
    """

    key: str
    asks: str
    rows: tuple[Row, ...]
    note: str = ""


class FixedBoxes:
    """A person detector that answers with boxes it was given."""

    def __init__(self, boxes: PersonBoxes) -> None:
        self.boxes = boxes

    def __call__(self, image: NDArray[np.uint8]) -> PersonBoxes:
        """The boxes, whatever the photo."""
        return self.boxes


def labelled_boxes(sample: Sample) -> PersonBoxes:
    """The boxes of a sample's people, with score 1: what a perfect detector would say."""
    boxes = np.array([person.box for person in sample.people], np.float32).reshape(-1, 4)
    return PersonBoxes(boxes, np.ones(len(boxes), np.float32))


def photo_box(sample: Sample) -> PersonBoxes:
    """The whole photo as one box, with score 1."""
    edges = np.array([[-0.5, -0.5, sample.width - 0.5, sample.height - 0.5]], np.float32)
    return PersonBoxes(edges, np.ones(1, np.float32))


@dataclass(frozen=True)
class _PosedCrop:
    """A crop with its people in its frame: the box's own pose (None where the box is the photo), and the others."""

    crop: SeenCrop
    own: Pose | None
    further: tuple[Pose, ...]
    certificate: Certificate

    @property
    def drawn(self) -> tuple[Pose, ...]:
        """The poses that the second stage sees."""
        return self.further if self.own is None else (self.own,)


class Assembled:
    """The poses of a photo's crops, assembled once for all variants that differ in later stages only."""

    def __init__(self, crops: Sequence[SeenCrop], pairwise: PairwiseModel) -> None:
        self.crops, self.pairwise = crops, pairwise
        self._known: dict[tuple[object, ...], tuple[Grouping, ...]] = {}

    def __call__(self, variant: Variant) -> tuple[Grouping, ...]:
        """What the variant's assembler makes of each crop."""
        config = variant.pipeline
        key = variant.assembler, config.features, replace(config.crf, further_joints=0)
        if key not in self._known:
            self._known[key] = tuple(self._assemble(crop, variant) for crop in self.crops)
        return self._known[key]

    def _assemble(self, crop: SeenCrop, variant: Variant) -> Grouping:
        features, crf = variant.pipeline.features, variant.pipeline.crf
        geometry = part_geometry(crop.parts, features) if features.segment_term else None
        return ASSEMBLERS[variant.assembler](crop.candidates, geometry, self.pairwise, features, crf)


def scene_of(
    shape: tuple[int, int],
    assembled: Assembled,
    variant: Variant,
    second_stage: RefineFCN,
    device: str = "cpu",
) -> Scene:
    """The result of one photo: CRF (or its stand-in), second stage and merge (Figure 2).

    Parameters
    ----------
    shape : (H, W) of the photo
    assembled : what the networks saw of it, with a pairwise model that has the weights the variant's segment
        term needs; as for the pipeline, a crop without a pose casts no vote for parts
    variant : Variant
    second_stage : the Part FCN that the variant names; not used without `pipeline.refine`
    device : of the second stage
    """
    config = variant.pipeline
    found = zip(assembled.crops, assembled(variant), strict=True)
    posed = [item for crop, grouping in found if (item := _choose(crop, grouping, variant)).drawn]
    parts = _second_stage(posed, variant, second_stage, device)
    own = [(row, _own(item, item.own)) for row, item in enumerate(posed) if item.own is not None]
    further = [
        (row, _further(item, pose, shape, config)) for row, item in enumerate(posed) for pose in item.further
    ]
    rows, people = [row for row, _ in own + further], [person for _, person in own + further]
    ranks = keep_order(people, len(further), config.choice.margin, config.merge)
    affines = [item.crop.affine for item in posed]
    merged = merge_crops(people, ranks, rows, parts, affines, config.crop.size, shape, config.merge)
    return Scene(tuple(people[k] for k in merged.kept), merged.part_map, merged.person_map, "ablation")


def _choose(crop: SeenCrop, found: Grouping, variant: Variant) -> _PosedCrop:
    """The poses of a crop that the variant keeps."""
    if variant.whole_photo:
        return _PosedCrop(crop, None, found.poses, found.certificate)
    config = variant.pipeline
    box = crop.affine.forward(crop.box.reshape(2, 2)).ravel()
    own = pose_of_box(found, box, config.crop.size, config.crf)
    return _PosedCrop(crop, own, further_poses(found, own, config.crf), found.certificate)


def _second_stage(
    posed: Sequence[_PosedCrop], variant: Variant, network: RefineFCN, device: str
) -> list[PartMaps]:
    """The part scores of the crops: refined with the poses, or the first stage's."""
    first = [item.crop.parts for item in posed]
    if not variant.pipeline.refine or not first:
        return first
    maps = [_pose_maps(item, variant, network.encoding) for item in posed]
    return refined_part_maps(network, first, maps, device)


def _pose_maps(item: _PosedCrop, variant: Variant, encoding: str) -> Float32:
    """Joint and skeleton maps of a crop; of several poses the higher value stays in a cell."""
    config, parts = variant.pipeline, item.crop.parts
    layers = [
        skeleton_maps(
            pose,
            parts.stride,
            parts.scores.shape[1:],
            config.skeleton,
            config.crop.size,
            encoding,
            variant.joint_map,
            variant.skeleton_map,
        )
        for pose in item.drawn
    ]
    return np.asarray(np.max(layers, axis=0), np.float32)


def _own(item: _PosedCrop, pose: Pose) -> Person:
    return boxed_person(pose, item.crop.affine, item.crop.box, item.crop.box_score, item.certificate)


def _further(item: _PosedCrop, pose: Pose, shape: tuple[int, int], config: PipelineConfig) -> Person:
    crop, margin = item.crop, config.choice.margin
    return further_person(pose, crop.affine, crop.box_score, item.certificate, shape, margin)
