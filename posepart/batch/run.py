"""`predict` for many photos at once: a run can be resumed, and no error of one photo ends it."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from posepart.batch.photo import Outcome, Task, Tracer, counted
from posepart.io.gathering import FAILED, gather, write_failed
from posepart.io.predictions import PREDICTIONS
from posepart.io.result_names import result_names
from posepart.io.run_folder import is_spread, known_stamps, read_run, reserve_ids
from posepart.io.stamps import Stamp
from posepart.io.stores import PhotoFile, Store, store_of
from posepart.io.terminal import LOG, progress_bar
from posepart.ordered import in_order

_NAMED = 20  # photos that failed, in the last line


@runtime_checkable
class Crew(Protocol):
    """Several pipelines that share the photos of a run: `Workers` on this machine, `cluster.Actors` on many."""

    def outcomes(
        self, task: Task, photos: Iterable[tuple[PhotoFile, str]], finished: dict[int, Outcome]
    ) -> Iterator[Outcome]:
        """Handle photos; see `Workers.outcomes`."""
        ...


@dataclass(frozen=True)
class RunSummary:
    """How a run went; photos are named as the user named them."""

    done: tuple[str, ...]  # predicted in this run
    complete_already: tuple[str, ...]  # not predicted again
    failed: dict[str, str]  # photo -> the sentence that says why
    people: int  # found in this run
    unproven: int  # of these, whose poses the search could not prove to be the best before its time limit
    other_settings: int = 0  # photos in the folder with results of other settings: not in `predictions.json`
    seconds: float = 0.0  # wall time
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """0: all photos have results; 1: some have; 2: none has; 130: interrupted."""
        if self.interrupted:
            return 130
        if not self.failed:
            return 0
        return 1 if self.done or self.complete_already else 2

    def __str__(self) -> str:
        text = f"{counted(len(self.done), 'photo')} done, {counted(self.people, 'person', 'people')} found"
        text += f" in {_duration(self.seconds)}"
        if self.unproven:
            text += (
                f"; {counted(self.unproven, 'pose')} not proven to be the best, as the search reached its time "
                "limit (another run may find others; --deterministic lifts the limit)"
            )
        if self.complete_already:
            text += f"; {len(self.complete_already)} complete already (--overwrite makes them anew)"
        if self.failed:
            named = [*self.failed][:_NAMED]
            more = f" and {len(self.failed) - _NAMED} more" if len(self.failed) > _NAMED else ""
            text += f"; {len(self.failed)} failed: {', '.join(named)}{more} (see {FAILED})"
        if self.other_settings:
            text += (
                f"; {counted(self.other_settings, 'other photo')} there with results of other settings: not in "
                f"{PREDICTIONS}"
            )
        return text


def predict_photos(
    photos: Sequence[PhotoFile],
    pipeline: Tracer | Crew,
    out: str | Path | Store,
    *,
    run: str,
    overwrite: bool = False,
    deterministic: bool = False,
    overlay: str = "png",
    dump_crf: Path | None = None,
    at_once: int = 1,
    shard: tuple[int, int] = (1, 1),
) -> RunSummary:
    """Predict photos and write the results, and `predictions.json` of all that `out` then holds.

    Parameters
    ----------
    photos : sequence of Path or StoredPhoto
        As `io.photo_folders.find_photos` returns them. Processes that share one `out` are given the same list.
    pipeline : Tracer or Crew
        A `Pipeline`, or processes that each have one.
    out : str, Path or Store
        The result folder or its address, prepared by `io.run_folder.prepare_out`.
    run : str
        The digest that `prepare_out` returned.
    overwrite : bool
        Predict photos again whose results are complete.
    deterministic : bool
        Write wall times as 0, so that equal results are equal bytes.
    overlay : {"png", "jpg", "none"}
        How the overlay is written, or that none is drawn.
    dump_crf : Path, optional
        Existing folder for the CRFs of photo NAME, `NAME_0.npz` and so on, in the order of the person boxes.
    at_once : int
        Photos that a `Pipeline` is given at the same time, each by a thread of its own.
    shard : (int, int)
        K, N: predict every N-th photo only, beginning with the K-th, 1 <= K <= N.

    Returns
    -------
    RunSummary
        Photos without a result are in `failed`, not raised; the logger `posepart` gets a line about each photo.

    Raises
    ------
    ValueError
        `photos` is a single path, `overlay` is unknown, or a worker cannot load the model.
    """
    task = Task(store_of(out), run, overwrite, deterministic, overlay, dump_crf)
    return _run_of(task, photos, *shard).handle_all(pipeline, at_once)


def _run_of(task: Task, photos: Sequence[PhotoFile | str], number: int, count: int) -> "_Run":
    """A run over every `count`-th photo, once the names of all results stand."""
    if isinstance(photos, str | Path):
        raise ValueError(f"photos: expected a list of paths, got {photos!r}; write [{photos!r}]")
    if not 1 <= number <= count:
        raise ValueError(f"shard: expected K and N with 1 <= K <= N, got {number} and {count}")
    files = [Path(photo) if isinstance(photo, str) else photo for photo in photos]
    stored = read_run(task.out)
    names = result_names(files, is_spread(stored))
    reserve_ids(task.out, files, names)
    own = slice(number - 1, None, count)
    task = replace(task, known=known_stamps(stored), there=frozenset(task.out.names()))
    return _Run(task, files[own], names[own], names)


@dataclass
class _Run:
    """The photos of a run, and what became of them so far."""

    task: Task
    photos: Sequence[PhotoFile]
    names: Sequence[str]  # of their results
    all_names: Sequence[str]  # also of those that other processes predict
    finished: dict[int, Outcome] = field(default_factory=dict)  # by place among the photos, in any order

    def handle_all(self, pipeline: Tracer | Crew, at_once: int) -> RunSummary:
        """Handle the photos and, unless the user interrupts or all of them fail, write `predictions.json`."""
        started = time.perf_counter()
        interrupted = not self.show(self.outcomes(pipeline, at_once))
        summary = self.summary(interrupted)
        write_failed(self.task.out, (str(self.photos[place]) for place in self.finished), summary.failed)
        if not interrupted and len(summary.failed) < len(self.photos):
            found = gather(self.task.out, self.task.run, self.all_names, self.stamps())
            summary = replace(summary, other_settings=found.others)
        return replace(summary, seconds=time.perf_counter() - started)

    def outcomes(self, pipeline: Tracer | Crew, at_once: int) -> Iterator[Outcome]:
        """The outcome of every photo, in order."""
        places = range(len(self.photos))
        if isinstance(pipeline, Crew):
            photos = zip(self.photos, self.names, strict=True)
            return pipeline.outcomes(self.task, photos, self.finished)
        return in_order(lambda place: self._handle(pipeline, place), places, at_once)

    def _handle(self, pipeline: Tracer, place: int) -> Outcome:
        photo, name = self.photos[place], self.names[place]
        outcome = self.task.settled(photo, name) or self.task.predicted(pipeline, photo, name)
        self.finished[place] = outcome
        return outcome

    def show(self, outcomes: Iterator[Outcome]) -> bool:
        """Log what became of photo after photo, with a progress bar; False if the user interrupts."""
        total = len(self.photos)
        with progress_bar(total, unit="photo") as bar:
            try:
                for number, outcome in enumerate(outcomes, start=1):
                    if outcome.error:
                        LOG.error("%s", outcome.error)
                    elif not outcome.already:
                        LOG.info("[%d/%d] %s", number, total, outcome.line)
                    bar.update()
            except KeyboardInterrupt:
                return False
        return True

    def stamps(self) -> dict[str, Stamp]:
        """The photo files by the NAME of their results."""
        return {
            self.names[place]: o.stamp for place, o in sorted(self.finished.items()) if o.stamp is not None
        }

    def summary(self, interrupted: bool) -> RunSummary:
        """How the run went."""
        outcomes = [(str(self.photos[place]), outcome) for place, outcome in sorted(self.finished.items())]
        return RunSummary(
            done=tuple(photo for photo, outcome in outcomes if not outcome.already and not outcome.error),
            complete_already=tuple(photo for photo, outcome in outcomes if outcome.already),
            failed={photo: outcome.error for photo, outcome in outcomes if outcome.error},
            people=sum(outcome.people for _, outcome in outcomes),
            unproven=sum(outcome.unproven for _, outcome in outcomes),
            interrupted=interrupted,
        )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
