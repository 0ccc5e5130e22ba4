"""What a run tells: lines of the logger `posepart`. Commands show them; other programs decide for themselves."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

LOG = logging.getLogger("posepart")


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


def without_bar() -> bool | None:
    """For `disable` of tqdm: no bar where lines are not shown either, or where there is no terminal."""
    return None if LOG.isEnabledFor(logging.INFO) else True
