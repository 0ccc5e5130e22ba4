"""A pool of actors on a Ray cluster that share the photos of a run.

An actor is a process that holds a pipeline. One that dies is started again, and what it had in work is tried
`_RETRIES` times more: a retry writes the same bytes again. Photos whose tries are used up are tried alone once more,
so that a photo that kills its process takes no other with it.
"""

import contextlib
import dataclasses
import importlib
import importlib.util
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from posepart.batch.photo import Outcome, Task
from posepart.batch.workers import Load
from posepart.engines.processor import usable_cpus
from posepart.io.stamps import Stamp
from posepart.io.stores import Folder, PhotoFile, StoredPhoto, is_address
from posepart.ordered import in_order

_LOOPBACK = "127.0.0.1"
_RETRIES = 3  # of what a dead actor had in work
_TOGETHER = 8  # photos that an actor is sent at once: less is more traffic, more is more to try again
_MOST_BLOCKS = 10_000  # of photos that are sent at once; the driver holds a reference to each
_CHECKS = 16  # results that are looked at at the same time, before the first photo is sent
_QUIET = {"log_to_driver": False, "logging_level": "error"}
_MEMORY = 128 * 2**20  # bytes of Ray's object store on this machine: only texts pass through it


@dataclass(frozen=True)
class Actors:
    """A pool of actors; photos are shared by `ray.data`.

    Attributes
    ----------
    load : callable
        Makes the pipeline, once in every actor; must be picklable.
    """

    load: Load
    count: tuple[int, int]  # at least, at most
    cpus: int = 1  # of each
    gpus: float = 0.0  # of each
    address: str | None = None  # of the cluster; see `cluster.predict`

    def __post_init__(self) -> None:
        if not 1 <= self.count[0] <= self.count[1]:
            raise ValueError(f"actors: expected at least 1, and at most as many or more, got {self.count}")

    def outcomes(
        self, task: Task, photos: Iterable[tuple[PhotoFile, str]], finished: dict[int, Outcome]
    ) -> Iterator[Outcome]:
        """Handle photos; see `Workers.outcomes`."""
        taken = 0
        for place, outcome in self._in_any_order(task, list(photos)):
            finished[place] = outcome
            while taken in finished:
                yield finished[taken]
                taken += 1

    def _in_any_order(
        self, task: Task, photos: Sequence[tuple[PhotoFile, str]]
    ) -> Iterator[tuple[int, Outcome]]:
        """The place and the outcome of every photo."""
        left = []
        for place, settled in enumerate(in_order(lambda photo: task.settled(*photo), photos, _CHECKS)):
            if settled is None:
                left.append(place)
            else:
                yield place, settled
        if not left:
            return
        with _cluster(self.address):
            for together in (_TOGETHER, 1):
                missing = {*left}
                for place, outcome in self._sent(task, photos, left, together):
                    missing.discard(place)
                    yield place, outcome
                left = sorted(missing)
                if not left:
                    return
        for place in left:
            yield place, Outcome(error=_died(photos[place][0]))

    def _sent(
        self, task: Task, photos: Sequence[tuple[PhotoFile, str]], places: Sequence[int], together: int
    ) -> Iterator[tuple[int, Outcome]]:
        """The outcome of photos that are sent to actors; none for those that took an actor with them every time."""
        ray = _ray()
        context = ray.data.DataContext.get_current()
        context.max_errored_blocks = -1  # whatever fails, the others are still predicted
        context.enable_progress_bars = False
        rows = [
            {
                "place": place,
                "photo": os.fsencode(str(photos[place][0])),
                "name": os.fsencode(photos[place][1]),
            }
            for place in places
        ]
        blocks = min(-(-len(rows) // together), _MOST_BLOCKS)
        least, most = self.count
        predicted = ray.data.from_items(rows, override_num_blocks=blocks).map(
            _Predictor,
            fn_constructor_args=(self.load, _far(task), str(Path.cwd())),
            compute=ray.data.ActorPoolStrategy(
                # alone means alone: what waits behind a deadly photo would die with it
                min_size=least,
                max_size=most,
                max_tasks_in_flight_per_actor=min(2, together),
            ),
            num_cpus=self.cpus,
            num_gpus=self.gpus,
            max_restarts=-1,  # a pool does not replace an actor that is dead for good, and would wait for ever
            max_task_retries=_RETRIES,
        )
        try:
            for row in predicted.iter_rows():
                yield int(row["place"]), _outcome_from(row["outcome"])
        except ray.exceptions.RayError as error:
            raise ValueError(f"the Ray cluster gave up: {_first_line(error)}") from None


class _Predictor:
    """What runs in an actor: a pipeline that takes photo after photo."""

    def __init__(self, load: Load, task: Task, folder: str) -> None:
        with contextlib.suppress(
            OSError
        ):  # a machine without this folder: paths that are not absolute fail there
            os.chdir(folder)
        self.pipeline, _ = load()
        self.task = task

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        path, name = os.fsdecode(row["photo"]), os.fsdecode(row["name"])
        photo = StoredPhoto(path) if is_address(path) else Path(path)
        outcome = self.task.predicted(self.pipeline, photo, name)
        return {"place": row["place"], "outcome": json.dumps(dataclasses.asdict(outcome))}


def _far(task: Task) -> Task:
    """A task for another machine: without what only the driver asks for."""
    out = Folder(task.out.path.absolute()) if isinstance(task.out, Folder) else task.out
    return replace(task, out=out, known={}, there=frozenset())


def _outcome_from(text: str) -> Outcome:
    record = json.loads(text)
    stamp = record.pop("stamp")
    return Outcome(**record, stamp=None if stamp is None else Stamp(**stamp))


def _died(photo: PhotoFile) -> str:
    return (
        f"{photo}: the process that predicted it died every time, {2 * (_RETRIES + 1)} times; if memory is short, "
        "shrink the photo or give Ray fewer CPUs a machine"
    )


def _first_line(error: Exception) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


def check_ray() -> None:
    """Refuse to go on without ray.

    Raises
    ------
    ValueError
        It is not installed.
    """
    if importlib.util.find_spec("ray") is None:
        raise ValueError('--cluster needs ray: pip install "posepart[ray]"')


def _ray() -> Any:
    """The package, imported when there is work for it."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    importlib.import_module("ray.data")
    return importlib.import_module("ray")


@contextlib.contextmanager
def _cluster(address: str | None) -> Iterator[None]:
    """Connect to a cluster, or start one that only this machine can reach; a connection that is there stays."""
    ray = _ray()
    if ray.is_initialized():
        yield
        return
    try:
        if address not in (None, "auto"):
            ray.init(address=address, **_QUIET)
        elif address is None or not _joined():
            ray.init(
                address="local",
                num_cpus=usable_cpus(),
                object_store_memory=_MEMORY,
                _node_ip_address=_LOOPBACK,
                include_dashboard=False,
                **_QUIET,
            )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ValueError(f"--cluster {address}: cannot be reached ({_first_line(error)})") from None
    try:
        yield
    finally:
        ray.shutdown()


def _joined() -> bool:
    """Whether there was a cluster on this machine, or one in RAY_ADDRESS, to connect to."""
    try:
        _ray().init(address="auto", **_QUIET)
    except ConnectionError:
        return False
    return True
