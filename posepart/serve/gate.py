"""One photo at a time, and few that wait."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Busy(ValueError):
    """Too many photos wait already."""


class Gate:
    """Lets one photo after the other through.

    Parameters
    ----------
    waiting : int
        How many may wait while one is in work.
    """

    def __init__(self, waiting: int) -> None:
        self._places = threading.BoundedSemaphore(waiting + 1)
        self._turn = threading.Lock()

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Wait for the turn.

        Raises
        ------
        Busy
            At once, if all places are taken.
        """
        if not self._places.acquire(blocking=False):
            raise Busy("too many photos are waiting; try again in a few seconds")
        try:
            with self._turn:
                yield
        finally:
            self._places.release()
