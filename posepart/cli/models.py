"""`posepart models`: the installed models in five lines each, the cards of one, or its networks as files."""

import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser, Namespace

from posepart.cli import options
from posepart.formats import NETWORK_FORMATS
from posepart.models.model_set import ModelSet, find_model, installed_models

SUMMARY = "List the installed models, or show the cards of one."
STRAY_HINT = "name one model"
USAGE = "posepart models [NAME_OR_FOLDER [--export DIR]]"
DESCRIPTION = """\
List the installed models in five lines each. With a name or a folder, show the cards of
all its stages: what the weights are, how they were trained, measured and licensed.

With --export, write its networks as files that run without torch, and a manifest that says what
goes in and comes out. Every file is compared with its network."""
EPILOG = """\
examples:
  posepart models
  posepart models posepart-s
  posepart models my_models/run3
  posepart models posepart-s --export networks
  posepart models posepart-s --export networks --format openvino"""
_WIDTH = 110  # characters of a line of the list


def parser() -> ArgumentParser:
    """The options of the command."""
    parser = options.new_parser(USAGE, DESCRIPTION, EPILOG)
    parser.add_argument(
        "model", nargs="?", type=str, metavar="NAME_OR_FOLDER", help="Show the cards of this model."
    )
    parser.add_argument(
        "--export", type=str, metavar="DIR", help="Write the networks of the model into this folder."
    )
    parser.add_argument(
        "--format", type=str, default="onnx", choices=NETWORK_FORMATS, help="Of these files. Default: onnx."
    )
    return parser


def run(chosen: Namespace) -> int:
    """Print, or export; the exit code."""
    if chosen.export is not None:
        return _export(chosen)
    if chosen.model is not None:
        print("\n".join(_details(find_model(chosen.model))))
        return 0
    models = installed_models()
    if not models:
        raise ValueError(
            "no model is installed; install posepart again, or give a folder of weights to --model"
        )
    for model in models:
        print("\n".join(_summary(model)))
    return 0


def _export(chosen: Namespace) -> int:
    """Write the networks of a model; the exit code."""
    if chosen.model is None:
        raise ValueError(
            "--export writes the networks of one model: name it, as in posepart models posepart-s --export DIR"
        )
    model = find_model(chosen.model)
    from posepart.formats.networks import MANIFEST, export_networks

    folder = Path(chosen.export)
    manifest = export_networks(model, chosen.format, folder)
    for stage, network in manifest["networks"].items():
        print(f"{folder / network['file']}: {stage}, results equal to {network['largest_difference']:.1g}")
    print(
        f"{folder / MANIFEST}: what goes in and comes out; not in it: {', '.join(manifest['left_out']) or 'nothing'}"
    )
    return 0


def _summary(model: ModelSet) -> Iterator[str]:
    """Five lines about a model."""
    size = sum(model.path(stage).stat().st_size for stage in model.cards)
    measured = [
        (stage, *next(iter(card.metrics.items()))) for stage, card in model.cards.items() if card.metrics
    ]
    card = next(iter(model.cards.values()))
    licences = {"code": card.licence_code, "weights": card.licence_weights, "data": card.licence_data}
    lines = {
        "folder": f"{model.folder} ({size / 1e6:.0f} MB)",
        "stages": ", ".join(
            f"{k} ({card.builder})" if card.builder else k for k, card in model.cards.items()
        ),
        "metrics": ", ".join(f"{stage} {name} {value:.3g}" for stage, name, value in measured),
        "licences": "; ".join(f"{what}: {licence or 'not stated'}" for what, licence in licences.items()),
    }
    yield model.name
    for title, text in lines.items():
        yield "  " + textwrap.shorten(f"{title}: {text}", _WIDTH, placeholder=" ...")


def _details(model: ModelSet) -> Iterator[str]:
    """All that the cards say."""
    yield f"{model.name}  ({model.folder})"
    for stage, card in model.cards.items():
        yield f"  {stage}"
        yield from _lines(card.to_record(), "    ")


def _lines(record: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, value in record.items():
        if isinstance(value, Mapping):
            yield f"{indent}{key}:"
            yield from _lines(value, indent + "  ")
        elif isinstance(value, list):
            yield f"{indent}{key}: {', '.join(str(entry) for entry in value)}"
        else:
            yield f"{indent}{key}: {value}"
