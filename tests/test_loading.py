"""From a folder of weights to a pipeline, and the installed model with the numbers of the paper."""

import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
import torch
from helpers.stand_ins import boxes_of, figure, logistic
from helpers.tiny_model import write_tiny_model
from skimage import data

from posepart import load
from posepart.config import PAPER, FeatureConfig, PipelineConfig
from posepart.models.builders import build
from posepart.models.model_set import Card
from posepart.models.weight_files import save_weights
from posepart.pipeline import Pipeline
from posepart.schema import Joint, Part
from posepart.stages.crf import SolvedCrf
from posepart.stages.features import OFFSET_FEATURES
from posepart.stages.pairwise import PairwiseModel
from posepart.stages.tiles import TiledDetector
from posepart.structures import Scene

WITHOUT_SEGMENTS = PipelineConfig(features=FeatureConfig(segment_term=False))


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model set of tiny untrained networks."""
    return write_tiny_model(
        tmp_path_factory.mktemp("models") / "tiny", PairwiseModel(None, logistic(OFFSET_FEATURES))
    )


def test_load_a_folder(model_folder: Path) -> None:
    pipeline = load(model_folder, config=WITHOUT_SEGMENTS)
    scene = pipeline(np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8))
    assert scene.size == (80, 60)
    assert scene.model == "tiny"
    boxed = replace(pipeline, detector=lambda image: boxes_of([figure(0, 0, 0.3)]))
    assert boxed(np.zeros((60, 80, 3), np.uint8)).size == (80, 60)  # the networks run, too


def what(scene: Scene) -> tuple[bytes, ...]:
    """All that a scene tells of a photo, to compare two."""
    people = (person.pose.xy.tobytes() + person.box.tobytes() for person in scene.people)
    return scene.part_map.tobytes(), scene.person_map.tobytes(), *people


@pytest.mark.parametrize(
    ("engine", "precision"), [("openvino", "auto"), ("torch", "float32"), ("torch", "bfloat16")]
)
def test_threads_and_pickled_copies_give_the_same_scenes(engine: str, precision: str) -> None:
    if engine == "openvino":
        pytest.importorskip("openvino")
    pipeline = load(engine=engine, precision=precision)
    astronaut = data.astronaut()
    photos = [astronaut[:400, :400], astronaut[:, 100:], np.ascontiguousarray(astronaut[:, ::-1])]
    copy = pickle.loads(pickle.dumps(pipeline))  # before the first call and after it
    expected = [what(pipeline(photo)) for photo in photos]
    assert len({*expected}) == len(photos)
    assert any(len(found) > 2 for found in expected)
    with ThreadPoolExecutor(4) as pool:
        assert [*map(what, pool.map(pipeline, photos * 2))] == expected * 2
        again = pickle.loads(pickle.dumps(pipeline))
        assert [what(copy(photos[0])), what(again(photos[0]))] == expected[:1] * 2
        assert [*map(what, pool.map(again, photos))] == expected


@pytest.mark.parametrize(("device", "last"), [("cpu", False), ("meta", True)])
def test_the_second_stage_has_channels_last_off_the_cpu(
    model_folder: Path, tmp_path: Path, device: str, last: bool
) -> None:
    """On the CPU results stay the same to the byte; "meta" stands for a GPU."""
    own = copytree(model_folder, tmp_path / "own")
    card = Card(stage="refine", builder="refine_xia2017")
    save_weights(own / "refine.safetensors", build("refine_xia2017"), card)
    refiner = load(own, config=WITHOUT_SEGMENTS, device=device).refiner
    assert refiner is not None
    weight = refiner.network.get_parameter("stack.0.weight")
    assert weight.device.type == device
    assert weight.is_contiguous(memory_format=torch.channels_last) == last


def test_a_second_stage_sees_the_label_maps_it_was_trained_on(model_folder: Path, tmp_path: Path) -> None:
    own = copytree(model_folder, tmp_path / "own")
    card = Card(stage="refine", builder="refine_labels", skeleton={"joint_values": "joints", "sharp": True})
    save_weights(own / "refine.safetensors", build("refine_labels"), card)
    with pytest.raises(
        ValueError, match=r"trained on label maps with skeleton\.joint_values 'joints', not 'parts'"
    ):
        load(own, config=WITHOUT_SEGMENTS)
    assert load(own, config=replace(WITHOUT_SEGMENTS, skeleton=PAPER.skeleton)).refiner is not None
    assert load(own, config=replace(WITHOUT_SEGMENTS, refine=False)).refiner is None


@pytest.mark.parametrize(("config", "tiles"), [(PipelineConfig(), "auto"), (PAPER, "off")])
def test_the_detector_sees_tiles_unless_the_paper_is_asked_for(
    model_folder: Path, config: PipelineConfig, tiles: str
) -> None:
    detector = load(model_folder, config=replace(config, features=FeatureConfig(segment_term=False))).detector
    assert isinstance(detector, TiledDetector)
    assert (detector.longest, detector.config.tiles) == (64, tiles)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda folder: load(folder), "pass --no-segment-term"),
        (lambda folder: load(folder / "absent"), "absent: no installed model"),
        (lambda folder: load(folder, device="nonsense"), "device 'nonsense' cannot be used here"),
        (lambda folder: load(folder, detector="yolo", config=WITHOUT_SEGMENTS), "--detector yolo: neither"),
    ],
)
def test_load_says_what_is_wrong(model_folder: Path, call: Callable[[Path], Pipeline], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(model_folder)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"speed": "slow"}, "unknown speed 'slow': choose one of accurate, balanced, fast"),
        ({"speed": "fast", "config": PipelineConfig()}, "give config or speed"),
        (
            {"config": {"refine": False}},
            r"config: .*\(dict\); write posepart\.PipelineConfig\(refine=\.\.\.\)",
        ),
        (
            {"config": "paper"},
            r"config: expected a PipelineConfig, got 'paper' \(str\); posepart\.PipelineConfig\(",
        ),
        ({"name_or_folder": 3}, r"name_or_folder: expected a str, got 3 \(int\)"),
        ({"detector": None}, r"detector: expected a str, got None"),
        ({"device": 0}, r"device: expected a str, got 0 \(int\)"),
    ],
)
def test_arguments_of_another_type_are_refused(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        load(**arguments)


def test_the_installed_model_runs_with_the_numbers_of_the_paper() -> None:
    photo = data.astronaut()
    pipeline = load(config=PAPER)
    assert pipeline.config is PAPER
    trace = pipeline.trace(photo)
    ((person,), (crf,)) = trace.scene.people, trace.groupings
    assert isinstance(crf, SolvedCrf)
    assert crf.assembler.config is PAPER
    assert trace.scene.model == "posepart-s"
    assert person.certificate.status == "optimal"
    xy, present = person.pose.xy, person.pose.present
    assert present[[Joint.FOREHEAD, Joint.NECK, Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER]].all()
    assert np.abs(xy[Joint.NECK] - [215, 220]).max() < 40  # read off the photo
    x, y = xy[Joint.FOREHEAD].round().astype(int)
    assert trace.scene.part_map[y, x] == Part.HEAD
    assert trace.scene.person_map[y, x] == 1
