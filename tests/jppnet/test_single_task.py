"""Parsing and pose networks in the pipeline: parts per box and averaged, peaks as poses, photos as a whole."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.stand_ins import FIGURES, SeesJoints, SeesParts, boxes_of, draw, pipeline_of
from PIL import Image
from torch import Tensor, nn

from posepart.cli import main as cli
from posepart.config import MergeConfig, PipelineConfig
from posepart.jppnet.networks import PeakAssembler
from posepart.jppnet.single_task import (
    SingleTaskNetworks,
    check_outputs,
    heat_maps,
    joint_maps,
    no_poses,
    whole_photo,
)
from posepart.loading import load
from posepart.models.builders import build
from posepart.models.model_set import Card, find_model
from posepart.models.weight_files import save_weights
from posepart.pipeline import Pipeline
from posepart.schema import POSEPART, SKELETON, Part
from posepart.structures import PersonBoxes

CONFIG = PipelineConfig(
    mirror_pose=False, part_scales=(1.0,), merge=MergeConfig(part_power=1.0, vote_without_pose=True)
)


class SeesHeat(nn.Module):
    """Two stages of heat maps, the second without mistakes."""

    def __init__(self) -> None:
        super().__init__()
        self.joints = SeesJoints()

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.joints(images)[0].sigmoid()
        return torch.zeros_like(maps), maps


def pipeline_of_tasks(boxes: PersonBoxes, parsing: bool, joints: bool) -> Pipeline:
    networks = SingleTaskNetworks(
        SeesParts().eval() if parsing else None, SeesHeat().eval() if joints else None, CONFIG
    )
    assembler = PeakAssembler(CONFIG.choice) if joints else no_poses
    return Pipeline(lambda image: boxes, networks, assembler, None, CONFIG, name="tasks")


def test_no_boxes_no_parts() -> None:
    scene = pipeline_of_tasks(PersonBoxes.empty(), True, True)(draw(FIGURES))
    assert scene.people == ()
    assert not scene.part_map.any()


def test_parts_without_poses_are_those_of_the_part_fcn() -> None:
    """Table 3, "w/o pose": every box votes; there are no people."""
    boxes, photo = boxes_of(FIGURES), draw(FIGURES)
    scene = pipeline_of_tasks(boxes, True, False)(photo)
    whole = pipeline_of(boxes, replace(CONFIG, upright_pose=False, refine=False))(photo)
    np.testing.assert_array_equal(scene.part_map, whole.part_map)
    assert scene.part_map.any()
    assert scene.people == ()
    assert not scene.person_map.any()


def test_poses_without_parts() -> None:
    scene = pipeline_of_tasks(boxes_of(FIGURES[:1]), False, True)(draw(FIGURES[:1]))
    (person,) = scene.people
    assert np.abs(person.pose.xy - FIGURES[0]).max() < 2.5  # the peaks are cells
    assert not scene.part_map.any()


def test_both_side_by_side() -> None:
    scene = pipeline_of_tasks(boxes_of(FIGURES[:1]), True, True)(draw(FIGURES[:1]))
    assert len(scene.people) == 1
    for a, b, part in SKELETON:
        x, y = np.round((FIGURES[0][a] + FIGURES[0][b]) / 2).astype(int)
        if part in (Part.UPPER_LEG, Part.LOWER_LEG, Part.LOWER_ARM):
            assert scene.part_map[y, x] == part
            assert scene.person_map[y, x] == 1


def test_the_photo_is_one_box() -> None:
    photo = np.zeros((40, 70, 3), np.uint8)
    assert whole_photo(photo).xyxy.tolist() == [[0, 0, 70, 40]]


def test_heat_maps_of_the_last_stage_without_the_background() -> None:
    torch.manual_seed(0)
    network = build("cpm_s", {"width": 0.35}).eval()
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        maps = joint_maps(network, images, POSEPART, mirror=False)
        torch.testing.assert_close(maps, heat_maps(network, images)[-1][:, :14])
        both = joint_maps(network, images, POSEPART)
        mirrored = joint_maps(network, images.flip(-1), POSEPART)
    torch.testing.assert_close(both, mirrored[:, list(POSEPART.flip_joints)].flip(-1))


DETECTOR = {"width": 0.35, "channels": 8, "hidden": 8, "input_size": 64}


def write_stage(folder: Path, stage: str, builder: str, arguments: dict) -> None:
    card = Card(stage=stage, builder=builder, arguments=arguments)
    save_weights(folder / f"{stage}.safetensors", build(builder, arguments), card)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    folder = tmp_path / "tasks"
    write_stage(folder, "parsing", "graph_lstm_s", {"width": 0.35})
    return folder


def test_a_parsing_network_alone_reads_whole_photos(folder: Path) -> None:
    assert sorted(find_model(folder).cards) == ["parsing"]
    pipeline = load(folder)
    assert pipeline.detector is whole_photo
    assert pipeline.config.merge.vote_without_pose
    scene = pipeline(draw(FIGURES[:1]))
    assert scene.people == ()
    assert scene.model == "tasks"
    write_stage(folder, "detector", "person_detector", DETECTOR)
    assert load(folder).detector is not whole_photo
    assert load(folder, detector="photo").detector is whole_photo


def test_a_pose_network_needs_a_detector(folder: Path) -> None:
    write_stage(folder, "joints", "stacked_hourglass_s", {"width": 0.35})
    with pytest.raises(
        ValueError, match=r"lacks detector\.safetensors; a model folder holds detector, parsing, joints"
    ):
        load(folder)
    write_stage(folder, "detector", "person_detector", DETECTOR)
    pipeline = load(folder)
    assert not pipeline.config.merge.vote_without_pose
    seen = replace(pipeline, detector=lambda image: boxes_of(FIGURES[:1])).trace(draw(FIGURES[:1]))
    assert seen.groupings[0].certificate.status == "no CRF"


@pytest.mark.parametrize(
    ("stage", "builder", "arguments", "message"),
    [
        (
            "parsing",
            "fcn8s_s",
            {"width": 0.35, "labels": 20},
            "expected the scores of 7 labels .* gives 20 maps",
        ),
        ("parsing", "cpm_s", {"width": 0.35}, "a ConvolutionalPoseMachine of these arguments gives 15 maps"),
        ("parsing", "refine_labels", {}, "a RefineFCN of these arguments gives something else"),
        (
            "joints",
            "joints_s",
            {"width": 0.35, "joints": 16},
            "expected heat maps of 14 joints .* gives 16 maps",
        ),
    ],
)
def test_other_weights_are_refused(
    folder: Path, stage: str, builder: str, arguments: dict, message: str
) -> None:
    write_stage(folder, "detector", "person_detector", DETECTOR)
    write_stage(folder, stage, builder, arguments)
    with pytest.raises(ValueError, match=rf"{stage}\.safetensors: .*{message}"):
        load(folder)


def test_the_outputs_of_a_network_that_fits() -> None:
    check_outputs(build("segnet_s"), "parsing", POSEPART, "here")
    check_outputs(build("cpm_s", {"width": 0.35}), "joints", POSEPART, "here")


def test_predict_takes_the_folder(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    Image.fromarray(draw(FIGURES[:1])).save(tmp_path / "photo.png")
    command = ["predict", str(tmp_path / "photo.png"), "--model", str(folder), "-o", str(tmp_path / "out")]
    assert cli.main([*command, "--pipeline.crop.size", "64"]) == 0, capsys.readouterr().err
    assert (tmp_path / "out" / "photo_parts.png").exists()
