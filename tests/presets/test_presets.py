"""Presets: their pipelines, their recipes against the settings of the trainings, and their networks."""

import re
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from posepart.config import PAPER, PipelineConfig
from posepart.models.builders import build
from posepart.presets import FOLDER, pipeline_of, preset_names, read_preset
from posepart.training.optimiser import make_optimiser
from posepart.training.recipe import Stage

NETWORKS = {
    "xia2017": {"pose": "pose_resnet101", "part": "deeplab_resnet101", "refine": "refine_xia2017"},
    "xia2017_vgg16": {"pose": "pose_resnet101", "part": "deeplab_vgg16", "refine": "refine_xia2017"},
}
CASES = [(name, network) for name in preset_names() for network in read_preset(name).recipes]


@pytest.mark.parametrize("name", NETWORKS)
def test_xias_pipeline_is_the_paper(name: str) -> None:
    assert read_preset(name).pipeline == PAPER


def test_the_old_name_of_the_pipeline() -> None:
    assert read_preset("paper") == read_preset("xia2017")


@pytest.mark.parametrize(("name", "builders"), NETWORKS.items())
def test_networks(name: str, builders: dict[str, str]) -> None:
    preset = read_preset(name)
    for network, builder in builders.items():
        assert preset.recipe(network).stages[-1].settings["builder"] == builder
    assert list(preset.recipes) == ["pose", "part", "crf", "refine"]  # in the order of training, Sec. 3.2
    assert preset.differing(builders) == ""
    assert preset.differing({**builders, "crf": None}) == ""
    told = preset.differing({"pose": "pose_mobilenet_v2", "detector": "person_detector"})
    assert told == "pose (pose_mobilenet_v2 instead of pose_resnet101)"


def test_liangs_presets() -> None:
    """Sec. 6.1: 384 and 321 px, 30 + 30 and 30 + 20 epochs, the scales and mirror images of the test."""
    jppnet, ssjppnet = read_preset("jppnet2018"), read_preset("ssjppnet2017")
    for preset, network, size, epochs in (
        (jppnet, "jppnet", 384, [30, 30]),
        (ssjppnet, "parsing", 321, [30, 20]),
    ):
        test_time = preset.pipeline.jppnet
        assert (test_time.scales, test_time.mirror) == ((0.75, 0.5, 1.25), True)
        assert (test_time.average, test_time.merged) == ("probabilities", False)
        stages = [settings_of(network, stage) for stage in preset.recipe(network).stages]
        assert [s.loop.epochs for s in stages] == epochs
        assert {s.batches.crop.size for s in stages} == {preset.pipeline.crop.size} == {size}
        assert {(s.schema, s.arguments["labels"]) for s in stages} == {("lip", 20)}
        assert all(s.batches.augment.flip == 0.5 for s in stages)
    stages = [settings_of("jppnet", stage) for stage in jppnet.recipe("jppnet").stages]
    assert [s.phase for s in stages] == ["parsing", "joint"]
    zooms = {(s.batches.augment.scale, s.batches.augment.zoom, s.batches.augment.random_crop) for s in stages}
    assert zooms == {((0.75, 1.25), "uniform", True)}
    stages = [settings_of("parsing", stage) for stage in ssjppnet.recipe("parsing").stages]
    assert [s.loss.sensitive for s in stages] == [False, True]


def settings_of(network: str, stage: Stage) -> Any:
    """The settings of a stage, as `train.py` reads them."""
    import json

    import train

    options = ["--data", "D", "--run", "R", *(["--model", "M"] if network in ("crf", "refine") else [])]
    parser = train.command_line(network)
    instance = parser.instantiate(parser.parse_args(["--config", json.dumps(stage.settings), *options]))
    job: Any = import_module(f"posepart.training.jobs.{network}")
    return job.Settings(**{field.name: instance[field.name] for field in fields(job.Settings)})


