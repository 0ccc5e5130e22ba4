"""What the training scripts share: the command line, the start and the end of a run."""

import json
import sys
from argparse import RawDescriptionHelpFormatter
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser, Namespace

from posepart.data.readers import read_samples, splits_of
from posepart.data.sample import Sample
from posepart.models.builders import build
from posepart.models.weights import load_into, save_weights
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
        "metrics": {k: round(v, 4) for k, v in metrics.items()},
        "curve": learning_curve(settings.run / "log.jsonl"),
    }
    path = settings.run / f"{stage}.safetensors"
    save_weights(path, model, card)
    print(f"wrote {path}")


def learning_curve(log: Path, points: int = 20) -> list[list[float]]:
    """[step, loss] at about `points` steps of a run's log."""
    records = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    losses = [[r["step"], r["loss"]] for r in records if r["kind"] == "train"]
    return losses[:: max(1, len(losses) // points)]
