"""Runs that are killed at random moments until all photos are done: is anything half-written, lost or different?

Outside the tests: python -m helpers.killing [--kills 100] [--photos 50] [--seed 0], with tests/ on the PYTHONPATH.
"""

import argparse
import os
import random
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from helpers.fake_pipeline import FakePipeline, write_photo
from posepart.batch import predict_photos
from posepart.io.files import parse_json
from posepart.io.gathering import FAILED
from posepart.io.predictions import PREDICTIONS
from posepart.io.result_names import RUN
from posepart.io.run_folder import prepare_out
from posepart.pipeline import Trace

SHARED = (RUN, PREDICTIONS, FAILED)  # files that belong to all photos, and change
_PHOTO = 0.01  # s that a photo takes at least


class Slow(FakePipeline):
    """Takes a while for every photo, and always states the same time."""

    def trace(self, image: NDArray[np.uint8]) -> Trace:
        time.sleep(_PHOTO)
        return super().trace(image)


def write_photos(folder: Path, count: int) -> list[Path]:
    """Photos with 0 to 3 people that were made long ago."""
    photos = [write_photo(folder / f"{number:03}.png", people=number % 4) for number in range(count)]
    for photo in photos:
        os.utime(photo, (0, 0))
    return photos


def predict(photos: Sequence[Path], out: Path, shard: tuple[int, int] = (1, 1)) -> int:
    """One process's run; the exit code."""
    run = prepare_out(out, photos, {"model": "fake"})
    return predict_photos(photos, Slow(), out, run=run, deterministic=True, shard=shard).exit_code


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a result folder but hidden ones."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


def check_unfinished(folder: Path, expected: dict[str, bytes]) -> None:
    """Whatever has its final name is whole: the files of a photo are as expected, and the lists can be read."""
    for name, content in contents(folder).items() if folder.is_dir() else ():
        if name in SHARED:
            assert isinstance(parse_json(content), dict | list), name
        else:
            assert content == expected[name], name


@dataclass
class Killer:
    """Keeps processes at work on one folder, and kills now this one, now that."""

    photos: Sequence[Path]
    shards: Sequence[tuple[int, int]]  # of every process
    rng: random.Random
    kills: int = 0

    def folder(self, out: Path, expected: dict[str, bytes], most: int) -> None:
        """Fill a folder, killing `most` times at most."""
        running = {self._start(out, shard): shard for shard in self.shards}
        while running:
            if self.kills < most:
                time.sleep(self.rng.uniform(0, 2 * _PHOTO * len(self.photos) / len(self.shards)))
                victim = self.rng.choice(list(running))
                os.kill(victim, signal.SIGKILL)
                _, status = os.waitpid(victim, 0)
                shard = running.pop(victim)
                if os.WIFSIGNALED(status):
                    self.kills += 1
                    check_unfinished(out, expected)
                    running[self._start(out, shard)] = shard
                else:
                    assert os.waitstatus_to_exitcode(status) == 0
                continue
            process, status = os.wait()
            assert os.waitstatus_to_exitcode(status) == 0, running.pop(process)
            running.pop(process)

    def _start(self, out: Path, shard: tuple[int, int]) -> int:
        return forked(lambda: predict(self.photos, out, shard))


def forked(work: Callable[[], int]) -> int:
    """Let a new process do it; its id."""
    process = os.fork()
    if process == 0:
        code = 99
        try:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
            code = work()
        finally:
            os._exit(code)
    return process


def kill_often(folder: Path, kills: int, photos: int, seed: int) -> int:
    """Kill two processes that share photos, and compare what they leave with one process's run; folders filled."""
    rng = random.Random(seed)
    paths = write_photos(folder / "photos", photos)
    waiting = forked(lambda: predict(paths, folder / "one"))
    assert os.waitstatus_to_exitcode(os.waitpid(waiting, 0)[1]) == 0
    expected = contents(folder / "one")
    done, filled = 0, 0
    while done < kills or filled == 0:
        shards = ((1, 2), (2, 2)) if filled % 2 else ((1, 1), (1, 1))  # shared, or both at all photos
        killer = Killer(paths, shards, rng)
        out = folder / f"many{filled}"
        killer.folder(out, expected, min(kills - done, rng.randint(1, 12)))
        assert contents(out) == expected, out
        done, filled = done + killer.kills, filled + 1
    return filled


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--photos", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        started = time.monotonic()
        number = kill_often(Path(temporary), chosen.kills, chosen.photos, chosen.seed)
        print(
            f"{chosen.kills} kills over {number} folders in {time.monotonic() - started:.0f} s: all as of one run"
        )