@pytest.mark.parametrize(("name", "network"), CASES)
def test_every_stage_is_a_training(name: str, network: str) -> None:
    """Its settings exist, and its network can be built."""
    names = [stage.name for stage in read_preset(name).recipe(network).stages]
    for stage in read_preset(name).recipe(network).stages:
        settings = settings_of(network, stage)
        if "builder" in stage.settings:
            with torch.device("meta"):
                model = build(settings.builder, settings.arguments)
            make_optimiser(model, settings.loop)  # its rates are of layers that the network has
        assert stage.init is None or Path(stage.init).suffix == ".pth" or stage.init in names
        assert stage.init_sha256 is None or re.fullmatch("[0-9a-f]{8,64}", stage.init_sha256)
        if network in ("pose", "part"):
            assert settings.batches.stride == model.stride == 8
            assert settings.freeze == 0


@pytest.mark.parametrize("network", ["pose", "part"])
def test_xia_trains_as_deeplab(network: str) -> None:
    """Chen et al. 2016, Sec. 4.1, and its released code, for ResNet-101."""
    loop = settings_of(network, read_preset("xia2017").recipe(network).stages[0]).loop
    assert (loop.optimiser, loop.momentum, loop.weight_decay) == ("sgd", 0.9, 0.0005)
    assert (loop.schedule, loop.power, loop.lr, loop.steps) == ("poly", 0.9, 0.00025, 20000)
    assert (loop.frozen_norms, loop.ema, loop.clip, loop.warmup, loop.slow) == (True, 0, 0, 0, ())
    assert loop.rates[".bias"] == 2
    assert {factor for part, factor in loop.rates.items() if part != ".bias"} == {10}


def test_large_fov_trains_as_its_paper() -> None:
    (stage,) = read_preset("xia2017_vgg16").recipe("part").stages
    loop = settings_of("part", stage).loop
    assert (loop.lr, loop.rates, loop.frozen_norms) == (0.001, {"out": 10, ".bias": 2}, False)
    assert stage.init == "vgg16-397923af.pth"


def test_a_small_one_differs_in_size_only() -> None:
    """Its networks are those of its base, with other arguments."""
    for name in preset_names():
        base = name.removesuffix("_small")
        if base != name:
            small, whole = read_preset(name), read_preset(base)
            assert small.recipes.keys() == whole.recipes.keys()
            for network, recipe in small.recipes.items():
                stages = whole.recipe(network).stages
                assert [s.name for s in recipe.stages] == [s.name for s in stages]
                assert recipe.stages[0].init is None
                for mine, theirs in zip(recipe.stages, stages, strict=True):
                    assert mine.settings.keys() - {"fit", "arguments"} <= theirs.settings.keys()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_number_of_a_paper_has_its_source(path: Any) -> None:
    """The lines of a paper's pipeline say where a number is printed, or that it is not."""
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# ")
    content = yaml.safe_load(text)
    assert content["about"].endswith(".")
    if "base" not in content and "pipeline" in content:
        lines = text.partition("\npipeline:\n")[2].partition("\ntraining:")[0].splitlines()
        bare = [line for line in lines if re.search(r": [\d{]|: \S", line) and "#" not in line]
        following = [line for line in bare if line.strip().split(":")[0] not in FOLLOWING]
        assert following == []


FOLLOWING = {  # said in the line above them: "and the next three"
    *("upper_body_iou", "lower_body_iou", "whole_body_iou", "upright_pose", "part_scales"),
    *("max_per_joint",),
}


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match=r"unknown preset 'xia': choose one of .*xia2017"):
        read_preset("xia")
    with pytest.raises(ValueError, match="preset xia2017 trains no jppnet; its networks are pose, part, crf"):
        read_preset("xia2017").recipe("jppnet")


def test_nothing_but_settings_of_the_pipeline() -> None:
    with pytest.raises(Exception, match="stride"):
        from posepart.presets import pipeline_of

        pipeline_of({"candidates": {"stride": 8}})
    assert read_preset("xia2017_small").pipeline.candidates.min_distance == PAPER.candidates.min_distance
    assert read_preset("xia2017_small").pipeline != PipelineConfig()


@pytest.mark.parametrize("network", ["crf", "refine"])
def test_crf_and_second_stage_learn_in_the_pipeline_in_which_they_are_used(network: str) -> None:
    """The candidates, joint types and label maps of training are those of prediction."""
    preset = read_preset("xia2017")
    for stage in preset.recipe(network).stages:
        assert pipeline_of(stage.settings["pipeline"]) == preset.pipeline
