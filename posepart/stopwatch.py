"""Wall time by stage of the pipeline."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

STAGES = ("detection", "crops", "networks", "candidates", "crf", "ilp", "refinement", "merge")


class Stopwatch:
    """Wall seconds by stage, added up."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STAGES, 0.0)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - start
