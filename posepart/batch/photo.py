"""One photo of many: read, predicted, drawn and written, by any thread or process; an error becomes a sentence."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from posepart.arrays import Rgb
from posepart.draw import draw_overlay
from posepart.io.photo_errors import photo_error
from posepart.io.photos import open_photo
from posepart.io.results import OVERLAYS, SUFFIXES, PhotoInfo, put_result, scene_to_record
from posepart.io.stamps import Stamp, complete_photo, stamp
from posepart.io.stores import PhotoFile, Store, local_copy
from posepart.structures import TIME_LIMIT, Scene

if TYPE_CHECKING:  # a process that only hands out photos needs no torch
    from posepart.pipeline import Trace

NO_OVERLAY = "none"


class Tracer(Protocol):
    """Whatever turns a photo into a result: a `Pipeline`, or a stand-in for it in tests."""

    @property
    def name(self) -> str:
        """The name of the model."""
        ...

    def trace(self, photo: Rgb) -> "Trace":
        """The result for one photo, (H, W, 3) uint8 RGB, with everything that led to it."""
        ...


@dataclass(frozen=True)
class Outcome:
    """What became of one photo."""

    line: str = ""  # for the user: what was found, how long each stage took, and what is to be known about it
    error: str = ""  # the sentence that says why it has no result; empty if it has
    already: bool = False  # whether its result was complete before
    people: int = 0
    unproven: int = 0  # of these, whose poses the search could not prove to be the best
    stamp: Stamp | None = None  # of the photo file; None after an error


@dataclass(frozen=True)
class Task:
    """What is done with every photo of a run; the settings are those of `predict_photos`."""

    out: Store
    run: str
    overwrite: bool = False
    deterministic: bool = False
    overlay: str = "png"  # a key of `OVERLAYS`, or "none"
    dump_crf: Path | None = None
    known: Mapping[str, Stamp] = field(default_factory=dict)  # NAME -> the photo file in earlier runs
    there: frozenset[str] = frozenset()  # result files that were there when the run began

    def __post_init__(self) -> None:
        if self.overlay not in (*OVERLAYS, NO_OVERLAY):
            raise ValueError(f"overlay: expected {', '.join(OVERLAYS)} or {NO_OVERLAY}, got {self.overlay!r}")

    def settled(self, photo: PhotoFile, name: str) -> Outcome | None:
        """The outcome of a photo that needs no prediction, because its result is complete or belongs to another."""
        if self.overwrite:
            return None
        try:
            complete = all(file in self.there or self.out.has(file) for file in self._files(name))
            found = (
                complete_photo(photo, self.out, name, self.run, self.known.get(name)) if complete else None
            )
        except Exception as error:  # whatever is wrong with one photo, the others are still predicted
            return Outcome(error=str(photo_error(photo, error)))
        return None if found is None else Outcome(already=True, stamp=found)

    def _files(self, name: str) -> list[str]:
        """The files of a complete result; the one that is written last comes first."""
        suffixes = (*SUFFIXES[::-1], *([OVERLAYS[self.overlay]] if self.overlay in OVERLAYS else []))
        return [f"{name}{suffix}" for suffix in suffixes]

    def predicted(self, pipeline: Tracer, photo: PhotoFile, name: str) -> Outcome:
        """The outcome of a photo that is read, predicted and written now."""
        try:
            return self._predicted(pipeline, photo, name)
        except Exception as error:  # as in `settled`
            return Outcome(error=str(photo_error(photo, error)))

    def _predicted(self, pipeline: Tracer, photo: PhotoFile, name: str) -> Outcome:
        started = time.perf_counter()
        with local_copy(photo) as path:
            loaded = open_photo(path)
            file = stamp(photo, copy=path)
        read = time.perf_counter()
        trace = pipeline.trace(loaded.image)
        predicted = time.perf_counter()
        if self.dump_crf is not None:
            _save_crfs(trace, self.dump_crf / name)
        height, width = loaded.image.shape[:2]
        self._write(trace.scene, loaded.image, PhotoInfo(name, photo.name, width, height, file.sha256))
        written = time.perf_counter()
        stages = {"read": read - started, **trace.scene.seconds, "write": written - predicted}
        timing = ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in stages.items())
        people = len(trace.scene.people)
        unproven = sum(person.certificate.status == TIME_LIMIT for person in trace.scene.people)
        remarks = "".join(f"; {note}" for note in (*loaded.notes, *_notes(trace, unproven)))
        line = (
            f"{photo}: {counted(people, 'person', 'people')} in {written - started:.2f} s ({timing}){remarks}"
        )
        return Outcome(line, people=people, unproven=unproven, stamp=file)

    def _write(self, scene: Scene, image: Rgb, info: PhotoInfo) -> None:
        """Draw the result if that is wanted, and write all files."""
        drawn = (draw_overlay(image, scene), self.overlay) if self.overlay in OVERLAYS else None
        record = scene_to_record(scene, info, run=self.run, deterministic=self.deterministic)
        put_result(scene, record, info.name, self.out, drawn)


def _notes(trace: "Trace", unproven: int) -> list[str]:
    """What a user should know about a result."""
    notes = []
    if trace.left_out:
        more = counted(trace.left_out, "more person", "more people")
        notes.append(f"at least {more} left out: raise --pipeline.detection.max_people")
    if unproven:
        notes.append(f"{counted(unproven, 'pose')} not proven to be the best (time limit)")
    return notes


def _save_crfs(trace: "Trace", base: Path) -> None:
    from posepart.stages.crf import SolvedCrf

    base.parent.mkdir(exist_ok=True)
    for number, grouping in enumerate(trace.groupings):
        if not isinstance(grouping, SolvedCrf):
            raise ValueError(
                "this model has no CRF to write: leave out --dump-crf, or choose another --model"
            )
        grouping.problem.save(base.with_name(f"{base.name}_{number}.npz"))


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun, in the singular or the plural."""
    return f"{number} {one if number == 1 else many or one + 's'}"
