"""What may be typed behind `posepart`, and one sentence for what may not."""

import argparse
import dataclasses
import difflib
import re
from collections.abc import Sequence

from jsonargparse import ArgumentParser, Namespace

import posepart
from posepart.cli.evaluate_arguments import evaluate_parser
from posepart.cli.help_texts import (
    DATA_DESCRIPTION,
    DATA_EXAMPLES,
    DESCRIPTION,
    EXAMPLES,
    EXPLAIN_DESCRIPTION,
    EXPLAIN_EXAMPLES,
    PREDICT_DESCRIPTION,
    PREDICT_EXAMPLES,
)
from posepart.cli.options import (
    Formatter,
    add_network_options,
    add_refine_switch,
    add_segment_switch,
    add_settings,
    new_parser,
)
from posepart.config import PipelineConfig

_TYPES = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text"}


@dataclasses.dataclass(frozen=True)
class CommandLine:
    """The parser and those of its commands."""

    parser: ArgumentParser
    commands: dict[str, ArgumentParser]

    def parse(self, arguments: Sequence[str]) -> Namespace:
        """The command and its options, configurations as their dataclasses.

        Raises
        ------
        ValueError
            One sentence: what was not understood, and what is probably meant.
        """
        try:
            parsed = self.parser.parse_args(list(arguments))
        except argparse.ArgumentError as error:
            raise ValueError(self._explain(str(error), arguments)) from None
        chosen = parsed[parsed.command]
        if "pipeline" in chosen:
            _check_sections(PipelineConfig, chosen.pipeline, "pipeline")
        return self.parser.instantiate(parsed)

    def _explain(self, message: str, arguments: Sequence[str]) -> str:
        """An error of argparse or jsonargparse as one sentence that proposes the mend."""
        command = next((argument for argument in arguments if argument in self.commands), None)
        if match := re.match(r"argument command: invalid choice: '(.*?)'", message):
            return f"unknown command {match[1]!r}{_proposal(match[1], list(self.commands))}"
        if command is None and not message.startswith("unrecognized"):
            return f"name a command: {', '.join(self.commands)} (posepart --help shows examples)"
        options = list(self.commands[command]._option_string_actions) if command else ["--help", "--version"]
        if match := re.match(r"unrecognized arguments: (\S+)", message):
            word = match[1].partition("=")[0]
            if word.startswith("-"):
                return f"unknown option {word}{_proposal(word, options)}"
            if command == "data":
                return f"{word}: not expected here; name one data set: posepart data check DIR"
            if command == "evaluate":
                return f"{word}: not expected here; name the labelled photos with --data DIR"
            if command == "explain":
                return f"{word}: not expected here; name one photo, and the person with --person K"
            return f"{word}: not expected here; name all photos together, before the options or behind them"
        if match := re.match(r"(?:Problems parsing config|Unexpected config): (.*)", message, re.DOTALL):
            return f"--config: not a YAML or JSON file of settings ({' '.join(match[1].split())})"
        keys = [option.removeprefix("--") for option in options]
        if match := re.search(r"does not accept option '(.*)'", message):
            return f"unknown key {match[1]} in the configuration{_proposal(match[1], keys)}"
        if match := re.match(
            r'Parser key "(.*?)":\s*Expected a <class \'(\w+)\'>\. Got value: (.*)', message
        ):
            return f"--{match[1]}: expected {_TYPES.get(match[2], match[2])}, got {match[3]}"
        if match := re.match(r'Parser key "(.*?)":\s*(.*)', message, re.DOTALL):
            message = f"--{match[1]}: {match[2]}"
        return " ".join(message.split())


def command_line() -> CommandLine:
    """The commands of `posepart`."""
    parser = ArgumentParser(
        prog="posepart",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        version=posepart.__version__,
        formatter_class=Formatter,
        exit_on_error=False,
        allow_abbrev=False,
    )
    commands = {
        "predict": _predict_parser(),
        "explain": _explain_parser(),
        "models": _models_parser(),
        "synth": _synth_parser(),
        "data": _data_parser(),
        "evaluate": evaluate_parser(),
    }
    subcommands = parser.add_subcommands(
        required=True, dest="command", title="commands", help="Each has a --help."
    )
    subcommands.add_subcommand(
        "predict", commands["predict"], help="Find people, joints and parts in photos."
    )
    subcommands.add_subcommand("explain", commands["explain"], help="Tell why a pose is what it is.")
    subcommands.add_subcommand(
        "models", commands["models"], help="List the installed models and their cards."
    )
    subcommands.add_subcommand("synth", commands["synth"], help="Make synthetic scenes with exact labels.")
    subcommands.add_subcommand("data", commands["data"], help="Check a data set.")
    subcommands.add_subcommand(
        "evaluate", commands["evaluate"], help="Measure a model, or results, on labelled photos."
    )
    return CommandLine(parser, commands)


