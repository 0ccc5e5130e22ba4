"""`posepart completion`: a script with which a shell completes commands, options and file names."""

import argparse
from collections.abc import Mapping

from jsonargparse import ActionConfigFile, ArgumentParser

from posepart.cli import options

SUMMARY = "Print a script that lets the shell complete commands with the Tab key."
STRAY_HINT = "name one shell"
SHELLS = ("bash", "zsh", "tcsh")
USAGE = "posepart completion {bash,zsh,tcsh}"
DESCRIPTION = """\
Print a script that lets the shell complete the commands and options of posepart with
the Tab key. It needs the package shtab (pip install shtab, or install posepart with its
extra [completion])."""
EPILOG = """\
examples:
  eval "$(posepart completion bash)"                     for this session; put it into ~/.bashrc to keep it
  posepart completion zsh > ~/.zfunc/_posepart           where ~/.zfunc is in $fpath
  posepart completion tcsh > ~/.posepart.tcsh            with "source ~/.posepart.tcsh" in ~/.tcshrc"""

_FOLDERS = ("DIR", "OUT", "REPORT", "NAME_OR_FOLDER")  # metavars of options that take a folder
_FILES = ("FILE", "PHOTO", "PHOTO_OR_FOLDER")  # ... or a file


def parser() -> ArgumentParser:
    """The options of the command."""
    parser = options.new_parser(USAGE, DESCRIPTION, EPILOG)
    parser.add_argument("shell", nargs="?", type=str, choices=SHELLS, help="The shell that reads the script.")
    return parser


def completion_script(root: ArgumentParser, commands: dict[str, ArgumentParser], shell: str | None) -> str:
    """The script for a shell.

    Parameters
    ----------
    root : ArgumentParser
        The parser of `posepart`.
    commands : dict
        The parsers of its commands; they must not parse anything afterwards.
    shell : str or None
        One of `SHELLS`, as it was typed.

    Raises
    ------
    ValueError
        No shell was named, or shtab is not installed.
    """
    if shell is None:
        raise ValueError(f"for which shell? Name one of {', '.join(SHELLS)}: posepart completion bash")
    try:
        import shtab
    except ImportError:
        raise ValueError(
            "completion needs the package shtab; pip install shtab, or install posepart with its extra [completion]"
        ) from None
    for command in commands.values():
        for action in command._actions:
            _complete(action, shtab.FILE, shtab.DIRECTORY)
    return str(shtab.complete(root, shell))


def _complete(action: argparse.Action, file: Mapping[str, object], folder: Mapping[str, object]) -> None:
    """Tell shtab what the values of an option are."""
    if action.metavar in _FILES or isinstance(action, ActionConfigFile):
        action.complete = file  # type: ignore[attr-defined]
    elif action.metavar in _FOLDERS:
        action.complete = folder  # type: ignore[attr-defined]
    elif "{true,false}" in str(action.metavar):
        action.choices = ("true", "false")
