"""What a run tells: lines of the logger `posepart`. Commands show them; other programs decide for themselves."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import Never, TypeVar

from tqdm import tqdm

LOG = logging.getLogger("posepart")
LINE_EVERY = 60.0  # s, of long work without a terminal
T = TypeVar("T")


class _Terminal(logging.Handler):
    """Shows lines above a progress bar, with escapes for what the terminal cannot show."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.levelno >= logging.ERROR
        file = sys.stderr if error else sys.stdout
        line = f"posepart: error: {record.getMessage()}" if error else record.getMessage()
        encoding = getattr(file, "encoding", None) or "utf-8"
        tqdm.write(line.encode(encoding, "backslashreplace").decode(encoding), file=file)
        file.flush()


@contextmanager
def telling(quiet: bool = False) -> Iterator[None]:
    """Show what is logged on the terminal while this lasts; errors only if `quiet`."""
    level, propagate, handler = LOG.level, LOG.propagate, _Terminal()
    LOG.setLevel(logging.ERROR if quiet else logging.INFO)
    LOG.propagate = False
    LOG.addHandler(handler)
    try:
        yield
    finally:
        LOG.removeHandler(handler)
        LOG.setLevel(level)
        LOG.propagate = propagate


def progress(
    items: Iterable[T], name: str | None = None, total: int | None = None, *, unit: str, done: int = 0
) -> Iterator[T]:
    """Items with a progress bar (`progress_bar`), or with a line a minute where there is no terminal."""
    total = len(items) if total is None and isinstance(items, Sized) else total
    started = told = time.monotonic()
    with progress_bar(total, name, unit=unit, done=done) as bar:
        for number, item in enumerate(items, start=done + 1):
            yield item
            bar.update()
            if bar.disable and time.monotonic() - told >= LINE_EVERY:
                told = time.monotonic()
                left = time_left(started, number - done, (total or number) - number)
                LOG.info(f"{name or 'at work'}: {unit} {number}" + (f" of {total}{left}" if total else ""))


def progress_bar(
    total: int | None, name: str | None = None, *, unit: str, done: int = 0, shown: bool = True
) -> "tqdm[Never]":
    """A progress bar; none where lines are not shown either, or where there is no terminal."""
    disable = None if shown and LOG.isEnabledFor(logging.INFO) else True
    return tqdm(total=total, desc=name, unit=unit, initial=done, dynamic_ncols=True, disable=disable)


def time_left(started: float, done: float, left: float) -> str:
    """The end of a line such as ", about 7 min left", at the pace since `started` (s, of time.monotonic)."""
    minutes = (time.monotonic() - started) / max(1, done) * left / 60
    return f", about {max(1, round(minutes))} min left" if left else ""
