"""The entry of the command line: parse, run a command, and turn every error into one sentence.

Each command is a module of this package with its texts, its options and a function `run`. An error that a user can
cause is one line on the terminal, `posepart: error: ...`. torch is imported only when there is work for it, so that
--help appears at once.

Exit codes: 0, all is done; 1, some photos failed and the others are done (`data check`: something is wrong with the
data); 2, nothing could be done; 130, interrupted.
"""

import argparse
import dataclasses
import itertools
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Protocol

from jsonargparse import ArgumentParser, Namespace

import posepart
from posepart.cli import (
    audit,
    completion,
    convert,
    data,
    evaluate,
    explain,
    export,
    finetune,
    gather,
    models,
    predict,
    serve,
    synth,
)
from posepart.cli.errors import check_sections, check_settings_file, check_values, explain_error
from posepart.cli.options import Formatter, complain
from posepart.config import PipelineConfig, at_speed
from posepart.io.files import shown
from posepart.io.terminal import telling
from posepart.presets import read_preset

DESCRIPTION = """\
Find the people in photos: where each one is, in which pose, and which pixels are head,
torso, arms and legs. Joint multi-person pose estimation and part segmentation (Xia et
al., CVPR 2017)."""
EPILOG = """\
examples:
  posepart predict --sample -o out             two sample photos, to see it work
  posepart predict holiday/ -o out             every photo in a folder
  posepart predict --help                      all that predict can do
  posepart explain beach.jpg --person 2        why this pose: the terms behind every joint
  posepart evaluate --data people/ -o report   how good it is on labelled photos
  posepart export out --to coco -o coco.json   results for another tool
  posepart audit --data people/ -o audit       which labels are probably wrong
  posepart models                              the installed models
  posepart serve                               a page: drop a photo and look inside
  posepart synth -n 100 -o scenes              100 synthetic scenes with exact labels
  posepart finetune --data labels.json -o mine a model trained further on photos of your own
  posepart data check scenes                   what a data set holds, and what is wrong with it
  posepart completion --help                   how to complete commands with the Tab key"""


class Grammar(Protocol):
    """What the module of every command has."""

    SUMMARY: str  # one line for the list of commands
    STRAY_HINT: str  # what to do about a word that is neither an option nor its value

    def parser(self) -> ArgumentParser:
        """The options of the command."""


class Command(Grammar, Protocol):
    """The module of a command that does its work alone."""

    def run(self, chosen: Namespace) -> int:
        """Do it; the exit code."""


COMMANDS: dict[str, Command] = {
    "predict": predict,
    "explain": explain,
    "evaluate": evaluate,
    "gather": gather,
    "export": export,
    "convert": convert,
    "audit": audit,
    "models": models,
    "serve": serve,
    "synth": synth,
    "finetune": finetune,
    "data": data,
}
GRAMMARS: dict[str, Grammar] = {**COMMANDS, "completion": completion}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code."""
    _never_fail_on_odd_file_names()
    try:
        line = CommandLine()
        chosen = line.parse(sys.argv[1:] if arguments is None else arguments)
        if chosen.command == "completion":  # it prints what it knows of all commands
            print(completion.completion_script(line.parser, line.commands, chosen.completion.shell))
            return 0
        with telling(quiet=bool(chosen[chosen.command].get("quiet"))):
            return COMMANDS[chosen.command].run(chosen[chosen.command])
    except KeyboardInterrupt:
        complain("interrupted")
        return 130
    except BrokenPipeError:  # the reader of the output, such as `head`, has gone
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - open until the process ends
        return 0
    except (ValueError, OSError, MemoryError) as error:
        complain(str(error) or type(error).__name__)
        return 2


class CommandLine:
    """The parser of `posepart` with those of its commands."""

    def __init__(self) -> None:
        self.parser = ArgumentParser(
            prog="posepart",
            description=DESCRIPTION,
            epilog=EPILOG,
            version=posepart.__version__,
            formatter_class=Formatter,
            exit_on_error=False,
            allow_abbrev=False,
        )
        self.commands = {name: grammar.parser() for name, grammar in GRAMMARS.items()}
        subcommands = self.parser.add_subcommands(required=True, dest="command", title="commands")
        for name, parser in self.commands.items():
            subcommands.add_subcommand(name, parser, help=GRAMMARS[name].SUMMARY)

    def parse(self, arguments: Sequence[str]) -> Namespace:
        """The command and its options, with the settings as their dataclass.

        Raises
        ------
        ValueError
            One sentence: what was not understood, and what is probably meant.
        """
        try:
            parsed = self._parse(list(arguments))
        except argparse.ArgumentError as error:
            hints = {name: grammar.STRAY_HINT for name, grammar in GRAMMARS.items()}
            raise ValueError(explain_error(str(error), arguments, self.commands, hints)) from None
        except (
            ArithmeticError,
            AttributeError,
            LookupError,
            TypeError,
        ) as error:  # odd values; jsonargparse's own
            raise ValueError(f"the value of an option cannot be read ({shown(str(error))})") from None
        chosen = parsed[parsed.command]
        if "pipeline" in chosen:
            check_sections(PipelineConfig, chosen.pipeline, "pipeline")
        return self.parser.instantiate(parsed)

    def _parse(self, arguments: list[str]) -> Namespace:
        """Parse so that single settings win over --config, and both over --speed and --preset, in any order.

        jsonargparse lets the later of two options win, so files are moved to the front. Preset and speed, which a
        file may name, decide the defaults: they are found in a first pass.
        """
        arguments, files = _files_first(arguments, tuple(self.commands))
        for file in files:
            check_settings_file(file)
        quiet = [argument for argument in arguments if not argument.startswith("--print_config")]
        parsed = self.parser.parse_args(quiet)
        check_values(parsed[parsed.command], self.commands[parsed.command])
        preset, speed = (parsed[parsed.command].get(name) for name in ("preset", "speed"))
        if preset not in (None, "default") or speed not in (None, "accurate"):
            base = None if preset == "default" else read_preset(preset).pipeline
            settings = dataclasses.asdict(at_speed(speed, base))
            self.commands[parsed.command].set_defaults({"pipeline": settings})
        elif quiet == arguments:
            return parsed
        return self.parser.parse_args(arguments)


def _files_first(arguments: list[str], commands: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The arguments with every --config FILE right behind the command, and these files."""
    command = next((k for k, argument in enumerate(arguments) if argument in commands), len(arguments))
    head, files, rest = arguments[: command + 1], [], []
    words = iter(arguments[command + 1 :])
    for word in words:
        if word == "--config":
            files += [word, *itertools.islice(words, 1)]
        elif word.startswith("--config="):
            files.append(word)
        else:
            rest.append(word)
    names = [word.removeprefix("--config=") for word in files if word != "--config"]
    return [*head, *files, *rest], names


def _never_fail_on_odd_file_names() -> None:
    """Escape what the terminal cannot show: file names may hold any bytes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
