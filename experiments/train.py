"""Train the networks, and fit the CRF.

    python experiments/train.py detector --recipe experiments/recipes/detector.yaml --data PEOPLE --run runs/detector
    python experiments/train.py pose --recipe experiments/recipes/pose.yaml --data PEOPLE --run runs/pose
    python experiments/train.py part --recipe experiments/recipes/part.yaml --data PEOPLE --run runs/part
    python experiments/train.py pose --recipe experiments/recipes/pose_fold.yaml --data PEOPLE --run runs/fold0 \
        --fold 0/2                                                                (and the same with 1/2)
    python experiments/train.py crf --recipe experiments/recipes/crf.yaml --data PEOPLE --run runs/crf \
        --model MODEL --folds runs/fold0/short/pose.safetensors runs/fold1/short/pose.safetensors
    python experiments/train.py refine --recipe experiments/recipes/refine.yaml --data PEOPLE --run runs/refine \
        --model MODEL --folds runs/fold0/pose.safetensors runs/fold1/pose.safetensors
    python experiments/train.py jppnet --recipe experiments/recipes/jppnet.yaml --data PEOPLE --run runs/jppnet
    python experiments/train.py parsing --recipe experiments/recipes/attention.yaml --data PEOPLE \
        --run runs/attention
    python experiments/train.py parsing --recipe experiments/recipes/baselines_parsing.yaml --data PEOPLE \
        --run runs/parsing
    python experiments/train.py joints --recipe experiments/recipes/baselines_joints.yaml --data PEOPLE \
        --run runs/joints
    python experiments/train.py pose --preset xia2017 --data PASCAL --run runs/pose
    accelerate launch --multi_gpu --num_processes 2 experiments/train.py pose --data PEOPLE --run runs/pose \
        --loop.device cuda                                    (one process for each GPU; see docs/train.md)

PEOPLE is the folder of a data set, or several folders; posepart/data/readers.py lists the layouts that are read.
MODEL is a folder with the weights that were trained before. A recipe is a list of stages, each of which starts from
the one before. Stage NAME writes its log, checkpoint, weights and card to RUN/NAME, the fit of the CRF report.json
in place of a log; the result of the last stage is copied to RUN. A finished stage is not trained again. `--stage
NAME` runs only that stage, and `--resume` continues an interrupted run. `--preset NAME` takes the recipe of a paper,
which is in posepart/presets/NAME.yaml.

`--scenes SCENES` adds the synthetic scenes that a stage names, from SCENES/NAME; the recipe lists how to make them.
Files that a recipe names, such as movenet_thunder.npz, are read from the current folder. `--init FILE` replaces the
file of the first stage, and `--init none` starts from random weights. Without `--recipe`, there is one stage with
default settings, written to RUN itself.

Any setting can be given as an option, such as `--loop.steps 500`, and then holds for all stages. `--config FILE`
reads settings from YAML, `--print_config` prints those of the first stage, and `train.py part --help` lists all.
"""

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonargparse import ArgumentParser, Namespace

from posepart.presets import preset_names, read_preset
from posepart.training.recipe import Recipe, Stage, merged, read_recipe, scene_folders
from posepart.training.scripts import run_script, script_parser

if TYPE_CHECKING:
    from posepart.training.run import Run

NETWORKS = ("detector", "pose", "part", "crf", "refine", "jppnet", "parsing", "joints")
FROM_SCRATCH = "none"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    network, *options = (sys.argv[1:] if arguments is None else arguments) or [""]
    if network in ("-h", "--help"):
        print(__doc__)
        return
    if network not in NETWORKS:
        raise ValueError(f"what to train? Expected one of {', '.join(NETWORKS)}, got {network!r}")
    from posepart.training.processes import join_processes

    parser = command_line(network)
    chosen = parser.parse_args([option for option in options if not option.startswith("--print_config")])
    recipe = recipe_of_choice(network, chosen)
    stages = [recipe.stage(chosen.stage)] if chosen.stage else list(recipe.stages)
    check_files(network, stages, recipe, chosen)
    processes = join_processes(chosen.loop.device if "loop" in chosen else chosen.device)
    for stage in stages:
        if stage.average:
            if processes.index == 0:
                average_stage(network, stage, recipe, chosen)
        else:
            first = stage is stages[0]
            train_stage(network, stage, recipe, options if first else _without_init(options))
        processes.wait()
    result = weights_of(chosen.run, recipe.stages[-1].name, network)
    if recipe.name and stages[-1] is recipe.stages[-1] and processes.index == 0:
        for file in (result, result.with_suffix(".json")):
            shutil.copy(file, chosen.run / file.name)
        print(f"the result is {chosen.run / result.name}")


