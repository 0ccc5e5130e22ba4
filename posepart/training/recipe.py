"""Recipes: the stages of a training as data.

A recipe is a YAML file:

    scenes: {a: {photos: 900, seed: 5000}}     # posepart synth -n 900 --seed 5000 -o SCENES/a
    defaults: {...}                            # settings of every stage
    stages:
      - {name: first, init: movenet_thunder.npz, scenes: [a], loop: {steps: 1000}}
      - {name: second, loop: {steps: 500}}     # starts from the stage before
      - {name: mean, average: {first: 1, second: 2}}

A stage is a training, whose settings are the options of `train.py`, or an average of earlier stages and files.
"""

import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posepart.io.yaml_files import read_yaml

# A stage replaces these settings as a whole, instead of entry by entry.
WHOLE = ("arguments", "source_shares", "tilings")
AVERAGE_KEYS = {"arguments", "eight_bit", "score_shift"}
LONGEST_NAME = 100  # characters
LARGEST = 1e9  # largest number


@dataclass(frozen=True)
class Stage:
    """A stage of a recipe.

    Attributes
    ----------
    name : str
        Name, which is also that of the folder of its weights.
    settings : dict
        Options of `train.py`, including the recipe's defaults; for an average, fields of `Average`.
    init : str, optional
        The earlier stage or file from which a training starts.
    init_sha256 : str, optional
        The first eight or more hexadecimal digits of that file's SHA-256.
    scenes : tuple of str
        Names of synthetic scenes to train on besides the photos.
    average : dict
        Stage or file -> its share; empty for a training.
    """

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    init: str | None = None
    scenes: tuple[str, ...] = ()
    average: dict[str, float] = field(default_factory=dict)
    init_sha256: str | None = None


@dataclass(frozen=True)
class Recipe:
    """The stages of a training, in order."""

    name: str  # name of the file
    stages: tuple[Stage, ...]  # in the order of training
    scenes: dict[str, dict[str, int]] = field(
        default_factory=dict
    )  # name -> photos and seed, for `posepart synth`

    def stage(self, name: str) -> Stage:
        """Look up a stage by its name.

        Raises
        ------
        ValueError
            There is no such stage.
        """
        for stage in self.stages:
            if stage.name == name:
                return stage
        names = ", ".join(stage.name for stage in self.stages)
        raise ValueError(f"{self.name} has no stage {name}; its stages are {names}")


def read_recipe(path: Path) -> Recipe:
    """Read a recipe; settings are checked when a stage is run.

    Raises
    ------
    ValueError
        The file is not a recipe, or a stage names scenes that are not listed or a stage that is not before it.
    """
    try:
        content = read_yaml(path)
    except FileNotFoundError as error:
        raise ValueError(f"{path}: no such recipe") from error
    except ValueError as error:
        raise ValueError(f"{path}: not a YAML file ({error})") from error
    return recipe_of(content, path)


def recipe_of(content: object, path: Path) -> Recipe:
    """The recipe that the content of a file describes.

    Raises
    ------
    ValueError
        As `read_recipe`.
    """
    if not isinstance(content, dict) or not isinstance(content.get("stages"), list):
        raise ValueError(f"{path}: a recipe has a list of stages, each with a name")
    unknown = sorted(map(str, content.keys() - {"scenes", "defaults", "stages"}))
    if unknown:
        raise ValueError(
            f"{path}: unknown {_short(', '.join(unknown))}; a recipe has scenes, defaults and stages"
        )
    scenes, defaults = content.get("scenes") or {}, content.get("defaults") or {}
    _check_scenes(path, scenes)
    if not isinstance(defaults, dict):
        raise ValueError(f"{path}: expected settings as defaults, got {reprlib.repr(defaults)}")
    stages: list[Stage] = []
    for number, entry in enumerate(content["stages"], start=1):
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise ValueError(f"{path}: stage {number} has no name")
        _check_types(f"{path}: stage {number}", entry)
        stage = _stage(entry, defaults, stages)
        _check(stage, path, scenes, {earlier.name for earlier in stages})
        stages.append(stage)
    return Recipe(path.name, tuple(stages), scenes)


