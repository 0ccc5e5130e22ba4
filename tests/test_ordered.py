"""Work in several threads: order, bounds, and what happens when something is raised."""

import itertools
import threading
import time
from collections.abc import Iterator

import pytest

from posepart.ordered import in_order


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_are_in_order(threads: int) -> None:
    assert list(in_order(str, [], threads)) == []

    def slow_if_even(number: int) -> int:
        time.sleep(0.002 * (number % 2 == 0))
        return number * number

    assert list(in_order(slow_if_even, range(30), threads)) == [number * number for number in range(30)]


@pytest.mark.parametrize("threads", [1, 3])
def test_items_are_read_as_needed(threads: int) -> None:
    """An endless stream whose results are taken slowly: few items are read ahead."""
    read: list[int] = []

    def endless() -> Iterator[int]:
        for number in itertools.count():
            read.append(number)
            yield number

    results = in_order(lambda number: number, endless(), threads)
    for expected in range(20):
        assert next(results) == expected
        assert len(read) <= expected + 1 + 2 * (threads > 1) * threads


def test_work_is_done_at_the_same_time() -> None:
    meeting = threading.Barrier(3, timeout=20)
    assert len(list(in_order(lambda _: meeting.wait(), range(3), 3))) == 3


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_error_ends_it(threads: int, error: type[BaseException]) -> None:
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 4:
            raise error
        return number

    results = in_order(work, range(1000), threads)
    assert list(itertools.islice(results, 4)) == [0, 1, 2, 3]
    with pytest.raises(error):
        next(results)
    assert len(begun) < 20


def test_no_threads() -> None:
    with pytest.raises(ValueError, match="at least 1, got 0"):
        next(in_order(str, [], 0))
