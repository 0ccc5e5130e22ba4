"""Command lines of the scripts in `experiments/`, with the same help, errors and exit code."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from jsonargparse import ArgumentParser

from posepart.io.terminal import telling


class Formatter(argparse.RawDescriptionHelpFormatter, argparse.ArgumentDefaultsHelpFormatter):
    """Keeps the line breaks in a script's documentation."""


def script_parser(documentation: str | None, script: str | None = None) -> ArgumentParser:
    """Make a parser whose `--help` begins with the script's documentation.

    Parameters
    ----------
    documentation : str, optional
        The module docstring of the script.
    script : str, optional
        The command that calls the script; its file name by default.
    """
    return ArgumentParser(
        prog=script,
        description=documentation,
        formatter_class=Formatter,
        exit_on_error=False,
        allow_abbrev=False,
    )


def run_script(main: Callable[[], None]) -> None:
    """Call `main` and show what it logs; on bad input, one sentence and exit code 2; on Ctrl-C, exit code 130."""
    try:
        with telling():
            main()
    except (ValueError, OSError, argparse.ArgumentError) as error:
        print(f"{Path(sys.argv[0]).name}: error: {sentence_of(error)}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print(f"{Path(sys.argv[0]).name}: interrupted", file=sys.stderr)
        sys.exit(130)


def sentence_of(error: Exception) -> str:
    """The message of an error in one line."""
    text = error.message if isinstance(error, argparse.ArgumentError) else str(error)
    return " ".join(text.split()) or type(error).__name__
