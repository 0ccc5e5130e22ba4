"""How many files a fuzz test tries, and what one of them may do: be read, or be refused in one sentence.

A short, repeatable run by default; POSEPART_FUZZ_EXAMPLES=10000 tries so many random files of every kind.
"""

import io
import os
import resource
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from types import FrameType

from hypothesis import HealthCheck, settings

from helpers.mutations import TWO_LINES
from posepart.cli.main import main

EXAMPLES = int(os.environ.get("POSEPART_FUZZ_EXAMPLES", "0"))
SECONDS = 10.0  # of processor time that a file may take
MEMORY = 2 << 30  # bytes that a file may take
LONGEST = 1500  # characters of a sentence
ROOM = "too little memory"


def fuzz(short: int) -> settings:
    """The number of examples of a test: `short`, or what the environment says."""
    return settings(
        max_examples=EXAMPLES or short,
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


class TooSlowError(Exception):
    """A file took longer than `SECONDS`."""


def _stop(number: int, frame: FrameType | None) -> None:
    raise TooSlowError


@contextmanager
def in_time() -> Iterator[None]:
    """Fail if the block takes longer than `SECONDS`, even where the code under test catches every error."""
    earlier, started = signal.signal(signal.SIGPROF, _stop), time.process_time()
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, earlier)
    assert time.process_time() - started < SECONDS


@contextmanager
def readable_or_refused(*files: Path) -> Iterator[None]:
    """Let the block raise nothing but a ValueError of one sentence that names one of the files."""
    with in_time():
        try:
            yield
        except ValueError as error:
            check_sentence(str(error), files)


def check_sentence(text: str, files: Sequence[Path]) -> None:
    """One line that names one of the files, and is short enough to be read."""
    lines = text.replace(TWO_LINES, "").count(
        "\n"
    )  # a name may hold a line break; the commands join the lines
    assert text.strip() and not lines and len(text) < LONGEST, text[: 2 * LONGEST]
    assert not files or any(file.name in text for file in files), text
    assert ROOM not in text, text


@contextmanager
def fresh_folder() -> Iterator[Path]:
    """An empty folder, removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="posepart_fuzz_") as name:
        yield Path(name)


def posepart(*arguments: str | Path, names: Sequence[Path] = ()) -> int:
    """Run a command in this process; the exit code.

    Raises
    ------
    AssertionError
        It took too long, or ended with code 2 and anything but one sentence that names one of the files.
    """
    errors = io.StringIO()
    with in_time(), redirect_stderr(errors), redirect_stdout(io.StringIO()):
        code = main([str(argument) for argument in arguments])
    text = errors.getvalue()
    if code == 2:
        assert text.startswith("posepart: error: ") and text.endswith("\n"), text
        check_sentence(text.removesuffix("\n"), names)
    return code


@contextmanager
def limited_memory() -> Iterator[None]:
    """Let the process take at most `MEMORY` more than it has now, where the system can tell how much that is."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        yield
        return
    pages = int(statm.read_text(encoding="ascii").split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
