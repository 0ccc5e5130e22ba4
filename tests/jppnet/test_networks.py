"""A JPPNet in the pipeline: poses from peaks, parts from parsing maps, no CRF; or its parts in our CRF."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.candidates import evidence_of
from helpers.joint_stand_ins import SeesBoth, jppnet_pipeline
from helpers.stand_ins import FIGURES, boxes_of, draw, logistic, pipeline_of
from numpy.typing import NDArray
from PIL import Image

from posepart.batch import predict_photos
from posepart.cli import main as cli
from posepart.cli.explain import explain_photo
from posepart.config import ChoiceConfig, PipelineConfig
from posepart.io.run_folder import prepare_out
from posepart.jppnet.networks import JppnetNetworks, JppnetParts, PeakAssembler, peak_candidates
from posepart.loading import load
from posepart.models.builders import build
from posepart.models.model_set import Card, find_model
from posepart.models.weight_files import save_tensors, save_weights
from posepart.schema import SKELETON, Joint, Part
from posepart.stages.crf import SolvedCrf
from posepart.stages.features import OFFSET_FEATURES
from posepart.stages.networks import FcnNetworks
from posepart.stages.pairwise import PairwiseModel
from posepart.structures import PersonBoxes, Pose


def test_no_boxes_no_people() -> None:
    scene = jppnet_pipeline(PersonBoxes.empty())(draw(FIGURES))
    assert scene.people == ()
    assert not scene.part_map.any()


def test_a_person_is_found_without_a_crf() -> None:
    trace = jppnet_pipeline(boxes_of(FIGURES[:1])).trace(draw(FIGURES[:1]))
    (person,) = trace.scene.people
    assert np.abs(person.pose.xy - FIGURES[0]).max() < 2.5  # the peaks are cells
    assert person.certificate.status == "no CRF"
    assert not isinstance(trace.groupings[0], SolvedCrf)
    for a, b, part in SKELETON:
        x, y = np.round((FIGURES[0][a] + FIGURES[0][b]) / 2).astype(int)
        if part in (Part.UPPER_LEG, Part.LOWER_LEG, Part.LOWER_ARM):
            assert trace.scene.part_map[y, x] == part
            assert trace.scene.person_map[y, x] == 1


def test_boxes_of_one_person_are_merged_as_with_the_crf() -> None:
    boxes = boxes_of(FIGURES[:1])
    twice = PersonBoxes(np.concatenate([boxes.xyxy, boxes.xyxy + 3]), np.array([0.9, 0.8], np.float32))
    assert len(jppnet_pipeline(twice)(draw(FIGURES[:1])).people) == 1


def maps_with(scores: dict[Joint, float]) -> NDArray:
    maps = np.zeros((len(Joint), 8, 8))
    for joint, score in scores.items():
        maps[joint, 2, joint % 8] = score
    return maps


def peak_pose(scores: dict[Joint, float]) -> Pose | None:
    """The pose that the peaks of such maps, of stride 4, give."""
    candidates = peak_candidates(maps_with(scores), 4, PipelineConfig().candidates.score_threshold)
    poses = PeakAssembler(ChoiceConfig())(evidence_of(candidates)).poses
    return poses[0] if poses else None


def test_a_pose_by_hand() -> None:
    pose = peak_pose({Joint.NECK: 0.5, Joint.LEFT_HIP: 0.2, Joint.RIGHT_HIP: 0.09})
    assert pose is not None
    assert np.flatnonzero(pose.present).tolist() == [Joint.NECK, Joint.LEFT_HIP]
    assert pose.xy[Joint.NECK].tolist() == [4 * (Joint.NECK + 0.5) - 0.5, 9.5]
    assert not pose.xy[Joint.RIGHT_HIP].any()
    assert pose.log_score == pytest.approx(np.log(0.5) + np.log(0.2) + 12 * np.log(0.1), rel=1e-6)


def test_one_joint_is_no_pose() -> None:
    assert peak_pose({Joint.NECK: 0.9}) is None
    assert peak_pose({}) is None


def test_its_parts_in_our_crf_are_what_it_parses() -> None:
    boxes = boxes_of(FIGURES[:1])
    config = PipelineConfig(mirror_pose=False, upright_pose=False, part_scales=(1.0,))
    pipeline = pipeline_of(boxes, config)
    expected = pipeline(draw(FIGURES[:1]))
    assert isinstance(pipeline.networks, FcnNetworks)
    networks = replace(pipeline.networks, part=JppnetParts(SeesBoth().eval(), config.jppnet))
    found = replace(pipeline, networks=networks)(draw(FIGURES[:1]))
    np.testing.assert_array_equal(found.part_map, expected.part_map)
    energies = [scene.people[0].certificate.energy for scene in (found, expected)]
    assert energies[0] == pytest.approx(energies[1], rel=1e-4)


def test_there_is_no_crf_to_write_or_to_explain(tmp_path: Path) -> None:
    pipeline, photo = jppnet_pipeline(boxes_of(FIGURES[:1])), tmp_path / "photo.png"
    Image.fromarray(draw(FIGURES[:1])).save(photo)
    run = prepare_out(tmp_path / "out", [photo], {}, overwrite=False)
    summary = predict_photos([photo], pipeline, tmp_path / "out", run=run, dump_crf=tmp_path)
    assert "no CRF to write: leave out --dump-crf" in summary.failed[str(photo)]
    with pytest.raises(ValueError, match="has no CRF, so there is nothing to explain"):
        next(explain_photo(photo, 1, pipeline, tmp_path))


JPPNET = {"stages": 1, "width": 0.35, "channels": 8}
DETECTOR = {"width": 0.35, "channels": 8, "hidden": 8, "input_size": 64}


def write_stage(folder: Path, stage: str, builder: str, arguments: dict) -> None:
    card = Card(stage=stage, builder=builder, arguments=arguments)
    save_weights(folder / f"{stage}.safetensors", build(builder, arguments), card)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of a detector and a JPPNet, both tiny and untrained."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models") / "jppnet-tiny"
    write_stage(folder, "detector", "person_detector", DETECTOR)
    write_stage(folder, "jppnet", "jppnet_s", JPPNET)
    return folder


@pytest.fixture
def model_folder(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / trained.name))


def test_a_folder_of_detector_and_jppnet_is_a_model(model_folder: Path) -> None:
    assert sorted(find_model(model_folder).cards) == ["detector", "jppnet"]
    pipeline = load(model_folder)
    assert isinstance(pipeline.networks, JppnetNetworks)
    scene = replace(pipeline, detector=lambda image: boxes_of(FIGURES[:1]))(draw(FIGURES[:1]))
    assert scene.model == "jppnet-tiny"
    assert all(person.certificate.status == "no CRF" for person in scene.people)


def test_with_the_other_stages_it_gives_the_crf_its_parts(model_folder: Path) -> None:
    write_stage(model_folder, "pose", "pose_mobilenet_v2", {"width": 0.35})
    with pytest.raises(
        ValueError, match=r"lacks refine\.safetensors; a model folder holds detector, pose, jppnet"
    ):
        load(model_folder)
    write_stage(model_folder, "refine", "refine_labels", {})
    crf = PairwiseModel(None, logistic(OFFSET_FEATURES)).to_arrays()
    save_tensors(model_folder / "crf.safetensors", crf, Card(stage="crf"))
    config = PipelineConfig()
    without = replace(config, features=replace(config.features, segment_term=False))
    networks = load(model_folder, config=without).networks
    assert isinstance(networks, FcnNetworks)
    assert isinstance(networks.part, JppnetParts)


@pytest.mark.parametrize(
    ("builder", "arguments", "message"),
    [
        ("refine_labels", {}, "holds a RefineFCN, not a JPPNet"),
        ("jppnet_s", {**JPPNET, "labels": 20, "joints": 16}, "was trained for 16 joints and 20 labels"),
    ],
)
def test_other_weights_are_refused(model_folder: Path, builder: str, arguments: dict, message: str) -> None:
    write_stage(model_folder, "jppnet", builder, arguments)
    with pytest.raises(ValueError, match=rf"jppnet\.safetensors: {message}"):
        load(model_folder)


def test_predict_takes_the_folder(model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    Image.fromarray(draw(FIGURES[:1])).save(tmp_path / "photo.png")
    command = [
        "predict",
        str(tmp_path / "photo.png"),
        "--model",
        str(model_folder),
        "-o",
        str(tmp_path / "out"),
    ]
    assert cli.main([*command, "--pipeline.jppnet.scales", "[1.0]"]) == 0, capsys.readouterr().err
    assert (tmp_path / "out" / "photo.json").exists()
