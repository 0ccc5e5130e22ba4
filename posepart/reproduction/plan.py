"""The trainings of a reproduction as data: which networks are trained how, one after the other.

A plan is a YAML file:

    pipeline: {preset: paper, crop: {size: 256}}    # how photos are seen, besides a preset
    crop: {size: 384, margin: 1.0}                  # of pictures of one person (LIP)
    crops: {ssjppnet: {size: 321, margin: 1.0}}     # the same of a system that differs
    views: {scales: [0.75, 0.5, 1.25]}              # in which a network sees such a picture
    steps: 200                                      # updates of every training, times its `share`
    defaults: {pose: {...}, parsing: {...}}         # settings of all trainings of a kind of network
    trainings:
      pose: {network: pose, preset: xia2017}        # the recipe of a preset, or with `only` some of its stages
      attention: {network: parsing, builder: attention_s, loop: {steps: 100}}
      jppnet: {network: jppnet, stages: [{name: parsing, ...}, {name: joint, ...}]}
      crf: {network: crf, model: [pose, part]}      # learns from the predictions of others
      ssjppnet: {network: parsing, init: attention} # starts from another, or from an installed model (posepart-s)
    models:
      ours: {detector: posepart-s, pose: pose, part: part, crf: crf, refine: refine}    # or an installed model's
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser

from posepart.config import CropConfig, JPPNetInferenceConfig, PipelineConfig
from posepart.io.yaml_files import read_yaml
from posepart.models.model_set import installed_models
from posepart.presets import read_preset
from posepart.training.recipe import Stage, merged

WITHOUT_LOOP = ("crf",)
KEYS = {"steps", "pipeline", "crop", "crops", "views", "defaults", "trainings", "models"}
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
        The preset that has its recipe, all of whose stages are run.
    settings : dict
        Settings of all stages, over those of the recipe.
    model : tuple of str
        Trainings whose weights it predicts with.
    init : str, optional
        The training or the installed model from whose weights it starts.
    data : str
        The data set that it trains on; the paper's own by default.
    share : float
        Its share of the steps of a plan.
    start : bool
        Whether it takes the start that a run gives to all trainings which have no other.
    """

    name: str
    network: str
    stages: tuple[dict[str, Any], ...] = ()
    preset: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    model: tuple[str, ...] = ()
    init: str | None = None
    data: str = ""
    share: float = 1.0
    start: bool = True

    @property
    def inputs(self) -> tuple[str, ...]:
        """The trainings whose weights it needs."""
        return (*self.model, *([self.init] if self.init and not self.starts_installed else []))

    @property
    def starts_installed(self) -> bool:
        """Whether it starts from an installed model."""
        return self.init in {model.name for model in installed_models()}


@dataclass(frozen=True)
class Plan:
    """A plan, as read from its file."""

    trainings: dict[str, Training]  # by name
    models: dict[str, dict[str, str]]  # model -> stage -> training
    pipeline: dict[str, Any] = field(default_factory=dict)  # a preset, and settings that differ from it
    crop: CropConfig = field(default_factory=lambda: CropConfig(384, 1.0))  # Sec. 6.1 of Liang et al.
    crops: dict[str, CropConfig] = field(default_factory=dict)  # of systems that differ
    views: JPPNetInferenceConfig = field(default_factory=JPPNetInferenceConfig)  # Sec. 6.1 of Liang et al.

    steps: int | None = None  # updates of every training, times its share; None: as the trainings say

    def crop_of(self, system: str) -> CropConfig:
        """How a system sees pictures of one person."""
        return self.crops.get(system, self.crop)

    def with_steps(self, steps: int | None) -> "Plan":
        """The plan with this number of updates of every training, or without it with its own."""
        steps = steps or self.steps
        if steps is None:
            return self
        changed = {
            name: replace(training, settings=_with_steps(training, steps))
            for name, training in self.trainings.items()
            if training.network not in WITHOUT_LOOP
        }
        return replace(self, trainings=self.trainings | changed)


def _with_steps(training: Training, steps: int) -> dict[str, Any]:
    own = {"steps": max(1, round(training.share * steps)), "epochs": None}
    return merged(training.settings, {"loop": own})


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
    steps = content.get("steps")
    return replace(plan, crops=crops, views=JPPNetInferenceConfig(**views), steps=steps)


def _training(name: str, entry: Mapping[str, Any], defaults: Mapping[str, Any]) -> Training:
    own = dict(entry)
    network = own.pop("network", name)
    preset, init, model = own.pop("preset", None), own.pop("init", None), tuple(own.pop("model", ()))
    stages = tuple(own.pop("stages", () if preset else ({"name": ONLY_STAGE},)))
    if "only" in own:
        recipe = read_preset(preset or "").recipe(network)
        chosen = [recipe.stage(stage) for stage in own.pop("only")]
        stages, preset = tuple({"name": one.name, "init": _file(one), **one.settings} for one in chosen), None
    data, share, start = own.pop("data", ""), own.pop("share", 1.0), own.pop("start", True)
    usual = {} if preset or len(stages[0]) > 1 else defaults.get(network, {})
    settings = merged(usual, own)
    if "arguments" in usual:
        settings["arguments"] = {**usual["arguments"], **own.get("arguments", {})}
    return Training(name, network, stages, preset, settings, model, init, data, share, start)


def _file(stage: Stage) -> str | None:
    """The file that a stage starts from; what started from another stage gets its start from the plan."""
    return stage.init if stage.init and Path(stage.init).suffix else None


def pipeline_of(plan: Plan) -> PipelineConfig:
    """The settings of the final model: a preset, and what the plan changes.

    Raises
    ------
    ValueError
        There is no such preset or setting.
    """
    changes = dict(plan.pipeline)
    preset = changes.pop("preset", "paper")
    base = PipelineConfig() if preset == "default" else read_preset(preset).pipeline
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--pipeline", type=PipelineConfig, default=base)
    try:
        config: PipelineConfig = parser.instantiate(parser.parse_object({"pipeline": changes})).pipeline
    except Exception as error:
        raise ValueError(f"pipeline: {' '.join(str(error).split())}") from error
    return config
