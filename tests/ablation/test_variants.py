"""Variants of the later stages, on drawn people that stand-in networks can see."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.stand_ins import FIGURES, PAIRWISE, boxes_of, draw, pipeline_of
from torch import Tensor, nn

from posepart.ablation.evidence_cache import SeenCrop, see
from posepart.ablation.variants import Assembled, FixedBoxes, Variant, labelled_boxes, photo_box, scene_of
from posepart.config import CropConfig, PipelineConfig
from posepart.data.sample import LabelledPerson, Sample
from posepart.structures import PersonBoxes, Scene

IMAGE = draw(FIGURES)
# the stand-ins know left and right by colour
CONFIG = PipelineConfig(mirror_pose=False, upright_pose=False, part_scales=(1.0,))
SHAPE = IMAGE.shape[0], IMAGE.shape[1]


class Listens(nn.Module):
    """A second stage that changes nothing and remembers the pose maps it was given."""

    encoding = "labels"

    def forward(self, parts: Tensor, pose: Tensor) -> Tensor:
        self.heard = pose
        return parts


def crops_of(boxes: PersonBoxes) -> tuple[SeenCrop, ...]:
    return see(IMAGE, boxes, pipeline_of(boxes).networks, CONFIG)


def run(boxes: PersonBoxes, variant: Variant, network: nn.Module | None = None) -> Scene:
    return scene_of(SHAPE, Assembled(crops_of(boxes), PAIRWISE), variant, network or Listens())


def sample(people: int) -> Sample:
    boxes = boxes_of(FIGURES).xyxy[:people]
    labelled = tuple(LabelledPerson(box, None, "none") for box in boxes)
    return Sample(Path("photo.jpg"), SHAPE[1], SHAPE[0], labelled, np.zeros((0, 4), np.float32), True)


def test_nobody_found_is_an_empty_scene() -> None:
    scene = run(PersonBoxes.empty(), Variant())
    assert scene.people == ()
    assert not scene.part_map.any()


@pytest.mark.parametrize("refine", [False, True])
def test_the_first_variant_is_the_pipeline(refine: bool) -> None:
    boxes, config = boxes_of(FIGURES), replace(CONFIG, refine=refine)
    torch.manual_seed(0)
    parser = pipeline_of(boxes, config)
    expected = parser(IMAGE)
    found = run(boxes, Variant(config), parser.networks.refine)
    assert len(found.people) == len(expected.people) == 3
    assert all(person.pose.present.all() for person in expected.people)
    for person, other in zip(found.people, expected.people, strict=True):
        np.testing.assert_array_equal(person.pose.xy, other.pose.xy)
        np.testing.assert_array_equal(person.box, other.box)
        assert person.box_score == other.box_score
    assert (found.part_map == expected.part_map).mean() > 0.999  # part scores are kept at half precision
    assert (found.person_map == expected.person_map).mean() > 0.999


def test_the_whole_photo_as_a_box_finds_everybody_with_their_extents() -> None:
    image, parser = draw(FIGURES[:2], (256, 190)), pipeline_of(PersonBoxes.empty())
    config = replace(CONFIG, crop=CropConfig(margin=1.0))
    photo = Sample(Path("photo.jpg"), 256, 190, (), np.zeros((0, 4), np.float32), True)
    assembled = Assembled(see(image, photo_box(photo), parser.networks, config), PAIRWISE)
    scene = scene_of((190, 256), assembled, Variant(config, whole_photo=True), Listens())
    assert len(scene.people) == 2
    for person in scene.people:
        joints = person.pose.xy[person.pose.present]
        reach = 0.08 * np.ptp(joints, axis=0).max()
        np.testing.assert_allclose(person.box[:2], joints.min(0) - reach, atol=1e-3)
        np.testing.assert_allclose(person.box[2:], joints.max(0) + reach, atol=1e-3)


def test_further_people_of_a_box_are_the_variants_choice() -> None:
    wide = PersonBoxes(np.array([[5, 10, 185, 170]], np.float32), np.array([0.5], np.float32))
    one = replace(CONFIG, crf=replace(CONFIG.crf, further_joints=15))
    assert len(run(wide, Variant(one)).people) == 1
    several = run(wide, Variant()).people
    assert len(several) == 2
    own = [person for person in several if person.box_score == 0.5]
    assert len(own) == 1
    np.testing.assert_array_equal(own[0].box, wide.xyxy[0])


@pytest.mark.parametrize(("joint_map", "skeleton_map"), [(True, False), (False, True), (False, False)])
def test_the_second_stage_sees_only_the_maps_of_the_variant(joint_map: bool, skeleton_map: bool) -> None:
    network = Listens()
    run(boxes_of(FIGURES[:1]), Variant(joint_map=joint_map, skeleton_map=skeleton_map), network)
    assert network.heard.shape == (1, 2, 64, 64)
    assert bool(network.heard[:, 0].any()) is joint_map
    assert bool(network.heard[:, 1].any()) is skeleton_map


def test_poses_are_assembled_once_for_variants_that_differ_later() -> None:
    assembled = Assembled(crops_of(boxes_of(FIGURES[:1])), PAIRWISE)
    base = PipelineConfig()
    first = assembled(Variant(base))
    assert assembled(Variant(replace(base, refine=False), joint_map=False)) is first
    assert assembled(Variant(replace(base, crf=replace(base.crf, further_joints=15)))) is first
    assert assembled(Variant(base, assembler="tree")) is not first


def test_an_unknown_assembler_is_refused() -> None:
    with pytest.raises(ValueError, match="'best': choose one of per_joint_maximum, tree"):
        Variant(assembler="best")


def test_labelled_boxes_stand_in_for_a_detector() -> None:
    boxes = FixedBoxes(labelled_boxes(sample(2)))(IMAGE)
    np.testing.assert_array_equal(boxes.xyxy, boxes_of(FIGURES[:2]).xyxy)
    assert boxes.scores.tolist() == [1, 1]
    assert len(FixedBoxes(labelled_boxes(sample(0)))(IMAGE)) == 0
