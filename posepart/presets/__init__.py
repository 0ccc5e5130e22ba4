"""Presets: a paper's whole system in one readable file, with every number and where it is printed.

A preset is a YAML file in this folder:

    about: ...                        # one sentence
    base: xia2017                     # optional: another preset, which this one changes
    pipeline: {...}                   # settings of the pipeline (config.PipelineConfig) that are not the defaults
    training: {pose: {defaults: {...}, stages: [...]}, ...}  # network -> its recipe (training/recipe.py)
    every_stage: {pose: {...}, ...}   # with a base: network -> settings laid over all of its stages

`posepart predict --preset NAME` takes its pipeline, `experiments/train.py NETWORK --preset NAME` its recipes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser

from posepart.config import PipelineConfig
from posepart.io.yaml_files import read_yaml
from posepart.training.recipe import Recipe, merged, recipe_of

FOLDER = Path(__file__).parent
OLD_NAMES = {"paper": "xia2017"}  # of the pipeline alone, until version 0.2
_KEYS = {"about", "base", "pipeline", "training", "every_stage"}


@dataclass(frozen=True)
class Preset:
    """A paper's system: how it predicts and how its networks are trained."""

    name: str  # the file's
    about: str  # one sentence
    pipeline: PipelineConfig  # all settings of the pipeline
    recipes: Mapping[str, Recipe]  # network -> its trainings, in the order of training

    def recipe(self, network: str) -> Recipe:
        """The recipe of a network.

        Raises
        ------
        ValueError
            The preset trains no such network.
        """
        if network not in self.recipes:
            raise ValueError(
                f"preset {self.name} trains no {network}; its networks are {', '.join(self.recipes)}"
            )
        return self.recipes[network]

    def differing(self, builders: Mapping[str, str | None]) -> str:
        """Which networks of a model, by their builders, are not the preset's; empty if none."""
        wanted = {
            network: recipe.stages[-1].settings.get("builder") for network, recipe in self.recipes.items()
        }
        return ", ".join(
            f"{network} ({builders[network]} instead of {builder})"
            for network, builder in wanted.items()
            if builder and builders.get(network, builder) != builder
        )


def preset_names() -> tuple[str, ...]:
    """The names of all presets."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


def read_preset(name: str) -> Preset:
    """Read a preset.

    Raises
    ------
    ValueError
        There is no preset of this name, or its file is not one.
    """
    name = OLD_NAMES.get(name, name)
    if name not in preset_names():
        raise ValueError(f"unknown preset {name[:80]!r}: choose one of {', '.join(preset_names())}")
    path = FOLDER / f"{name}.yaml"
    content = _content(path)
    recipes = {
        network: replace(recipe_of(recipe, path), name=name)
        for network, recipe in content["training"].items()
    }
    about = " ".join(str(content.get("about", "")).split())
    return Preset(name, about, pipeline_of(content.get("pipeline") or {}), recipes)


def pipeline_of(settings: Mapping[str, Any]) -> PipelineConfig:
    """The pipeline with these settings; all others keep their defaults."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(PipelineConfig, "pipeline")
    pipeline: PipelineConfig = parser.instantiate(parser.parse_object({"pipeline": settings})).pipeline
    return pipeline


def _content(path: Path) -> dict[str, Any]:
    """What a file says, laid over what its base says."""
    content = read_yaml(path)
    if unknown := sorted(content.keys() - _KEYS):
        raise ValueError(f"{path}: unknown {', '.join(unknown)}; a preset has {', '.join(sorted(_KEYS))}")
    base = _content(FOLDER / f"{content['base']}.yaml") if "base" in content else {}
    training = {**base.get("training", {}), **(content.get("training") or {})}
    for network, settings in (content.get("every_stage") or {}).items():
        training[network] = _laid_over(training[network], settings)
    return {
        "about": content.get("about", ""),
        "pipeline": merged(base.get("pipeline", {}), content.get("pipeline") or {}),
        "training": training,
    }


def _laid_over(recipe: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe with settings that win over those of every stage; `init` is that of the first stage only."""
    later = {key: value for key, value in settings.items() if key != "init"}
    first, *others = recipe["stages"]
    return {
        **recipe,
        "stages": [merged(first, settings), *(merged(stage, later) for stage in others)],
    }
