"""Work on many items in several threads: results in the order of the items, and never many of them at once."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_AHEAD = 2  # items a thread, in work or finished and not yet taken: a slow item must not hold up the threads at once


def in_order(work: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """Do `work` on every item, as `map` does, in several threads.

    Parameters
    ----------
    work : callable
        With more than one thread it is called from all of them at the same time. What it raises is raised here.
    items : iterable
        Read in the caller's thread and only as needed, so that it may be endless.
    threads : int
        With 1 there are no threads: every item is finished and its result taken before the next item is read.

    Yields
    ------
    object
        The results, in the order of the items. At most two items a thread are begun and not yet taken, so memory
        does not grow with the number of items. When the caller stops early, items that are in work are finished,
        and no others are begun.

    Raises
    ------
    ValueError
        `threads` is below 1.
    """
    if threads < 1:
        raise ValueError(f"threads: expected at least 1, got {threads}")
    if threads == 1:
        yield from map(work, items)
        return
    begun: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="posepart") as pool:
        try:
            for item in items:
                begun.append(pool.submit(work, item))
                if len(begun) >= _AHEAD * threads:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()