def command_line(network: str) -> ArgumentParser:
    """The command line of one network."""
    job = _job(network)
    parser = script_parser(job.__doc__, f"train.py {network}")
    parser.add_argument(
        "--config", action="config", help="YAML file of settings, which replace those of the recipe"
    )
    parser.add_argument(
        "--recipe", type=Path, help="YAML file of stages, such as those in experiments/recipes"
    )
    parser.add_argument("--preset", type=str, help=f"a paper's recipe: {', '.join(preset_names())}")
    parser.add_argument("--stage", type=str, help="only this stage of the recipe")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of data sets")
    parser.add_argument("--scenes", type=Path, help="folder with the synthetic scenes that the recipe lists")
    parser.add_argument("--run", type=Path, required=True, help="folder of the log, checkpoints and weights")
    parser.add_argument("--init", type=str, help="weight file from which the first stage starts, or none")
    parser.add_argument("--resume", action="store_true", help="continue from the last checkpoint")
    parser.add_class_arguments(job.Settings, skip={"folds"})
    if "folds" in (field.name for field in fields(job.Settings)):
        parser.add_argument(
            "--folds",
            type=Path,
            nargs="+",
            default=[],
            help="pose weights of all folds, trained by train.py pose --fold",
        )
    return parser


def recipe_of_choice(network: str, chosen: Namespace) -> Recipe:
    """The recipe that --recipe or --preset names; without either, one stage of default settings.

    Where a training runs the pipeline, that of the preset stands in the settings.

    Raises
    ------
    ValueError
        Both are named, or as `read_recipe` and `read_preset`.
    """
    if chosen.recipe and chosen.preset:
        raise ValueError("--recipe and --preset both name stages: give one of them")
    if not chosen.preset:
        return read_recipe(chosen.recipe) if chosen.recipe else Recipe("", (Stage(""),))
    preset = read_preset(chosen.preset)
    recipe = preset.recipe(network)
    if "pipeline" not in (field.name for field in fields(_job(network).Settings)):
        return recipe
    under = {"pipeline": asdict(preset.pipeline)}
    stages = (replace(stage, settings=merged(under, stage.settings)) for stage in recipe.stages)
    return replace(recipe, stages=tuple(stages))


def _job(network: str) -> Any:
    """The module that trains a network."""
    return import_module(f"posepart.training.jobs.{network}")


def _without_init(options: Sequence[str]) -> list[str]:
    """The options of later stages, which start from the stage before."""
    pairs = zip(options, ["", *options], strict=False)
    return [o for o, before in pairs if before != "--init" and o != "--init" and not o.startswith("--init=")]


def check_files(network: str, stages: Sequence[Stage], recipe: Recipe, chosen: Namespace) -> None:
    """Check that the files which later stages take exist, before hours are spent on earlier stages.

    Raises
    ------
    ValueError
        One is missing.
    """
    names = [stage.name for stage in recipe.stages]
    for stage in stages:
        settings = [getattr(chosen, key, None) or stage.settings.get(key) for key in ("guide", "trunk")]
        init = None if stage is stages[0] else stage.init  # that of the first stage is checked when it starts
        missing = [
            file
            for file in (init, *stage.average, *settings)
            if file and file not in names and not Path(file).exists()
        ]
        if missing and not weights_of(chosen.run, stage.name, network).with_suffix(".json").exists():
            raise ValueError(
                f"{missing[0]}: stage {stage.name} takes this file, which is missing; put it there, or train the "
                "stages before it one by one (--stage NAME)"
            )


