"""Wall time by stage of the pipeline."""

import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

STAGES = ("detection", "crops", "networks", "crf", "ilp", "refinement", "merge")

P = ParamSpec("P")
T = TypeVar("T")


class Stopwatch:
    """Adds up wall time by stage, in `seconds`."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STAGES, 0.0)

    def time(self, stage: str, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `call(*args, **kwargs)`, whose time is added to that of a stage, even if it raises."""
        start = time.perf_counter()
        try:
            return call(*args, **kwargs)
        finally:
            self.seconds[stage] += time.perf_counter() - start

    def move(self, seconds: float, source: str, target: str) -> None:
        """Take seconds off the time of one stage and add them to that of another."""
        self.seconds[source] -= seconds
        self.seconds[target] += seconds
