"""The trainings of a reproduction as data: which networks are trained how, one after the other.

A plan is a YAML file:

    pipeline: {preset: paper, crop: {size: 256}}    # how photos are seen, besides a preset
    crop: {size: 384, margin: 1.0}                  # of pictures of one person (LIP)
    crops: {ssjppnet: {size: 321, margin: 1.0}}     # the same of a system that differs
    views: {scales: [0.75, 0.5, 1.25]}              # in which a network sees such a picture
    defaults: {pose: {...}, parsing: {...}}         # settings of all trainings of a kind of network
    trainings:
      pose: {network: pose, preset: xia2017}        # the recipe of a preset
      attention: {network: parsing, builder: attention_s, loop: {steps: 100}}
      jppnet: {network: jppnet, stages: [{name: parsing, ...}, {name: joint, ...}]}
      crf: {network: crf, model: [pose, part]}      # learns from the predictions of others
      ssjppnet: {network: parsing, init: attention} # starts from the weights of another
    models:
      ours: {detector: detector, pose: pose, part: part, crf: crf, refine: refine}
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser

from posepart.config import CropConfig, JPPNetInferenceConfig, PipelineConfig
from posepart.io.files import write_text
from posepart.io.yaml_files import read_yaml
from posepart.presets import read_preset
from posepart.reproduction.tasks import Folders, Task
from posepart.training.recipe import merged

Trainer = Callable[[list[str]], None]  # `train.py` with these arguments
WITHOUT_LOOP = ("crf",)
KEYS = {"pipeline", "crop", "crops", "views", "defaults", "trainings", "models"}
ONLY_STAGE = "only"  # name of the stage of a training that has one


@dataclass(frozen=True)
class Training:
    """One training.

    Attributes
    ----------
    name : str
        Unique.
    network : str
        What `train.py` trains.
    stages : tuple of dict
        The stages of its recipe; none with a preset.
    preset : str, optional
        The preset that has its recipe.
    settings : dict
        Settings of all stages, over those of the recipe.
    model : tuple of str
        Trainings whose weights it predicts with.
    init : str, optional
        The training from whose weights it starts.
    data : str
        The data set that it trains on; the paper's own by default.
    """

    name: str
    network: str
    stages: tuple[dict[str, Any], ...] = ()
    preset: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    model: tuple[str, ...] = ()
    init: str | None = None
    data: str = ""

    @property
    def inputs(self) -> tuple[str, ...]:
        """The trainings whose weights it needs."""
        return (*self.model, *([self.init] if self.init else []))


@dataclass(frozen=True)
class Plan:
    """A plan, as read from its file."""

    trainings: dict[str, Training]  # by name
    models: dict[str, dict[str, str]]  # model -> stage -> training
    pipeline: dict[str, Any] = field(default_factory=dict)  # a preset, and settings that differ from it
    crop: CropConfig = field(default_factory=lambda: CropConfig(384, 1.0))  # Sec. 6.1 of Liang et al.
    crops: dict[str, CropConfig] = field(default_factory=dict)  # of systems that differ
    views: JPPNetInferenceConfig = field(default_factory=JPPNetInferenceConfig)  # Sec. 6.1 of Liang et al.

    def with_steps(self, steps: int | None) -> "Plan":
        """The plan with another number of updates of every training."""
        if steps is None:
            return self
        changed = {
            name: replace(training, settings=merged(training.settings, {"loop": {"steps": steps}}))
            for name, training in self.trainings.items()
            if training.network not in WITHOUT_LOOP
        }
        return replace(self, trainings=self.trainings | changed)


def read_plan(path: Path) -> Plan:
    """Read a plan.

    Raises
    ------
    ValueError
        The file is not a plan, or a training takes the weights of one that is not before it.
    """
    try:
        content = read_yaml(path)
    except (FileNotFoundError, ValueError) as error:
        raise ValueError(f"{path}: not a plan that can be read ({error})") from error
    if not isinstance(content, dict) or not isinstance(content.get("trainings"), dict):
        raise ValueError(f"{path}: a plan has trainings by name")
    unknown = sorted(map(str, content.keys() - KEYS))
    if unknown:
        raise ValueError(f"{path}: unknown {', '.join(unknown)}; a plan has {', '.join(sorted(KEYS))}")
    trainings: dict[str, Training] = {}
    for name, entry in content["trainings"].items():
        training = _training(name, entry, content.get("defaults") or {})
        missing = [other for other in training.inputs if other not in trainings]
        if missing:
            raise ValueError(f"{path}: {name} takes the weights of {missing[0]}, which is not before it")
        trainings[name] = training
    plan = Plan(trainings, content.get("models") or {}, content.get("pipeline") or {})
    crops = {name: CropConfig(**crop) for name, crop in (content.get("crops") or {}).items()}
    if "crop" in content:
        plan = replace(plan, crop=CropConfig(**content["crop"]))
    views = content.get("views") or {}
    if "scales" in views:
        views = {**views, "scales": tuple(views["scales"])}
    return replace(plan, crops=crops, views=JPPNetInferenceConfig(**views))


def _training(name: str, entry: Mapping[str, Any], defaults: Mapping[str, Any]) -> Training:
    own = dict(entry)
    network = own.pop("network", name)
    preset, init, model = own.pop("preset", None), own.pop("init", None), tuple(own.pop("model", ()))
    stages = tuple(own.pop("stages", () if preset else ({"name": ONLY_STAGE},)))
    data = own.pop("data", "")
    usual = {} if preset else defaults.get(network, {})
    settings = merged(usual, own)
    if "arguments" in usual:
        settings["arguments"] = {**usual["arguments"], **own.get("arguments", {})}
    return Training(name, network, stages, preset, settings, model, init, data)


def task_of(training: Training, plan: Plan, data: Mapping[str, Sequence[Path]], train: Trainer) -> Task:
    """The task that runs a training.

    Parameters
    ----------
    training : Training
    plan : Plan
    data : mapping of str to sequence of Path
        The folders of every data set, the paper's own first.
    train : callable
        Runs `train.py`.
    """
    own = training.data or next(iter(data))

    def run(folder: Path, inputs: Folders) -> None:
        train(list(_options(training, plan, folder, inputs, data[own])))

    settings = {
        "network": training.network,
        "stages": training.stages,
        "preset": _preset_record(training),
        "settings": training.settings,
        "model": training.model,
        "init": training.init,
    }
    weights = f"{training.network}.safetensors"
    return Task(
        f"train/{training.name}",
        settings,
        run,
        (weights, weights.replace(".safetensors", ".json")),
        tuple(f"train/{name}" for name in training.inputs),
        (own,),
        shared=True,
    )


def _preset_record(training: Training) -> Mapping[str, Any] | None:
    """The recipe of the preset, whose changes must be noticed."""
    if training.preset is None:
        return None
    recipes = read_preset(training.preset).recipes
    if training.network not in recipes:
        raise ValueError(
            f"{training.name}: the preset {training.preset} has no recipe of a {training.network}; there are "
            f"{', '.join(recipes)}"
        )
    return asdict(recipes[training.network])


def _options(
    training: Training, plan: Plan, folder: Path, inputs: Folders, data: Sequence[Path]
) -> Iterator[str]:
    """The arguments of `train.py`; recipe, settings and the model that it needs are written to the folder."""
    yield training.network
    if training.preset is not None:
        yield from ("--preset", training.preset)
    else:
        recipe = folder / "recipe.yaml"  # JSON is YAML
        write_text(recipe, json.dumps({"stages": training.stages}, indent=1))
        yield from ("--recipe", str(recipe))
    settings = folder / "settings.yaml"
    write_text(settings, json.dumps(training.settings, indent=1))
    yield from ("--config", str(settings))
    yield from ("--data", *map(str, data))
    yield from ("--run", str(folder), "--resume")
    if training.model:
        model = folder / "model"
        for name in training.model:
            stage = plan.trainings[name].network
            link_weights(inputs[f"train/{name}"] / f"{stage}.safetensors", model / f"{stage}.safetensors")
        yield from ("--model", str(model))
    if training.init is not None:
        stage = plan.trainings[training.init].network
        yield from ("--init", str(inputs[f"train/{training.init}"] / f"{stage}.safetensors"))


def link_weights(source: Path, target: Path) -> None:
    """Put a weight file and its card under another name, without another copy on the disk where that works."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for suffix in (".safetensors", ".json"):
        place = target.with_suffix(suffix)
        place.unlink(missing_ok=True)
        try:
            os.link(source.with_suffix(suffix), place)
        except OSError:  # another disk, or one without links
            shutil.copy(source.with_suffix(suffix), place)


