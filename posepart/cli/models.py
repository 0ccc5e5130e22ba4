"""`posepart models`: the installed models in five lines each, or all that the cards of one model say."""

import json
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser, Namespace

import posepart.models
from posepart.cli import options

SUMMARY = "List the installed models, or show the cards of one."
STRAY_HINT = "name one model"
USAGE = "posepart models [NAME_OR_FOLDER]"
DESCRIPTION = """\
List the installed models in five lines each. With a name or a folder, show the cards of
all its stages: what the weights are, how they were trained, measured and licensed."""
EPILOG = """\
examples:
  posepart models
  posepart models posepart-s
  posepart models my_models/run3"""
INSTALLED = Path(posepart.models.__file__).parent / "weights"

_WIDTH = 110  # characters of a line of the list
_ORDER = ("detector", "pose", "part", "jppnet", "refine", "crf", "calibration")  # as in Figure 2

Cards = dict[str, dict[str, Any]]  # by stage


def parser() -> ArgumentParser:
    """The options of the command."""
    parser = options.new_parser(USAGE, DESCRIPTION, EPILOG)
    parser.add_argument(
        "model", nargs="?", type=str, metavar="NAME_OR_FOLDER", help="Show the cards of this model."
    )
    return parser


def run(chosen: Namespace) -> int:
    """Print; the exit code."""
    installed = sorted(path.parent for path in INSTALLED.glob("*/detector.json"))
    if chosen.model is not None:
        folder = INSTALLED / chosen.model if INSTALLED / chosen.model in installed else Path(chosen.model)
        print("\n".join(_details(folder, _read_cards(folder))))
        return 0
    if not installed:
        raise ValueError(
            "no model is installed; install posepart again, or give a folder of weights to --model"
        )
    for folder in installed:
        print("\n".join(_summary(folder, _read_cards(folder))))
    return 0


def _read_cards(folder: Path) -> Cards:
    files = {path.stem: path for path in folder.glob("*.json")}
    if "detector" not in files:
        names = ", ".join(sorted(path.parent.name for path in INSTALLED.glob("*/detector.json")))
        raise ValueError(f"{folder}: no installed model (there are: {names}) and no folder of weights")
    try:
        return {
            stage: json.loads(files[stage].read_text(encoding="utf-8")) for stage in _ORDER if stage in files
        }
    except (OSError, ValueError) as error:
        raise ValueError(f"{folder}: a card cannot be read ({error}); copy the model again") from None


def _summary(folder: Path, cards: Cards) -> Iterator[str]:
    """Five lines about a model."""
    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    licences = {
        key: cards["detector"].get(f"licence_{key}", "unknown") for key in ("code", "weights", "data")
    }
    yield f"{folder.name}"
    for title, text in {
        "folder": f"{folder} ({size / 1e6:.0f} MB)",
        "stages": ", ".join(
            f"{stage} ({card['builder']})" if "builder" in card else stage for stage, card in cards.items()
        ),
        "metrics": "; ".join(f"{stage} {_numbers(card)}" for stage, card in cards.items() if _numbers(card)),
        "licences": "; ".join(f"{key}: {text}" for key, text in licences.items()),
    }.items():
        yield "  " + textwrap.shorten(f"{title}: {text}", _WIDTH, placeholder=" ...")


def _numbers(card: Mapping[str, Any]) -> str:
    """The first measures of a stage."""
    metrics = card.get("metrics", {})
    numbers = [f"{key} {value:.3g}" for key, value in metrics.items() if isinstance(value, float)]
    return ", ".join(numbers[:2])


def _details(folder: Path, cards: Cards) -> Iterator[str]:
    yield f"{folder.name}  ({folder})"
    for stage, card in cards.items():
        yield f"  {stage}"
        yield from _lines(card, "    ")


def _lines(card: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, value in card.items():
        if isinstance(value, Mapping):
            yield f"{indent}{key}:"
            yield from _lines(value, indent + "  ")
        elif isinstance(value, list):
            yield f"{indent}{key}: {', '.join(str(entry) for entry in value)}"
        else:
            yield f"{indent}{key}: {value}"