def _check_scenes(path: Path, scenes: object) -> None:
    if not isinstance(scenes, dict):
        raise ValueError(f"{path}: expected scenes by name, got {reprlib.repr(scenes)}")
    for name, numbers in scenes.items():
        sound = isinstance(name, str) and isinstance(numbers, dict)
        if not sound or not all(type(numbers.get(key)) is int for key in ("photos", "seed")):
            raise ValueError(
                f"{path}: scenes {reprlib.repr(name)}: expected whole numbers as photos and seed"
            )


def _names_folder(value: str) -> bool:
    return value.isprintable() and len(value) <= LONGEST_NAME and Path(value).name == value != ".."


def _are_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST


def _are_shares(value: object) -> bool:
    return isinstance(value, dict) and _are_names([*value]) and all(map(_is_number, value.values()))


_KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "name": (_names_folder, "the name of a folder"),
    "init": (lambda value: value is None or isinstance(value, str), "a stage or a file"),
    "init_sha256": (lambda value: value is None or isinstance(value, str), "hexadecimal digits in quotes"),
    "scenes": (_are_names, "a list of names"),
    "average": (_are_shares, "a share for each stage or file"),
}
_AVERAGE_KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "arguments": (lambda value: isinstance(value, dict), "arguments of a builder"),
    "eight_bit": (_are_names, "a list of names"),
    "score_shift": (
        lambda value: isinstance(value, list) and len(value) == 2 and all(map(_is_number, value)),
        "two numbers",
    ),
}


def _check_types(where: str, entry: Mapping[Any, Any]) -> None:
    kinds = {**_KINDS, **(_AVERAGE_KINDS if entry.get("average") else {})}
    for key, value in entry.items():
        if not isinstance(key, str):
            raise ValueError(f"{where}: expected names of settings, got {reprlib.repr(key)}")
        fits, expected = kinds.get(key, (lambda value: True, ""))
        if not fits(value):
            raise ValueError(f"{where}: {key}: expected {expected}, got {reprlib.repr(value)}")


def _short(text: str) -> str:
    return " ".join(text.split())[:LONGEST_NAME]


def _stage(entry: dict[str, Any], defaults: Mapping[str, Any], before: list[Stage]) -> Stage:
    settings = dict(entry)
    name, average = settings.pop("name"), settings.pop("average", {})
    init = settings.pop("init", before[-1].name if before else None)
    scenes, digits = tuple(settings.pop("scenes", ())), settings.pop("init_sha256", None)
    if average:
        return Stage(name, settings, average=average)
    return Stage(name, merged(defaults, settings), init, scenes, init_sha256=digits)


def _check(stage: Stage, path: Path, scenes: Mapping[str, Any], before: set[str]) -> None:
    where = f"{path}: stage {stage.name}"
    if stage.name in before:
        raise ValueError(f"{path}: two stages are named {stage.name}")
    for source in (*stage.average, *filter(None, [stage.init])):
        if source not in before and not Path(source).suffix:
            raise ValueError(f"{where} takes {_short(source)}, which is neither an earlier stage nor a file")
    for name in stage.scenes:
        if name not in scenes:
            raise ValueError(f"{where} takes the scenes {_short(name)}, which `scenes` does not list")
    unknown = sorted(stage.settings.keys() - AVERAGE_KEYS) if stage.average else []
    if unknown:
        raise ValueError(f"{where} is an average, for which there is no {_short(', '.join(unknown))}")


def merged(defaults: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Lay settings over defaults, section by section."""
    result = dict(defaults)
    for key, value in settings.items():
        section = isinstance(value, Mapping) and isinstance(result.get(key), Mapping) and key not in WHOLE
        result[key] = merged(result[key], value) if section else value
    return result


def scene_folders(recipe: Recipe, stage: Stage, folder: Path) -> list[Path]:
    """Find the folders of a stage's scenes.

    Raises
    ------
    ValueError
        One is missing; the message says how to make it.
    """
    for name in stage.scenes:
        if not (folder / name).is_dir():
            scenes = recipe.scenes[name]
            raise ValueError(
                f"{folder / name}: the scenes of stage {stage.name} are missing; make them with "
                f"`posepart synth -n {scenes['photos']} --seed {scenes['seed']} -o {folder / name}`"
            )
    return [folder / name for name in stage.scenes]
