"""experiments/train.py: the recipes that ship, a chain of stages, and what is refused."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import train
from helpers.people_data import write_people

from posepart.data.person_crops import CropBatchConfig
from posepart.loading import load
from posepart.models.builders import build
from posepart.models.model_set import read_card
from posepart.models.weight_files import load_network, read_tensors
from posepart.training import loop
from posepart.training.recipe import Recipe, Stage, read_recipe

RECIPES = Path(train.__file__).parent / "recipes"
NETWORK_OF = {  # where the file is not named after the network
    "pose_fold": "pose",
    "pose_people2": "pose",
    "attention": "parsing",
    **{f"baselines_{network}": network for network in ("parsing", "joints", "jppnet")},
}
CHAIN = """
defaults:
  arguments: {width: 0.35}
  freeze: 0
  loop: {steps: 2, checkpoint_every: 1, evaluate_every: 2, threads: 1, bf16: false, seed: 3}
  batches: {batch_size: 2, seed: 3, crop: {size: 64}}
stages:
  - {name: first}
  - {name: second, loop: {seed: 4}}
  - {name: mean, average: {first: 1, second: 3}}
"""


pytestmark = pytest.mark.usefixtures("terminal")


def shipped_recipes() -> Iterator[tuple[str, Recipe]]:
    for path in sorted(RECIPES.glob("*.yaml")):
        if path.stem != "compare_jppnet":  # settings of compare_jppnet.py
            yield NETWORK_OF.get(path.stem, path.stem), read_recipe(path)


def resolved(network: str, stage: Stage, options: Sequence[str] = ()) -> Any:
    """The `Settings` of a training stage, without or with further options."""
    parser = train.command_line(network)
    needed = ["--data", "PEOPLE", "--run", "RUN", *options]
    chosen = parser.parse_args(
        [*(["--config", json.dumps(stage.settings)] if stage.settings else []), *needed]
    )
    job: Any = import_module(f"posepart.training.jobs.{network}")
    instance = parser.instantiate(chosen)
    return job.Settings(**{field.name: instance[field.name] for field in fields(job.Settings)})


def test_there_is_a_recipe_for_every_network() -> None:
    assert {network for network, _ in shipped_recipes()} == set(train.NETWORKS)


@pytest.mark.parametrize(
    ("network", "recipe"), shipped_recipes(), ids=lambda value: getattr(value, "name", value)
)
def test_the_recipes_that_ship_resolve(network: str, recipe: Recipe) -> None:
    needed = ["--model", "MODEL"] if network in ("crf", "refine") else []
    for stage in recipe.stages:
        if stage.average:
            continue
        settings = resolved(network, stage, needed)
        if isinstance(settings.batches, CropBatchConfig):
            shares = settings.batches.source_shares
        else:
            shares = settings.batches.mosaic.source_shares
        assert not shares or 0.9 < sum(shares.values()) < 1.05
        assert getattr(settings, "loop", settings.batches).seed == settings.batches.seed


def test_every_shipped_card_names_a_stage() -> None:
    from posepart.models.model_set import installed_models

    for card in installed_models()[0].cards.values():
        if card.recipe is not None:
            assert card.recipe_stage is not None
            read_recipe(RECIPES / card.recipe).stage(card.recipe_stage)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "people"
    folder.mkdir()
    write_people(folder)
    (folder / "person_keypoints_train.json").write_bytes((folder / "person_keypoints_val.json").read_bytes())
    return folder


@pytest.fixture
def command(data: Path, tmp_path: Path) -> list[str]:
    recipe = tmp_path / "chain.yaml"
    recipe.write_text(CHAIN)
    return ["part", "--recipe", str(recipe), "--data", str(data), "--run", str(tmp_path / "run")]


def test_a_chain(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Stages run in order, each from the one before; an average; the result beside them; nothing twice."""
    train.main(command)
    run = tmp_path / "run"
    first, second, mean = (
        read_tensors(run / name / "part.safetensors") for name in ("first", "second", "mean")
    )
    result = read_tensors(run / "part.safetensors")
    for name, tensor in mean.items():
        if not tensor.is_floating_point():
            continue
        torch.testing.assert_close(
            tensor, (0.25 * first[name] + 0.75 * second[name]).to(tensor.dtype), rtol=2e-3, atol=1e-3
        )
        torch.testing.assert_close(tensor, result[name], rtol=0, atol=0)
    card = read_card(run / "second" / "part.safetensors")
    assert (card.recipe, card.recipe_stage, card.started_from) == ("chain.yaml", "second", "part.safetensors")
    assert card.arguments == {"width": 0.35}
    assert card.photos == {"coco": 3, "lsp_extended": 1, "pelota": 1}
    assert set(card.metrics) >= {"miou", "iou_head"}
    assert read_card(run / "part.safetensors").average_of[1]["share"] == 0.75
    capsys.readouterr()
    train.main(command)
    assert capsys.readouterr().out.count("finished before") == 3
    with pytest.raises(ValueError, match=r"another (arguments\.)?loop\.lr"):
        train.main([*command, "--loop.lr", "0.5"])


