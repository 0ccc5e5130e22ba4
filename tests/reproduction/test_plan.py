"""The plans that ship: every training of theirs is one that `train.py` takes."""

import json
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import train

from posepart.config import PipelineConfig
from posepart.presets import read_preset
from posepart.reproduction.plan import Plan, Training, pipeline_of, read_plan
from posepart.reproduction.systems import LIP, SMALL, XIA, System, chosen_systems

PLANS = Path(train.__file__).parent / "reproduction"
OF_PLAN = {"xia2017": XIA, "xia2017_smoke": XIA, "lip": LIP, "lip_smoke": LIP, "small": SMALL}


def plans() -> list[str]:
    return sorted(path.stem for path in PLANS.glob("*.yaml"))


def resolved(training: Training) -> list[Any]:
    """The settings of each stage, as `train.py` reads them."""
    parser, found = train.command_line(training.network), []
    stages = training.stages
    if training.preset is not None:
        recipe = read_preset(training.preset).recipe(training.network)
        stages = tuple({"name": stage.name, **stage.settings} for stage in recipe.stages)
    for stage in stages:
        own = {key: value for key, value in stage.items() if key not in ("name", "init")}
        needed = ["--data", "d", "--run", "r", *(["--model", "m"] if training.model else [])]
        configs = [part for one in (own, training.settings) if one for part in ("--config", json.dumps(one))]
        instance = parser.instantiate(parser.parse_args([*configs, *needed]))
        job: Any = import_module(f"posepart.training.jobs.{training.network}")
        found.append(job.Settings(**{field.name: instance[field.name] for field in fields(job.Settings)}))
    return found


def test_every_plan_is_of_systems() -> None:
    assert set(plans()) == set(OF_PLAN)


@pytest.mark.parametrize("name", plans())
def test_its_trainings_resolve(name: str) -> None:
    plan = read_plan(PLANS / f"{name}.yaml")
    for training in plan.with_steps(None).trainings.values():
        assert resolved(training), training.name
    assert isinstance(pipeline_of(plan), PipelineConfig)


@pytest.mark.parametrize("name", ["xia2017", "xia2017_smoke", "small"])
def test_its_second_stages_learn_on_the_maps_that_they_will_see(name: str) -> None:
    plan = read_plan(PLANS / f"{name}.yaml")
    stages = [plan.trainings[stages["refine"]] for stages in plan.models.values() if "refine" in stages]
    used = pipeline_of(plan)
    for training in stages:
        for settings in resolved(training):
            assert (settings.pipeline.skeleton, settings.pipeline.crop) == (used.skeleton, used.crop)
    assert stages


@pytest.mark.parametrize("name", plans())
def test_its_models_are_those_of_the_systems(name: str) -> None:
    plan = read_plan(PLANS / f"{name}.yaml")
    assert set(plan.models) == {system.model for system in OF_PLAN[name]}
    sources = {source for stages in plan.models.values() for source in stages.values()}
    assert sources <= {*plan.trainings, "posepart-s"}
    used = {name for training in plan.trainings.values() for name in training.inputs}
    assert set(plan.trainings) == (sources | used) - {"posepart-s"}


def test_the_plan_of_xia_trains_as_printed() -> None:
    plan = read_plan(PLANS / "xia2017.yaml")
    assert pipeline_of(plan) == read_preset("xia2017").pipeline
    (refine,) = resolved(plan.trainings["refine_vgg16"])
    assert refine.builder == "refine_xia2017"
    (part,) = resolved(plan.trainings["part_vgg16"])
    assert (part.builder, part.loop.optimiser, part.loop.schedule) == ("deeplab_vgg16", "sgd", "poly")
    (hazn,) = resolved(plan.trainings["hazn"])
    assert (hazn.builder, hazn.crops) == ("hazn", "photo")


def test_the_variants_of_jppnet() -> None:
    """Tables 11 and 12: multi-scale features and refinement stages."""
    plan = read_plan(PLANS / "lip.yaml")
    expected = {
        "joint": (0, 1),
        "joint_msc": (0, 3),
        "joint_s1": (1, 1),
        "joint_msc_s1": (1, 3),
        "joint_msc_s2": (2, 3),
    }
    for name, (stages, scales) in expected.items():
        (joint,) = resolved(plan.trainings[name])
        assert (joint.arguments["stages"], len(joint.arguments["scales"])) == (stages, scales)
        assert (joint.phase, joint.loop.epochs, joint.schema) == ("joint", 30, "lip")
    (structure,) = resolved(plan.trainings["ssjppnet"])
    assert (structure.loss.sensitive, structure.loop.epochs, structure.batches.crop.size) == (True, 20, 321)


def test_the_same_budget_for_all() -> None:
    """A system of several steps has as many updates as one of a single step."""
    plan = read_plan(PLANS / "small.yaml").with_steps(100)
    totals: dict[str, int] = {}

    def steps(name: str) -> int:
        training = plan.trainings[name]
        before = steps(training.init) if training.init else 0
        return before + int(training.settings["loop"]["steps"])

    for name, training in plan.trainings.items():
        if training.network != "crf" and training.share == 1:
            totals[name] = steps(name)
    assert {*totals.values(), steps("ssjppnet"), steps("jppnet")} == {100}


WRONG = {
    "trainings: []": "a plan has trainings by name",
    "trainings: {}\nmodel: {}": "unknown model; a plan has",
    "trainings: {crf: {model: [pose]}}": "crf takes the weights of pose, which is not before it",
    "{": "not a plan that can be read",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_plan(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.yaml").write_text(text)
    with pytest.raises(ValueError, match=WRONG[text]):
        read_plan(tmp_path / "plan.yaml")


def test_a_wrong_setting_of_the_pipeline() -> None:
    with pytest.raises(ValueError, match=r"pipeline: .*colour"):
        pipeline_of(Plan({}, {}, {"preset": "default", "colour": 3}))


def test_chosen_systems() -> None:
    def keys(systems: list[System]) -> list[str]:
        return [system.key for system in systems]

    assert keys(chosen_systems(XIA, [])) == [system.key for system in XIA]
    table = chosen_systems(XIA, ["table_4"])
    assert keys(table) == ["attention", "hazn", "resnet101_without_pose", "resnet101"]
    assert all(set(system.rows) == {"table_4"} for system in table)
    assert keys(chosen_systems(XIA, ["hazn"])) == ["hazn"]
    assert keys(chosen_systems(XIA, ["hazn", "vgg16", "table_3"])) == ["hazn", "vgg16"]
    with pytest.raises(ValueError, match="--only table_9: no table and no system; the tables are table_1"):
        chosen_systems(XIA, ["table_9"])
