"""The tasks that train the networks of a plan, and put their weights together as models."""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from posepart.io.files import sha256, write_text
from posepart.models.model_set import find_model
from posepart.presets import read_preset
from posepart.reproduction.plan import Plan, Training
from posepart.reproduction.tasks import Folders, Task

Trainer = Callable[[list[str]], None]  # `train.py` with these arguments
UNSTARTED = ("crf", "refine", "detector")  # networks that do not start from weights trained on people


def task_of(
    training: Training,
    plan: Plan,
    data: Mapping[str, Sequence[Path]],
    train: Trainer,
    start: Path | None = None,
) -> Task:
    """The task that runs a training.

    Parameters
    ----------
    training : Training
    plan : Plan
    data : mapping of str to sequence of Path
        The folders of every data set, the paper's own first.
    train : callable
        Runs `train.py`.
    start : Path, optional
        Weights from which it starts if it has no other start.
    """
    own = training.data or next(iter(data))
    starts = start if training.start and not training.init and training.network not in UNSTARTED else None

    def run(folder: Path, inputs: Folders) -> None:
        init = [] if starts is None else ["--init", str(starts)]
        train([*_options(training, plan, folder, inputs, data[own]), *init])

    settings = {
        "network": training.network,
        "stages": training.stages,
        "preset": _preset_record(training),
        "settings": training.settings,
        "model": training.model,
        "init": training.init,
        "start": sha256(starts) if starts else None,
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
    if training.starts_installed:
        yield from ("--init", str(find_model(training.init or "").path(training.network)))
    elif training.init is not None:
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
    trained = {stage: source for stage, source in stages.items() if source in plan.trainings}
    installed = {
        stage: find_model(source).path(stage) for stage, source in stages.items() if stage not in trained
    }

    def run(folder: Path, inputs: Folders) -> None:
        for stage, training in trained.items():
            network = plan.trainings[training].network
            link_weights(
                inputs[f"train/{training}"] / f"{network}.safetensors", folder / f"{stage}.safetensors"
            )
        for stage, path in installed.items():
            link_weights(path, folder / f"{stage}.safetensors")

    files = tuple(f"{stage}{suffix}" for stage in stages for suffix in (".safetensors", ".json"))
    inputs = tuple(dict.fromkeys(f"train/{training}" for training in trained.values()))
    settings = {"stages": stages, "installed": {stage: sha256(path) for stage, path in installed.items()}}
    return Task(f"model/{name}", settings, run, files, inputs)