def test_a_killed_run_is_resumed_bit_for_bit(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train.main([*command, "--stage", "first"])
    whole = read_tensors(tmp_path / "run" / "first" / "part.safetensors")
    other = [*command[:-1], str(tmp_path / "other")]
    save = loop.save_checkpoint

    def killed(path: Path, step: int, parts: Any, generators: Any) -> None:
        save(path, step, parts, generators)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_checkpoint", killed)
        with pytest.raises(KeyboardInterrupt):
            train.main([*other, "--stage", "first"])
    with pytest.raises(ValueError, match="pass --resume to continue it"):
        train.main([*other, "--stage", "first"])
    train.main([*other, "--stage", "first", "--resume"])
    resumed = read_tensors(tmp_path / "other" / "first" / "part.safetensors")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_run_of_an_earlier_version_stands(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Settings that its config.json lacks have their defaults."""
    train.main([*command, "--stage", "first"])
    path = tmp_path / "run" / "first" / "config.json"
    record = json.loads(path.read_text())
    del (
        record["arguments"]["batches"]["need"],
        record["arguments"]["batches"]["augment"],
        record["loop"]["optimiser"],
    )
    path.write_text(json.dumps(record))
    train.main([*command, "--stage", "first"])
    assert "first: finished before" in capsys.readouterr().out
    path.write_text(json.dumps(record))
    with pytest.raises(ValueError, match=r"holds a run with another loop\.optimiser: resume"):
        train.main([*command, "--stage", "first", "--loop.optimiser", "sgd"])


def test_a_stage_alone_needs_the_one_before(command: list[str], tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"stage second takes these weights, which are missing; run that stage first"
    ):
        train.main([*command, "--stage", "second"])
    train.main([*command, "--stage", "second", "--init", "none"])
    assert read_card(tmp_path / "run" / "second" / "part.safetensors").started_from == ""


def test_a_file_that_a_later_stage_lacks_is_missed_before_the_first(
    command: list[str], tmp_path: Path
) -> None:
    recipe = tmp_path / "chain.yaml"
    recipe.write_text(CHAIN.replace("mean, average: {first: 1, ", "mean, average: {nowhere.npz: 1, "))
    with pytest.raises(ValueError, match=r"nowhere\.npz: stage mean takes this file, which is missing"):
        train.main(command)
    assert not (tmp_path / "run").exists()
    train.main([*command, "--stage", "first"])


def test_without_a_recipe(data: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        "loop: {steps: 1, threads: 1}\narguments: {width: 0.35}\nbatches: {batch_size: 2, crop: {size: 64}}\n"
    )
    run = tmp_path / "run"
    train.main(["part", "--data", str(data), "--run", str(run), "--config", str(config), "--loop.seed", "8"])
    assert json.loads((run / "config.json").read_text())["loop"]["seed"] == 8
    assert read_card(run / "part.safetensors").recipe is None


SINGLE_TASKS = {
    "parsing": ("graph_lstm_s", {"part_miou"}),
    "joints": ("stacked_hourglass_s", {"pck_human", "pckh_human"}),
}


@pytest.mark.parametrize("network", list(SINGLE_TASKS))
def test_a_single_task_from_data_to_a_model(data: Path, tmp_path: Path, network: str) -> None:
    """The card names builder and arguments, and the weights with their card are a model of `load`."""
    builder, measures = SINGLE_TASKS[network]
    config = tmp_path / "config.yaml"
    config.write_text(
        "loop: {steps: 1, threads: 1, bf16: false}\narguments: {width: 0.35}\nfreeze: 2\n"
        "batches: {batch_size: 2, crop: {size: 64}}\nevaluation: {size: 64}\n"
    )
    run = tmp_path / "run"
    command = [network, "--data", str(data), "--run", str(run), "--config", str(config)]
    train.main([*command, "--builder", builder])
    card = read_card(run / f"{network}.safetensors")
    assert (card.stage, card.builder, card.arguments) == (network, builder, {"width": 0.35})
    assert set(card.metrics) >= measures
    model = load_network(run / f"{network}.safetensors")
    assert type(model) is type(build(builder, {"width": 0.35}))
    with pytest.raises(ValueError, match=r"expected .*14 joints|expected .*7 labels"):
        train.main([*command[:4], str(tmp_path / "other"), *command[5:], "--builder", "jppnet_s"])


def test_photos_are_trained_on_as_a_whole(data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    arguments = [
        "--builder",
        "fcn8s_s",
        "--arguments",
        '{"width": 0.35}',
        "--freeze",
        "0",
        "--crops",
        "photo",
    ]
    sizes = ["--batches.crop.size", "64", "--batches.batch_size", "2", "--evaluation.size", "64"]
    train.main([
        "parsing", "--data", str(data), "--run", str(run), *arguments, *sizes, "--loop.steps", "1"
    ])  # fmt: skip
    pipeline = load(run)
    assert pipeline(np.zeros((60, 80, 3), np.uint8)).people == ()


RECIPE_OF_OTHERS = """
stages:
  - name: own
    arguments: {width: 0.35}
    freeze: 0
    loop: {steps: 1, threads: 1, bf16: false}
    batches: BATCHES
"""
BATCHES = {
    "part": "{batch_size: 2, crop: {size: 64}, source_shares: {ccp: 0.7, lsp_extended: 0.1}}",
    "detector": "{batch_size: 2, mosaic: {shapes: [[64, 64]], source_shares: {ccp: 0.7, lsp_extended: 0.1}}}",
}


@pytest.mark.parametrize("network", list(BATCHES))
def test_a_recipe_of_other_sources_on_a_folder_without_val_photos(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], network: str
) -> None:
    (data / "person_keypoints_val.json").unlink()
    recipe, run = tmp_path / "others.yaml", tmp_path / "run"
    recipe.write_text(RECIPE_OF_OTHERS.replace("BATCHES", BATCHES[network]))
    train.main([network, "--recipe", str(recipe), "--data", str(data), "--run", str(run), "--init", "none"])
    printed = capsys.readouterr().out
    assert "the data holds nothing of ccp, and no share is given to coco, pelota; training draws" in printed
    assert "10% lsp_extended" in printed
    assert "the data has no val photos: the training is not measured" in printed
    assert read_card(run / f"{network}.safetensors").metrics == {}


def test_folds_on_the_command_line() -> None:
    usual = ["--data", "people", "--run", "run"]
    for network in ("part", "pose"):
        command = train.command_line(network)
        assert command.parse_args(usual).fold is None
        assert command.parse_args([*usual, "--fold", "0/2"]).fold == "0/2"
    for network in ("crf", "refine"):
        command, needed = train.command_line(network), [*usual, "--model", "model"]
        assert command.parse_args(needed).folds == []
        chosen = command.parse_args([*needed, "--folds", "a.safetensors", "b"])
        assert [str(path) for path in chosen.folds] == ["a.safetensors", "b"]
        assert resolved(network, Stage(""), [*needed, "--folds", "a", "b"]).folds == [
            Path("a"),
            Path("b"),
        ]


@pytest.mark.parametrize("fold", ["2/2", "0/1", "first", "0"])
def test_a_wrong_fold_is_refused(data: Path, tmp_path: Path, fold: str) -> None:
    with pytest.raises(ValueError, match=r"fold .*: expected K/N"):
        train.main([
            "part", "--data", str(data), "--run", str(tmp_path), "--fold", fold, "--arguments", '{"width": 0.35}'
        ])  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "what to train? Expected one of detector"),
        (["parser"], "got 'parser'"),
        (["part", "--run", "r"], "required: data"),
        (["part", "--data", "d", "--run", "r", "--recipe", "nowhere.yaml"], "nowhere.yaml: no such recipe"),
        (["part", "--data", "d", "--run", "r", "--loop.stepz", "3"], "--loop.stepz"),
    ],
)
def test_mistakes_are_one_sentence(arguments: list[str], message: str) -> None:
    """As a user sees them: on the terminal, with exit code 2."""
    finished = subprocess.run(
        [sys.executable, train.__file__, *arguments], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 2
    assert message in finished.stderr
    assert finished.stderr.startswith("train.py: error: ")
    assert finished.stderr.count("\n") == 1


def test_a_wrong_setting_in_a_recipe_names_the_stage() -> None:
    with pytest.raises(Exception, match="does not accept option 'stepz'"):
        resolved("part", Stage("first", {"loop": {"stepz": 3}}))


def test_help_needs_no_torch() -> None:
    code = "import sys, train; train.main(['--help']); print('torch' in sys.modules)"
    finished = subprocess.run(
        [sys.executable, "-c", code], cwd=RECIPES.parent, capture_output=True, text=True, check=True
    )
    assert finished.stdout.endswith("False\n")
