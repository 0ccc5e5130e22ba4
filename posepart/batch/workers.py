"""Several processes on one machine that each have a pipeline of their own and take photo after photo.

A process that dies, because the system killed it or a library crashed, takes one photo with it at most: the photo is
tried once more, by a new process, and then reported.
"""

import contextlib
import io
import multiprocessing
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any

from posepart.batch.photo import Outcome, Task, Tracer
from posepart.io.stores import PhotoFile

Loaded = tuple[Tracer, dict[str, Any]]  # a pipeline, and what the loader tells of it
Load = Callable[[], Loaded]
_ATTEMPTS = 2  # at a photo
_AHEAD = 4  # photos a worker that are begun or finished, and not yet taken
_GRACE = 5.0  # s, in which a worker that is told to stop removes what it has half-written


@dataclass
class Workers:
    """Processes that are started as they are needed; use it as a context, which ends them.

    Attributes
    ----------
    load : callable
        Makes the pipeline, once in every process; must be picklable.
    count : int
        At most so many processes.
    """

    load: Load
    count: int
    _workers: list["_Worker"] = field(default_factory=list)

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.end()
        self._workers.clear()

    def about(self) -> tuple[str, dict[str, Any]]:
        """The name of the model and what the loader tells of it; starts the first process.

        Raises
        ------
        ValueError
            The model cannot be loaded.
        """
        worker = self._idle()
        assert worker is not None
        while not worker.loaded:
            if worker.receive() is None and not worker.loaded:
                raise ValueError(f"a worker {worker.end()} while it loaded the model; try fewer --workers")
        return worker.loaded

    def outcomes(
        self, task: Task, photos: Iterable[tuple[PhotoFile, str]], finished: dict[int, Outcome]
    ) -> Iterator[Outcome]:
        """Handle photos.

        Parameters
        ----------
        task : Task
        photos : iterable of (Path or StoredPhoto, str)
            Photos and the NAMEs of their results; read only as needed.
        finished : dict
            Receives the outcome of every photo as soon as it is known, by its place.

        Yields
        ------
        Outcome
            Of every photo, in order.

        Raises
        ------
        ValueError
            The model cannot be loaded.
        """
        jobs = _jobs(task, photos, finished)
        waiting: deque[_Job] = deque()  # for a worker
        begun = taken = 0
        while True:
            while True:
                while not waiting and begun - taken < _AHEAD * self.count and (job := next(jobs, None)):
                    begun += 1
                    waiting.extend([] if job.place in finished else [job])
                if not waiting or (worker := self._idle()) is None:
                    break
                worker.send(waiting.popleft())
            if begun == taken:
                return
            if taken not in finished:
                waiting.extendleft(self._gather(finished))
            while taken in finished:
                yield finished[taken]
                taken += 1

    def _idle(self) -> "_Worker | None":
        """A worker without a photo, a new one if there may be more; None if all are busy."""
        for worker in self._workers:
            if worker.job is None:
                return worker
        if len(self._workers) == self.count:
            return None
        self._workers.append(_Worker(self.load, quiet=bool(self._workers)))
        return self._workers[-1]

    def _gather(self, finished: dict[int, Outcome]) -> list["_Job"]:
        """Wait until a busy worker has finished a photo or died; the photos to be tried again."""
        busy = {worker.connection: worker for worker in self._workers if worker.job is not None}
        again = []
        for connection in wait(list(busy)) if busy else ():
            worker = busy[connection]  # type: ignore[index]
            job, outcome = worker.job, worker.receive()
            if outcome is not None and job is not None:
                finished[job.place] = outcome
            elif not worker.alive and job is not None:
                self._workers.remove(worker)
                how = worker.end()
                if job.attempts < _ATTEMPTS:
                    again.append(replace(job, attempts=job.attempts + 1))
                else:
                    finished[job.place] = Outcome(error=_died(job.photo, how))
        return again


@dataclass(frozen=True)
class _Job:
    """A photo for a worker."""

    place: int  # among the photos of the run
    photo: PhotoFile
    name: str  # of its results
    task: Task
    attempts: int = 1  # this one included


def _jobs(
    task: Task, photos: Iterable[tuple[PhotoFile, str]], finished: dict[int, Outcome]
) -> Iterator[_Job]:
    """A job for every photo; those that need none are in `finished` when it is given."""
    lean = replace(task, known={}, there=frozenset())
    for place, (photo, name) in enumerate(photos):
        settled = task.settled(photo, name)
        if settled is not None:
            finished[place] = settled
        yield _Job(place, photo, name, lean)


def _died(photo: PhotoFile, how: str) -> str:
    return (
        f"{photo}: the process that predicted it {how}, {_ATTEMPTS} times; if memory is short, shrink the photo or "
        "try fewer --workers"
    )


class _Worker:
    """A process, as the main process sees it."""

    def __init__(self, load: Load, quiet: bool) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, load, quiet), daemon=True)
        with _without_interrupts():  # a process that is still importing would end with a traceback
            self.process.start()
        theirs.close()
        self.job: _Job | None = None
        self.loaded: tuple[str, dict[str, Any]] | None = None
        self.alive = True

    def send(self, job: _Job) -> None:
        """Give it a photo; if it has died, `receive` will tell."""
        self.job = job
        with contextlib.suppress(OSError):
            self.connection.send(job)

    def receive(self) -> Outcome | None:
        """The outcome of its photo; None if it has just loaded its model, or died, which `alive` tells.

        Raises
        ------
        ValueError
            It cannot load the model.
        """
        try:
            message = self.connection.recv()
        except (EOFError, OSError):
            self.alive = False
            return None
        if isinstance(message, ValueError):
            raise message
        if isinstance(message, Outcome):
            self.job = None
            return message
        self.loaded = message
        return None

    def end(self) -> str:
        """End it; how it ended, as a predicate."""
        self.process.join(_GRACE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.connection.close()
        code = self.process.exitcode or 0
        if code >= 0:
            return f"ended with exit code {code}"
        return f"was killed (signal {-code}, {signal.strsignal(-code) or 'unknown'})"


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Keep Ctrl-C from processes that are started meanwhile; in this one it acts a moment later. Not on Windows."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # otherwise the first start would do it, and let signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(connection: Connection, load: Load, quiet: bool) -> None:
    """Load a pipeline and handle the photos that come through a connection, until it is closed; runs in the worker.

    Ctrl-C reaches all processes of a terminal: the main process alone decides what follows. It ends a worker by
    SIGTERM, which leaves nothing half-written.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        with contextlib.redirect_stderr(io.StringIO()) if quiet else contextlib.nullcontext():
            pipeline, about = load()
    except (ValueError, OSError, MemoryError) as error:
        connection.send(ValueError(str(error) or type(error).__name__))
        return
    with contextlib.suppress(EOFError, OSError):  # the main process has gone
        connection.send((pipeline.name, about))
        while True:
            job = connection.recv()
            connection.send(job.task.predicted(pipeline, job.photo, job.name))