def model_task(name: str, plan: Plan) -> Task:
    """The task that puts the weights of a model into one folder, as `posepart predict --model` takes it."""
    stages = plan.models[name]

    def run(folder: Path, inputs: Folders) -> None:
        for stage, training in stages.items():
            network = plan.trainings[training].network
            link_weights(
                inputs[f"train/{training}"] / f"{network}.safetensors", folder / f"{stage}.safetensors"
            )

    files = tuple(f"{stage}{suffix}" for stage in stages for suffix in (".safetensors", ".json"))
    inputs = tuple(dict.fromkeys(f"train/{training}" for training in stages.values()))
    return Task(f"model/{name}", {"stages": stages}, run, files, inputs)


def pipeline_of(plan: Plan) -> PipelineConfig:
    """The settings of the final model: a preset, and what the plan changes.

    Raises
    ------
    ValueError
        There is no such preset or setting.
    """
    changes = dict(plan.pipeline)
    base = read_preset(changes.pop("preset", "paper")).pipeline
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--pipeline", type=PipelineConfig, default=base)
    try:
        config: PipelineConfig = parser.instantiate(parser.parse_object({"pipeline": changes})).pipeline
    except Exception as error:
        raise ValueError(f"pipeline: {' '.join(str(error).split())}") from error
    return config
