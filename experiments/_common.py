"""What the training scripts share: the command line, the start and the end of a run."""

import json
import sys
from argparse import RawDescriptionHelpFormatter
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser, Namespace

from posepart.data.folds import Fold
from posepart.data.readers import read_samples, splits_of
from posepart.data.sample import Sample
from posepart.models.builders import build
from posepart.models.model_set import read_card
from posepart.models.weight_files import load_into, save_weights
from posepart.schema import JOINT_NAMES, PART_NAMES

LICENCES = {
    "licence_code": "Apache-2.0",
    "licence_weights": "Apache-2.0 for our part; started from Google's MoveNet (Apache-2.0), see NOTICE",
    "licence_data": "photos carry third-party rights (see the data's own README); none are distributed",
}


def training_parser(description: str | None) -> ArgumentParser:
    """A parser with `--config`, `--data`, `--run`, `--init`, `--resume`."""
    parser = ArgumentParser(description=description, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--config", action="config", help="YAML file with any of the settings below")
    parser.add_argument("--data", nargs="+", required=True, help="folders of data sets")
    parser.add_argument(
        "--run", type=Path, required=True, help="folder of this run: log, checkpoint, weights"
    )
    parser.add_argument("--init", type=Path, help="initial weights")
    parser.add_argument("--resume", action="store_true", help="continue the run from its checkpoint")
    return parser


def recorded(parser: ArgumentParser, arguments: Namespace) -> dict[str, Any]:
    """What a run's config.json holds besides its loop: every other setting as it was."""
    settings = json.loads(parser.dump(arguments, format="json"))
    settings.pop("loop", None)
    return {"arguments": settings}


def run_script(main: Callable[[], None]) -> None:
    """Call `main`; of a bad input one sentence is printed, and the exit code is 2."""
    try:
        main()
    except (ValueError, OSError) as error:
        print(f"{Path(sys.argv[0]).name}: error: {error}", file=sys.stderr)
        sys.exit(2)


def read_people(folders: Sequence[str], split: str) -> list[Sample]:
    """The samples of all folders that have the split."""
    samples: list[Sample] = []
    for folder in folders:
        if split == "train" or split in splits_of(Path(folder)):
            samples += read_samples(Path(folder), split)
    return samples


def fold_option(parser: ArgumentParser) -> None:
    """`--fold`, for the networks that others learn from the predictions of."""
    parser.add_argument(
        "--fold", type=str | None, help="K/N: train without the K-th (from 0) of N folds, and evaluate on it"
    )


def read_training(settings: Namespace) -> tuple[list[Sample], list[Sample]]:
    """The samples to train on and those to evaluate on: train and val split, or with `--fold` parts of train.

    Raises
    ------
    ValueError: when `--fold` names no fold.
    """
    samples = read_people(settings.data, "train")
    if settings.fold is None:
        return samples, read_people(settings.data, "val")
    fold = Fold.parse(settings.fold)
    return fold.outside(samples), fold.inside(samples)


def folds_option(parser: ArgumentParser) -> None:
    """`--folds`, for what learns from predictions."""
    parser.add_argument(
        "--folds",
        type=Path,
        nargs="+",
        default=[],
        help="pose weights of all folds (train_pose.py --fold): each photo is predicted by those trained without "
        "it; by default the model's pose weights predict all",
    )


def by_pose_weights(settings: Namespace, samples: Sequence[Sample]) -> dict[Path, list[Sample]]:
    """Which pose weights predict which training samples: the model's all, or with `--folds` each its own fold.

    Raises
    ------
    ValueError: as `folds_of`.
    """
    if not settings.folds:
        return {settings.model / "pose.safetensors": list(samples)}
    return {path: fold.inside(samples) for path, fold in folds_of(settings.folds).items()}


def folds_of(weights: Sequence[Path]) -> dict[Path, Fold]:
    """The fold that each weight file was trained without, as its card tells.

    Raises
    ------
    ValueError: when they are not one for every fold of one division.
    """
    named = {path: read_card(path).get("fold") for path in weights}
    count = len(named)
    if set(named.values()) != {f"{k}/{count}" for k in range(count)}:
        found = ", ".join(f"{path}: {fold or 'trained on all photos'}" for path, fold in named.items())
        raise ValueError(
            f"expected weights of train_pose.py --fold, one file for each of {count} folds: {found}"
        )
    return {path: Fold.parse(fold) for path, fold in named.items()}


def builder_arguments(settings: Namespace) -> dict[str, Any]:
    """What the builder is called with: `--arguments`, or `--width` of the MobileNets."""
    if "arguments" in settings:
        return dict(settings.arguments)
    return {"width": settings.width} if settings.builder.endswith("mobilenet_v2") else {}


def prepare(settings: Namespace, load_npz: Callable[[Any, Path], None], fresh: Sequence[str] = ()) -> Any:
    """The network to train: built, initialised, its first blocks frozen; `fresh` as for `load_into`."""
    model: Any = build(settings.builder, builder_arguments(settings))
    if settings.init and settings.init.suffix == ".npz":
        load_npz(model, settings.init)
    elif settings.init:
        load_into(model, settings.init, fresh)
    for block in list(getattr(getattr(model, "backbone", None), "features", []))[: settings.get("freeze", 0)]:
        block.requires_grad_(False)
    return model


def common_card(stage: str, name: str, samples: Sequence[Sample]) -> dict[str, Any]:
    """What every stage's card says."""
    return {
        "name": name,
        "stage": stage,
        "schema": {"joints": JOINT_NAMES, "parts": PART_NAMES},
        "data": {"images": len(samples), "sources": dict(Counter(s.source for s in samples))},
        "command": f"python experiments/train_{stage}.py --config experiments/configs/{stage}.yaml --data PEOPLE",
        **LICENCES,
    }


def finish(
    settings: Namespace, stage: str, model: Any, samples: Sequence[Sample], metrics: Mapping[str, float]
) -> None:
    """Write `STAGE.safetensors` with its card into the run's folder."""
    card = {
        **common_card(stage, settings.run.name, samples),
        "builder": settings.builder,
        "arguments": builder_arguments(settings),
        "initialisation": settings.init.name if settings.init else None,
        "seed": settings.loop.seed,
        "steps": settings.loop.steps,
        **({"fold": settings.fold} if settings.get("fold") else {}),
        "metrics": {k: round(v, 4) for k, v in metrics.items()},
        "curve": learning_curve(settings.run / "log.jsonl"),
    }
    path = settings.run / f"{stage}.safetensors"
    save_weights(path, model, card)
    print(f"wrote {path}")


def final_figures(
    settings: Namespace, evaluate: Callable[[Any], Mapping[str, float]], model: Any
) -> Mapping[str, float]:
    """What the last step's evaluation gave: from the run's log, or measured now where the run was cut off before."""
    lines = (settings.run / "log.jsonl").read_text(encoding="utf-8").splitlines()
    last = json.loads(lines[-1]) if lines else {}
    if last.get("kind") != "evaluation" or last["step"] != settings.loop.steps:
        return evaluate(model)
    return {name: value for name, value in last.items() if name not in ("kind", "step", "seconds")}


def learning_curve(log: Path, points: int = 20) -> list[list[float]]:
    """[step, loss] at about `points` steps of a run's log."""
    records = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    losses = [[r["step"], r["loss"]] for r in records if r["kind"] == "train"]
    return losses[:: max(1, len(losses) // points)]