def _predict_parser() -> ArgumentParser:
    parser = new_parser(
        "posepart predict PHOTO_OR_FOLDER... -o OUT [options]", PREDICT_DESCRIPTION, PREDICT_EXAMPLES
    )
    parser.add_argument(
        "photos",
        nargs="*",
        type=str,
        default=[],
        metavar="PHOTO_OR_FOLDER",
        help="Photos, and folders whose photos are taken (not those in their sub-folders).",
    )
    parser.add_argument("-o", "--out", type=str, metavar="OUT", help="Folder of the results; made if needed.")
    parser.add_argument(
        "--sample",
        action="store_true",
        help="Take the photo that comes with scikit-image and a group scene made by this project.",
    )
    add_segment_switch(parser)
    add_refine_switch(parser)
    add_network_options(parser)
    parser.add_argument("--overwrite", action="store_true", help="Make the results of complete photos anew.")
    parser.add_argument(
        "--deterministic",
        action="store_true",
        help="Equal runs write equal bytes: see reproducibility below.",
    )
    parser.add_argument(
        "--dump-crf",
        type=str,
        metavar="DIR",
        help="Write the CRF of every person box of NAME to DIR/NAME_*.npz.",
    )
    add_settings(parser)
    return parser


def _explain_parser() -> ArgumentParser:
    parser = new_parser(
        "posepart explain PHOTO [--person K] [-o OUT] [options]", EXPLAIN_DESCRIPTION, EXPLAIN_EXAMPLES
    )
    parser.add_argument("photo", nargs="?", type=str, metavar="PHOTO", help="The photo.")
    parser.add_argument(
        "--person", type=int, metavar="K", help="Number of the person, from 1; everybody by default."
    )
    parser.add_argument(
        "-o",
        "--out",
        type=str,
        default=".",
        metavar="OUT",
        help="Folder of the results; this one by default.",
    )
    add_segment_switch(parser)
    add_network_options(parser)
    add_settings(parser)
    return parser


def _models_parser() -> ArgumentParser:
    return new_parser(
        "posepart models",
        "List the installed models with the card of every stage.",
        "example:\n  posepart models",
    )


def _synth_parser() -> ArgumentParser:
    parser = new_parser(
        "posepart synth -n N -o DIR [options]",
        "Make scenes of synthetic people with exact joints and parts, in the layout of the training data.",
        "examples:\n  posepart synth -n 100 -o scenes --seed 7 --workers 2\n"
        "  posepart synth -n 100 -o gymnasts --family acrobat",
    )
    parser.add_argument("-n", "--count", type=int, default=16, metavar="N", help="Number of scenes (16).")
    parser.add_argument("-o", "--out", type=str, metavar="DIR", help="Folder of the scenes; made if needed.")
    parser.add_argument("--seed", type=int, default=0, help="The same seed gives the same scenes (0).")
    parser.add_argument("--workers", type=int, default=1, help="Processes that make scenes (1).")
    parser.add_argument("--size", type=int, default=384, help="Side of the square images, px (384).")
    parser.add_argument(
        "--family",
        type=str,
        help="Poses, such as acrobat, sit, dance, of all who do not deal with a neighbour; any by default.",
    )
    parser.add_argument(
        "--no-contact-sheet", action="store_true", help="Leave out the picture of all scenes."
    )
    return parser


def _data_parser() -> ArgumentParser:
    parser = new_parser("posepart data check DIR [options]", DATA_DESCRIPTION, DATA_EXAMPLES)
    parser.add_argument("action", nargs="?", type=str, metavar="check", help="What to do.")
    parser.add_argument("folder", nargs="?", type=str, metavar="DIR", help="Folder of the data set.")
    parser.add_argument(
        "--split", nargs="+", type=str, metavar="SPLIT", help="Splits to check, such as val; all by default."
    )
    parser.add_argument(
        "-o",
        "--out",
        type=str,
        metavar="OUT",
        help="Folder of the contact sheets and the whole list of problems.",
    )
    parser.add_argument(
        "--decode", action="store_true", help="Decode every photo; otherwise only the headers are read."
    )
    return parser


def _proposal(word: str, known: Sequence[str]) -> str:
    """What was probably meant; only the last part of a dotted key may be wrong, or all of it."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else f"; known are {', '.join(known[:8])} ..."


def _check_sections(config: type, values: object, key: str) -> None:
    """Refuse a plain value where a section of settings belongs: jsonargparse would pass over it."""
    if not isinstance(values, Namespace):
        raise ValueError(f"--config: {key} is a section of settings, but the file says {values!r}")
    for field in dataclasses.fields(config):
        if isinstance(field.type, type) and dataclasses.is_dataclass(field.type):
            _check_sections(field.type, values[field.name], f"{key}.{field.name}")
