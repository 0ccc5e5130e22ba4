"""Wall time by stage, with a clock of our own."""

import time

import pytest

from posepart.stopwatch import STAGES, Stopwatch


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every reading of the clock is one second after the one before."""
    readings = iter(range(100))
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(readings)))


def test_a_new_stopwatch_has_every_stage_at_zero() -> None:
    assert Stopwatch().seconds == dict.fromkeys(STAGES, 0.0)


def test_the_time_of_calls_adds_up_by_stage(clock: None) -> None:
    watch = Stopwatch()
    assert watch.time("merge", divmod, 7, 2) == (3, 1)
    assert watch.time("merge", int, "11", base=2) == 3
    watch.time("crops", list)
    assert watch.seconds == {**dict.fromkeys(STAGES, 0.0), "merge": 2.0, "crops": 1.0}


def test_the_time_of_a_call_that_raises_counts(clock: None) -> None:
    watch = Stopwatch()
    with pytest.raises(ValueError, match="invalid literal"):
        watch.time("crf", int, "seven")
    assert watch.seconds["crf"] == 1.0


def test_time_is_moved_between_stages(clock: None) -> None:
    watch = Stopwatch()
    watch.time("crf", list)
    watch.move(0.75, "crf", "ilp")
    assert watch.seconds["crf"] == 0.25
    assert watch.seconds["ilp"] == 0.75
    assert sum(watch.seconds.values()) == 1.0
