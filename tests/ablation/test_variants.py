"""Variants of the later stages, on drawn people that stand-in networks can see."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.stand_ins import FIGURES, PAIRWISE, boxes_of, draw, pipeline_of
from torch import Tensor

from posepart.ablation.boxes import whole_photo
from posepart.ablation.evidence_cache import load_evidence, save_evidence
from posepart.ablation.variants import PHOTO, SHIPPED, SharedGroupings, Variant, variant_pipeline
from posepart.arrays import Rgb
from posepart.config import CropConfig, PipelineConfig
from posepart.models.refine import RefineFCN
from posepart.pipeline import Pipeline
from posepart.stages.calibration import Calibration
from posepart.stages.crops import crop_boxes
from posepart.structures import Evidence, PersonBoxes, Scene

IMAGE = draw(FIGURES)
# the stand-ins know left and right by colour
CONFIG = PipelineConfig(mirror_pose=False, upright_pose=False, part_scales=(1.0,))


class Listens(RefineFCN):
    """A second stage that changes nothing and remembers the pose maps it was given."""

    def forward(self, parts: Tensor, pose: Tensor) -> Tensor:
        self.heard = pose
        return parts


def evidence_of(boxes: PersonBoxes, image: Rgb = IMAGE, config: PipelineConfig = CONFIG) -> list[Evidence]:
    return pipeline_of(boxes, config).networks(crop_boxes(image, boxes, config.crop))


def run(
    boxes: PersonBoxes,
    variant: Variant,
    network: RefineFCN | None = None,
    image: Rgb = IMAGE,
    pipeline: Pipeline | None = None,
) -> Scene:
    pipeline = pipeline or pipeline_of(boxes)
    networks = {SHIPPED: network or Listens(width=8)}
    changed = variant_pipeline(pipeline, variant, SharedGroupings(PAIRWISE), networks)
    return changed.conclude(evidence_of(boxes, image, variant.config), (image.shape[0], image.shape[1])).scene


def test_nobody_found_is_an_empty_scene() -> None:
    scene = run(PersonBoxes.empty(), Variant("any"))
    assert scene.people == ()
    assert not scene.part_map.any()


@pytest.mark.parametrize("refine", [False, True])
def test_the_first_variant_is_the_pipeline(tmp_path: Path, refine: bool) -> None:
    boxes, config = boxes_of(FIGURES), replace(CONFIG, refine=refine)
    torch.manual_seed(0)
    pipeline = pipeline_of(boxes, config)
    expected = pipeline(IMAGE)
    second_stages = {SHIPPED: pipeline.refiner.network} if pipeline.refiner else {}
    save_evidence(tmp_path / "photo.npz", evidence_of(boxes))
    variant = variant_pipeline(
        pipeline, Variant("as it is", config), SharedGroupings(PAIRWISE), second_stages
    )
    found = variant.conclude(load_evidence(tmp_path / "photo.npz"), (IMAGE.shape[0], IMAGE.shape[1])).scene
    assert len(found.people) == len(expected.people) == 3
    assert all(person.pose.present.all() for person in expected.people)
    for person, other in zip(found.people, expected.people, strict=True):
        np.testing.assert_array_equal(person.pose.xy, other.pose.xy)
        np.testing.assert_array_equal(person.box, other.box)
        assert person.box_score == other.box_score
    assert (found.part_map == expected.part_map).mean() > 0.999  # part scores are kept at half precision
    assert (found.person_map == expected.person_map).mean() > 0.999


def test_the_whole_photo_as_a_box_finds_everybody_with_their_extents() -> None:
    image = draw(FIGURES[:2], (256, 190))
    choice = replace(CONFIG.choice, rule="all")
    config = replace(CONFIG, crop=CropConfig(margin=1.0), choice=choice)
    variant = Variant("whole photo", config, view=PHOTO)
    network = Listens(width=8)
    scene = run(whole_photo(256, 190), variant, network, image)
    assert len(scene.people) == 2
    for person in scene.people:
        joints = person.pose.xy[person.pose.present]
        reach = 0.08 * np.ptp(joints, axis=0).max()
        np.testing.assert_allclose(person.box[:2], joints.min(0) - reach, atol=1e-3)
        np.testing.assert_allclose(person.box[2:], joints.max(0) + reach, atol=1e-3)
        x, y = (joints.mean(0) + 0.5 + [0, 33]) / 4  # the crop is the photo with a margin above and below
        assert network.heard[0, 1, int(y) - 2 : int(y) + 3, int(x) - 8 : int(x) + 9].any()  # both are drawn


def test_extra_people_of_a_box_are_the_variants_choice() -> None:
    wide = PersonBoxes(np.array([[5, 10, 185, 170]], np.float32), np.array([0.5], np.float32))
    one = replace(CONFIG, choice=replace(CONFIG.choice, extra_joints=15))
    assert len(run(wide, Variant("one", one)).people) == 1
    several = run(wide, Variant("several", CONFIG)).people
    assert len(several) == 2
    own = [person for person in several if person.box_score == 0.5]
    assert len(own) == 1
    np.testing.assert_array_equal(own[0].box, wide.xyxy[0])


@pytest.mark.parametrize(("joint_map", "skeleton_map"), [(True, False), (False, True), (False, False)])
def test_the_second_stage_sees_only_the_maps_of_the_variant(joint_map: bool, skeleton_map: bool) -> None:
    network = Listens(width=8)
    maps: dict[str, Any] = {"joint_map": joint_map, "skeleton_map": skeleton_map}
    run(boxes_of(FIGURES[:1]), Variant("some maps", CONFIG, **maps), network)
    assert network.heard.shape == (1, 2, 64, 64)
    assert bool(network.heard[:, 0].any()) is joint_map
    assert bool(network.heard[:, 1].any()) is skeleton_map


def test_poses_are_assembled_once_for_variants_that_differ_later() -> None:
    first_crop, second_crop = evidence_of(boxes_of(FIGURES[:2]))
    groupings = SharedGroupings(PAIRWISE)
    first = groupings.assembler(Variant("as it is"))(first_crop)
    base = PipelineConfig()
    later = Variant("later", replace(base, refine=False), joint_map=False)
    assert groupings.assembler(later)(first_crop) is first
    alone = Variant("one pose", replace(base, choice=replace(base.choice, extra_joints=15)))
    assert groupings.assembler(alone)(first_crop) is first
    large = Variant("large", replace(base, choice=replace(base.choice, min_joints=5)))
    assert groupings.assembler(large)(first_crop) is not first
    assert groupings.assembler(Variant("tree", assembler="tree"))(first_crop) is not first
    assert groupings.assembler(Variant("as it is"))(second_crop) is not first
    assert SharedGroupings(PAIRWISE).assembler(Variant("as it is"))(first_crop) is not first


def test_scores_are_not_calibrated() -> None:
    boxes = boxes_of(FIGURES[:1])
    pipeline = replace(pipeline_of(boxes), calibration=Calibration())
    assert run(boxes, Variant("any", CONFIG), pipeline=pipeline).people[0].confidence is None


def test_names_make_no_difference() -> None:
    assert Variant("one") == Variant("another") != Variant("one", assembler="tree")


def test_an_unknown_assembler_is_refused() -> None:
    with pytest.raises(ValueError, match="'best': choose one of per_joint_maximum, tree"):
        Variant("any", assembler="best")
