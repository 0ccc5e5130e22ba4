"""Times of several programs measured in one run, turn by turn, so that their ratios do not depend on the load.

Shared by `bench_pipeline.py` and `bench_peers.py`. Every contestant is a process of its own (`contestant.py`).
"""

import json
import os
import signal
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
from PIL import Image

from posepart.arrays import Rgb

PEOPLE = (1, 3, 10)
ROW = 5  # people in a row of a mosaic
SPIN = "while True: pass"

Row = Mapping[str, float]  # what was measured: seconds in all and of stages, people found, peak memory


class Contestant:
    """A process that predicts photos.

    Parameters
    ----------
    name : str
    command : sequence of str
        What follows the name of the interpreter.
    home : Path, optional
        The checkout, or the folder of an installation, whose posepart it must import.

    Raises
    ------
    ValueError
        It cannot start, with its reason, or it imports another posepart.
    """

    def __init__(self, name: str, command: Sequence[str], home: Path | None = None) -> None:
        self.name = name
        environment = dict(os.environ)
        if home is not None:
            others = environment.get("PYTHONPATH")
            environment["PYTHONPATH"] = os.pathsep.join([str(home.resolve()), *([others] if others else [])])
        self._process = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        try:
            found = self._reply()["home"]
            if home is not None and found != str(home.resolve()):
                raise ValueError(f"{name}: posepart was imported from {found}, not from {home}")
        except BaseException:
            self.close()
            raise

    def ask(self, **request: Any) -> dict[str, float]:
        """Send a request of `contestant.serve` and wait for the reply."""
        assert self._process.stdin is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return self._reply()

    def _reply(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        reply = json.loads(line) if line else {"error": "it ended without an answer; see its message above"}
        if "error" in reply:
            raise ValueError(f"{self.name}: {reply['error']}")
        return dict(reply)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def racing(starters: Sequence[Callable[[], Contestant]]) -> Iterator[list[Contestant]]:
    """The contestants that functions start, all ended at the end, however it comes."""
    with ExitStack() as stack:
        contestants = []
        for start in starters:
            contestants.append(start())
            stack.callback(contestants[-1].close)
        yield contestants


@contextmanager
def competitor() -> Iterator[subprocess.Popen[bytes]]:
    """A process that computes all the time on the first CPU which this process may use; it starts stopped."""
    process = subprocess.Popen([sys.executable, "-c", SPIN])
    try:
        if hasattr(os, "sched_setaffinity"):  # Linux only; elsewhere the system chooses its CPU
            os.sched_setaffinity(process.pid, {min(os.sched_getaffinity(0))})
        process.send_signal(signal.SIGSTOP)
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def busy(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Let a competitor compute."""
    process.send_signal(signal.SIGCONT)
    try:
        yield
    finally:
        process.send_signal(signal.SIGSTOP)


@dataclass
class Race:
    """What a race measured: one row for each round, the n-th of all contestants at about the same time."""

    rows: dict[tuple[str, str], list[Row]] = field(default_factory=dict)  # (contestant, photo) -> rows

    def add(self, contestants: Sequence[Contestant], photos: Mapping[str, Path]) -> None:
        """Let every contestant see every photo once, turn by turn."""
        for photo, path in photos.items():
            for contestant in contestants:
                row = contestant.ask(photo=str(path.resolve()))
                self.rows.setdefault((contestant.name, photo), []).append(row)

    def names(self) -> tuple[list[str], list[str]]:
        """The names of contestants and photos, in order."""
        return tuple(list(dict.fromkeys(key[i] for key in self.rows)) for i in (0, 1))  # type: ignore[return-value]

    def median(self, contestant: str, photo: str) -> dict[str, float]:
        """The median of everything that was measured."""
        rows = self.rows[contestant, photo]
        return {key: statistics.median(row[key] for row in rows) for key in rows[0]}

    def line(self, contestant: str) -> tuple[float, float] | None:
        """Seconds of a photo without people, and those of each person more; None if all have as many people."""
        medians = [self.median(contestant, photo) for photo in self.names()[1]]
        people = [row["people"] for row in medians]
        if len(set(people)) < 2:
            return None
        slope, offset = np.polyfit(people, [row["total"] for row in medians], 1)
        return float(offset), float(slope)


def run_race(
    contestants: Sequence[Contestant],
    photos: Mapping[str, Path],
    repeats: int,
    with_competitor: bool = False,
) -> tuple[Race, Race | None]:
    """Measure photos in several rounds, after one that does not count.

    Parameters
    ----------
    contestants : sequence of Contestant
    photos : mapping of str to Path
        By name.
    repeats : int
        Rounds.
    with_competitor : bool
        Measure each round a second time, while another process keeps one CPU busy.

    Returns
    -------
    Race
    Race or None
        With the competitor.
    """
    Race().add(contestants, photos)
    alone, disturbed = Race(), Race() if with_competitor else None
    with competitor() as other:
        for _ in range(repeats):
            alone.add(contestants, photos)
            if disturbed is not None:
                with busy(other):
                    disturbed.add(contestants, photos)
    return alone, disturbed


def ratio(race: Race, contestant: str, other: str, photo: str, of: Race | None = None) -> str:
    """The ratio of two contestants' seconds in the same round: median, and least and most of all rounds.

    Parameters
    ----------
    race : Race
    contestant, other, photo : str
    of : Race, optional
        The race of `other`, if it is another one with as many rounds.
    """
    pairs = zip(race.rows[contestant, photo], (of or race).rows[other, photo], strict=True)
    found = [row["total"] / base["total"] for row, base in pairs]
    return f"{statistics.median(found):.2f} ({min(found):.2f} .. {max(found):.2f})"


COLUMNS = ("people", "total", "detection", "networks", "rest")


def race_table(race: Race, reference: str, alone: Race | None = None) -> str:
    """Seconds of every contestant and photo, with their ratio to those of one contestant.

    Parameters
    ----------
    race : Race
    reference : str
        The contestant.
    alone : Race, optional
        The same without a competitor; adds a column with the ratio to it.
    """
    contestants, photos = race.names()
    width = max(len(name) for name in contestants)
    columns = [column for column in COLUMNS if any(column in rows[0] for rows in race.rows.values())]
    head = f"{'photo':>14} {'':{width}} " + " ".join(f"{column:>9}" for column in columns)
    lines = [f"{head}  {f'of {reference}':20}" + ("  of alone" if alone else "")]
    for photo in photos:
        for name in contestants:
            row = race.median(name, photo)
            cells = (
                " " * 9 if c not in row else f"{row[c]:9.0f}" if c == "people" else f"{row[c]:9.4f}"
                for c in columns
            )
            line = f"{photo:>14} {name:{width}} {' '.join(cells)}  {ratio(race, name, reference, photo):20}"
            lines.append(line + (f"  {ratio(race, name, name, photo, alone)}" if alone else ""))
    base = race.line(reference)
    for name in contestants:
        if (found := race.line(name)) is not None:
            text = f"{name}: seconds = {found[0]:.3f} + {found[1]:.3f} per person"
            lines.append(text + (f", {found[1] / base[1]:.2f} of {reference}'s" if base else ""))
    return "\n".join(lines)


def as_record(race: Race | None) -> dict[str, dict[str, Any]] | None:
    """The medians and every round's seconds by contestant and photo, for a JSON file."""
    if race is None:
        return None
    contestants, photos = race.names()
    return {
        name: {
            photo: {
                **race.median(name, photo),
                "rounds": [row["total"] for row in race.rows[name, photo]],
            }
            for photo in photos
        }
        for name in contestants
    }


def mosaic(people: int, width: int, height: int) -> Rgb:
    """Make a (height, width, 3) uint8 photo with that many astronauts, every other one mirrored."""
    tile = Image.fromarray(skimage.data.astronaut()[:, 60:400])
    canvas = Image.new("RGB", (width, height), (128, 140, 150))
    rows = -(-people // ROW)
    cell_width, cell_height = width // ROW, height // max(rows, 2)
    for i in range(people):
        person = tile.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if i % 2 else tile
        scale = min(cell_width / tile.width, cell_height / tile.height)
        person = person.resize((round(tile.width * scale), round(tile.height * scale)))
        canvas.paste(person, ((i % ROW) * cell_width, (i // ROW) * cell_height))
    return np.asarray(canvas)


def photos_to_race(given: Sequence[Path], folder: Path) -> dict[str, Path]:
    """The given photos by file name, or else mosaics of 1, 3 and 10 people, written into a folder."""
    if given:
        return {path.name: path for path in given}
    paths = {f"{people} people": folder / f"{people}.png" for people in PEOPLE}
    for people, path in zip(PEOPLE, paths.values(), strict=True):
        Image.fromarray(mosaic(people, 1500, 1000)).save(path)
    return paths