def train_stage(network: str, stage: Stage, recipe: Recipe, options: Sequence[str]) -> None:
    """Run the training of a stage unless it is finished.

    Raises
    ------
    ValueError
        A setting is wrong, or the initial weights are missing.
    """
    from posepart.training.checkpoints import check_settings, fill_in
    from posepart.training.run import say

    parser = command_line(network)
    given = ["--config", json.dumps(stage.settings)] if stage.settings else []
    try:
        chosen = parser.parse_args([*given, *options])
    except Exception as error:
        raise ValueError(f"{recipe.name} {stage.name}: {error}".lstrip()) from error
    instance = parser.instantiate(chosen)
    job = _job(network)
    settings = job.Settings(**{field.name: instance[field.name] for field in fields(job.Settings)})
    run = run_of(stage, recipe, chosen, network)
    record = json.loads(parser.dump(chosen, format="json"))
    run = replace(run, settings={**record, "data": [str(path) for path in run.data], "init": str(run.init)})
    if (run.folder / "config.json").exists():
        fill_in(run.folder / "config.json", default_settings(parser))
    weights = run.folder / f"{network}.safetensors"
    if weights.with_suffix(".json").exists():
        check_settings(run.folder / "config.json", run.record)
        say(f"{stage.name or network}: finished before, {weights}")
        return
    say(f"{stage.name}:" if stage.name else "")
    job.train(settings, run)


def default_settings(parser: ArgumentParser) -> dict[str, Any]:
    """The defaults of all settings by their names in `config.json`."""
    namespace = parser.get_defaults()
    nested = json.loads(parser.dump(namespace, format="json", skip_validation=True))
    found = {}
    for name in namespace.as_flat().__dict__:
        value = nested
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if value is not None:  # which config.json leaves out
            found[name if name.startswith("loop.") else f"arguments.{name}"] = value
    return found


def run_of(stage: Stage, recipe: Recipe, chosen: Namespace, network: str) -> "Run":
    """The folders and files of a stage."""
    from posepart.models.starts import check_sha256
    from posepart.training.run import Run, say

    scenes: list[Path] = []
    if stage.scenes and chosen.scenes:
        scenes = scene_folders(recipe, stage, chosen.scenes)
    elif stage.scenes:
        say(
            f"{stage.name}: trains without the synthetic scenes {', '.join(stage.scenes)}; --scenes adds them"
        )
    source = chosen.init or stage.init
    init = None if source in (None, FROM_SCRATCH) else source_file(source, stage, recipe, chosen.run, network)
    if init is not None and stage.init_sha256 and source == stage.init:
        check_sha256(init, stage.init_sha256)
    return Run(
        folder=chosen.run / stage.name,
        data=(*chosen.data, *scenes),
        init=init,
        resume=chosen.resume,
        recipe=recipe.name or None,
        recipe_stage=stage.name or None,
    )


def source_file(source: str, stage: Stage, recipe: Recipe, run: Path, network: str) -> Path:
    """Find the weight file that a stage starts from or averages: that of an earlier stage, or a file.

    Raises
    ------
    ValueError
        It does not exist.
    """
    if source in (earlier.name for earlier in recipe.stages):
        path = weights_of(run, source, network)
        mend = f"run that stage first (--stage {source}), or pass --init FILE"
    else:
        path = Path(source)
        mend = "put the file there, or pass --init FILE, or --init none for random weights"
    if not path.exists():
        raise ValueError(f"{path}: stage {stage.name} takes these weights, which are missing; {mend}")
    return path


def weights_of(run: Path, stage: str, network: str) -> Path:
    """The path of a stage's weights."""
    return run / stage / f"{network}.safetensors"


def average_stage(network: str, stage: Stage, recipe: Recipe, chosen: Namespace) -> None:
    """Average the weights of earlier stages and files, unless the average exists."""
    out = weights_of(chosen.run, stage.name, network)
    if out.with_suffix(".json").exists():
        print(f"{stage.name}: finished before, {out}")
        return
    from posepart.training.averages import Average, write_average

    files = [source_file(source, stage, recipe, chosen.run, network) for source in stage.average]
    shift = stage.settings.get("score_shift")
    average = Average(
        tuple(files),
        tuple(stage.average.values()),
        stage.settings.get("arguments", {}),
        tuple(stage.settings.get("eight_bit", ())),
        (shift[0], shift[1]) if shift else None,
    )
    write_average(average, out, name=stage.name, recipe=recipe.name, recipe_stage=stage.name)
    print(f"wrote {out}")


if __name__ == "__main__":
    run_script(main)
