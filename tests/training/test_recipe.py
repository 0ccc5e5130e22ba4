"""Recipes: defaults under stages, where a stage starts, and what is refused."""

from pathlib import Path

import pytest

from posepart.training.recipe import Stage, merged, read_recipe, scene_folders

RECIPE = """
scenes: {a: {photos: 900, seed: 5000}}
defaults:
  loop: {lr: 0.1, steps: 9}
  batches: {source_shares: {ccp: 0.5, coco: 0.5}}
stages:
  - {name: first, init: trunk.npz, scenes: [a]}
  - {name: second, loop: {steps: 3}, batches: {source_shares: {ccp: 1.0}}}
  - {name: mean, average: {first: 1, second: 2}, eight_bit: [backbone]}
  - {name: last, init: first}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text)
    return path


def test_no_settings() -> None:
    assert merged({}, {}) == {}


def test_stages(tmp_path: Path) -> None:
    recipe = read_recipe(write(tmp_path, RECIPE))
    assert [(stage.name, stage.init) for stage in recipe.stages] == [
        ("first", "trunk.npz"),
        ("second", "first"),
        ("mean", None),
        ("last", "first"),
    ]
    assert recipe.stage("first").settings["loop"] == {"lr": 0.1, "steps": 9}
    second = recipe.stage("second").settings
    assert second["loop"] == {"lr": 0.1, "steps": 3}
    assert second["batches"] == {"source_shares": {"ccp": 1.0}}, "shares are replaced as a whole"
    mean = recipe.stage("mean")
    assert (mean.average, mean.settings) == ({"first": 1, "second": 2}, {"eight_bit": ["backbone"]})
    with pytest.raises(ValueError, match="has no stage third; its stages are first, second, mean, last"):
        recipe.stage("third")


def test_missing_scenes_are_told_how_to_make(tmp_path: Path) -> None:
    recipe = read_recipe(write(tmp_path, RECIPE))
    with pytest.raises(ValueError, match=r"missing; make them with `posepart synth -n 900 --seed 5000 -o"):
        scene_folders(recipe, recipe.stage("first"), tmp_path)
    (tmp_path / "a").mkdir()
    assert scene_folders(recipe, recipe.stage("first"), tmp_path) == [tmp_path / "a"]
    assert scene_folders(recipe, Stage("none"), tmp_path) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a recipe has a list of stages"),
        ("stages: 3", "a recipe has a list of stages"),
        ("a: [", "not a YAML file"),
        ("stages: [{init: a.npz}]", "stage 1 has no name"),
        ("stages: [{name: a}, {name: a}]", "two stages are named a"),
        ("stages: [{name: a, init: b}]", "stage a takes b, which is neither an earlier stage nor a file"),
        ("stages: [{name: a, average: {b: 1}}]", "stage a takes b, which is neither an earlier stage"),
        ("stages: [{name: a, scenes: [x]}]", "takes the scenes x, which `scenes` does not list"),
        (
            "stages: [{name: a}, {name: b, average: {a: 1}, loop: {}}]",
            "is an average, for which there is no loop",
        ),
        ("stages: []\ndefaults: 2001-99-99", r"not a YAML file \(month must be in 1\.\.12\)"),
        ("%YAML 9.9\n---\nstages: []", r"not a YAML file \(found incompatible YAML document .*\)$"),
        ("stages: [a: 1, {[", r"not a YAML file \(while parsing [^\n]*\)$"),
        ("stages: " + "[" * 3000 + "]" * 3000, "not a YAML file"),
        ("stages: []\ndefaults: &a {a: *a}", r"not a YAML file \(too large or too deep"),
        ("stages: []\nscenes: true", "expected scenes by name, got True"),
        ("stages: []\nscenes: {a: {photos: many}}", "scenes 'a': expected whole numbers as photos and seed"),
        ("stages: []\n1: 2", "unknown 1; a recipe has"),
        ("stages: []\ndefaults: [1]", r"expected settings as defaults, got \[1\]"),
        ("stages: [{name: a, init: 2001-02-03}]", "stage 1: init: expected a stage or a file, got datetime"),
        ("stages: [{name: a, scenes: a}]", "stage 1: scenes: expected a list of names, got 'a'"),
        ("stages: [{name: ../a}]", "stage 1: name: expected the name of a folder, got '../a'"),
        ("stages: [{name: a, average: {b.npz: x}}]", "stage 1: average: expected a share for each stage"),
        (
            "stages: [{name: a, average: {b.npz: 1}, score_shift: 3}]",
            "score_shift: expected two numbers, got 3",
        ),
        ("stages: [{name: a, 1: 2}]", "stage 1: expected names of settings, got 1"),
        ("stage: 1\nstages: []", "unknown stage; a recipe has scenes, defaults and stages"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_recipe(write(tmp_path, text))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such recipe"):
        read_recipe(tmp_path / "recipe.yaml")
