"""Tasks that depend on each other: each is run once, and again only when something that it depends on has changed.

A task writes to a folder of its own, whose name ends in the first digits of its key: the SHA-256 of its settings, of
the data that it reads and of the keys of the tasks whose results it takes. With other settings it gets another
folder, and nothing of the earlier one is lost. `done.json`, written last, marks a folder complete and keeps the
checksums of the results, so that a result which was changed by hand is noticed and made again.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posepart.io.files import read_json, sha256, write_json

DONE = "done.json"
KEY_SHOWN = 10  # digits of the key in the name of a folder
PICTURES = (".jpg", ".jpeg", ".png")  # of these, a fingerprint reads the size only
_WAIT = 1.0  # s between looks for the result of another process

Folders = Mapping[str, Path]  # task -> the folder of its result


@dataclass(frozen=True)
class Task:
    """One step from data to tables.

    Attributes
    ----------
    name : str
        Unique; its folder is named after it, with "/" as a folder in between.
    settings : mapping
        Everything besides data and inputs that the result depends on; values that JSON can hold.
    run : callable
        (folder, folders of the inputs) -> None; writes the results. Called again after an interruption, it should
        continue.
    results : tuple of str
        Names of the files that other tasks read; their checksums are kept.
    inputs : tuple of str
        Names of the tasks whose results it takes.
    data : tuple of str
        Names of the data sets that it reads.
    shared : bool
        Whether all processes of `accelerate launch` take part; otherwise the first one works and the others wait.
    """

    name: str
    settings: Mapping[str, Any]
    run: Callable[[Path, Folders], None]
    results: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    shared: bool = False


@dataclass(frozen=True)
class Tasks:
    """Tasks, the folder of their results, and what the data sets are recognised by."""

    folder: Path
    tasks: Mapping[str, Task]  # by name
    fingerprints: Mapping[str, str]  # data set -> `fingerprint`
    first: bool = True  # whether this is the first of several processes
    say: Callable[[str], None] = print
    _keys: dict[str, str] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        for task in self.tasks.values():
            unknown = [name for name in task.inputs if name not in self.tasks]
            assert not unknown, f"{task.name} takes {unknown}, which no task makes"

    def key(self, name: str) -> str:
        """The SHA-256 of everything that the result of a task depends on."""
        if name not in self._keys:
            task = self.tasks[name]
            record = {
                "name": name,
                "settings": task.settings,
                "data": [self.fingerprints[data] for data in task.data],
                "inputs": [self.key(other) for other in task.inputs],
            }
            text = json.dumps(record, sort_keys=True, default=str)
            self._keys[name] = hashlib.sha256(text.encode()).hexdigest()
        return self._keys[name]

    def folder_of(self, name: str) -> Path:
        """The folder of the result of a task."""
        return self.folder / f"{name}-{self.key(name)[:KEY_SHOWN]}"

    def stands(self, name: str) -> bool:
        """Whether the result of a task is complete and as it was written."""
        folder = self.folder_of(name)
        try:
            done = read_json(folder / DONE)
            return bool(done["key"] == self.key(name)) and all(
                sha256(folder / file) == digest for file, digest in done["results"].items()
            )
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def order(self, names: Sequence[str]) -> list[str]:
        """The tasks with all that they take, each after its inputs."""
        ordered: dict[str, None] = {}

        def add(name: str) -> None:
            for other in self.tasks[name].inputs:
                add(other)
            ordered[name] = None

        for name in names:
            add(name)
        return list(ordered)

    def run(self, names: Sequence[str]) -> None:
        """Run tasks, and before them those whose results they take, unless their results stand."""
        ordered = self.order(names)
        for number, name in enumerate(ordered, start=1):
            where = f"[{number}/{len(ordered)}] {name}"
            if self.stands(name):
                self.say(f"{where}: stands")
                continue
            task = self.tasks[name]
            if self.first or task.shared:
                self.say(f"{where} ...")
                self._run(task)
            else:
                self._wait(task)

    def _run(self, task: Task) -> None:
        folder, start = self.folder_of(task.name), time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)
        task.run(folder, {name: self.folder_of(name) for name in task.inputs})
        if self.first:
            results = {file: sha256(folder / file) for file in task.results}
            seconds = round(time.monotonic() - start, 1)
            write_json(folder / DONE, {"key": self.key(task.name), "results": results, "seconds": seconds})
        else:
            self._wait(task)

    def _wait(self, task: Task) -> None:
        """Wait for the result of the first process; if that one fails, the launcher ends this one."""
        while not self.stands(task.name):
            time.sleep(_WAIT)


def is_first_process() -> bool:
    """Whether this process is alone, or the first of those that `accelerate launch` or torchrun started."""
    return int(os.environ.get("RANK", "0")) == 0


def fingerprint(folder: Path) -> str:
    """What a data set is recognised by: the names of its files, the sizes of pictures and the content of others.

    Raises
    ------
    ValueError
        There is no such folder.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder; check the path of the data set")
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        picture = path.suffix.lower() in PICTURES
        content = str(path.stat().st_size) if picture else sha256(path)
        digest.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return digest.hexdigest()
