"""Shell lines of the documentation, and whether what they call would take its arguments."""

import argparse
import functools
import runpy
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jsonargparse
import pytest

from posepart.cli.main import main

ROOT = Path(__file__).parents[2]
SEPARATORS = ("&&", "||", ";", "|", ">", ">>", "&")


class Understood(BaseException):
    """The arguments were parsed; nothing else of the program is run."""


def commands(text: str) -> Iterator[list[str]]:
    """The commands of a shell block as lists of words, without comments."""
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.shlex(line, posix=True, punctuation_chars=True)
        words.whitespace_split = True
        command: list[str] = []
        for word in words:
            if word in SEPARATORS:
                yield command
                command = []
            else:
                command.append(word)
        if command:
            yield command


class Parsers:
    """argparse's and jsonargparse's parsers, made to raise `Understood` once the outermost call has succeeded."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.depth = 0  # of calls: a parser with commands calls theirs
        for parser in (argparse.ArgumentParser, jsonargparse.ArgumentParser):
            patch.setattr(parser, "parse_args", self._stopping(parser.parse_args))

    def _stopping(self, parse: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(parse)
        def wrapped(*arguments: Any, **options: Any) -> Any:
            self.depth += 1
            try:
                parsed = parse(*arguments, **options)
            finally:
                self.depth -= 1
            if self.depth == 0:
                raise Understood
            return parsed

        return wrapped


def understand(
    call: Callable[[], Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Call a program until it has parsed its arguments.

    Raises
    ------
    AssertionError
        If it does not take them; with what it said.
    """
    with monkeypatch.context() as patch:
        Parsers(patch)
        try:
            code = call()
        except Understood:
            return
        except SystemExit as exit_:
            code = exit_.code
    assert code in (0, None), capsys.readouterr().err


def posepart_takes(
    arguments: Sequence[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`posepart ARGUMENTS` is understood."""
    understand(lambda: main(list(arguments)), monkeypatch, capsys)


def script_takes(
    script: str, arguments: Sequence[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`python SCRIPT ARGUMENTS`, from the root of the repository, is understood."""
    path = ROOT / script
    assert path.is_file(), f"{script}: no such script"
    with monkeypatch.context() as patch:
        patch.chdir(ROOT)
        patch.setattr(sys, "argv", [script, *arguments])
        patch.setattr(sys, "path", [str(path.parent), *sys.path])
        understand(lambda: runpy.run_path(str(path), run_name="__main__"), monkeypatch, capsys)
