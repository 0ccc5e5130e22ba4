"""`predict` for many photos: one at a time; a run can be resumed, and no error of one photo ends it."""

import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TextIO

from tqdm import tqdm

from posepart.arrays import Rgb
from posepart.draw import draw_overlay
from posepart.io.files import sha256
from posepart.io.photos import open_photo
from posepart.io.results import PREDICTIONS, PhotoInfo, write_result
from posepart.io.run_folder import is_complete, result_names, write_list
from posepart.pipeline import Trace
from posepart.stages.crf import SolvedCrf
from posepart.structures import TIME_LIMIT, Scene


class Tracer(Protocol):
    """Whatever turns a photo into a result: a `Pipeline`, or a stand-in for it in tests."""

    @property
    def name(self) -> str:
        """The name of the model."""
        ...

    def trace(self, photo: Rgb) -> Trace:
        """The result for one photo, (H, W, 3) uint8 RGB, with everything that led to it."""
        ...


@dataclass(frozen=True)
class RunSummary:
    """How a run went; photos are named as the user named them."""

    done: tuple[str, ...]  # predicted in this run
    complete_already: tuple[str, ...]  # not predicted again
    failed: dict[str, str]  # photo -> the sentence that says why
    people: int  # found in this run
    unproven: int  # of these, whose poses the search could not prove to be the best before its time limit
    other_settings: (
        int  # photos whose results in the folder are of other settings, and not in `predictions.json`
    )
    seconds: float  # wall time
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
        text = f"{_count(len(self.done), 'photo')} done, {_count(self.people, 'person', 'people')} found"
        text += f" in {_duration(self.seconds)}"
        if self.unproven:
            text += (
                f"; {_count(self.unproven, 'pose')} not proven to be the best, as the search reached its time limit "
                "(another run may find others; --deterministic lifts the limit)"
            )
        if self.complete_already:
            text += f"; {len(self.complete_already)} complete already (--overwrite makes them anew)"
        if self.failed:
            text += f"; {len(self.failed)} failed: {', '.join(self.failed)}"
        if self.other_settings:
            text += (
                f"; {_count(self.other_settings, 'other photo')} there with results of other settings: not in "
                f"{PREDICTIONS}"
            )
        return text


def predict_photos(
    photos: Sequence[Path],
    pipeline: Tracer,
    out: Path,
    *,
    run: str,
    overwrite: bool = False,
    deterministic: bool = False,
    dump_crf: Path | None = None,
) -> RunSummary:
    """Write the results of every photo into `out`, and `predictions.json` of all that `out` then holds.

    Parameters
    ----------
    photos : sequence of Path
        As `io.photo_folders.find_photos` returns them.
    pipeline : Tracer
        A `Pipeline`.
    out : Path
        The result folder, prepared by `io.run_folder.prepare_out`.
    run : str
        The digest that `prepare_out` returned.
    overwrite : bool
        Predict photos again whose results are complete.
    deterministic : bool
        Write wall times as 0, so that equal results are equal bytes.
    dump_crf : Path, optional
        Existing folder that receives the CRFs of photo NAME as `NAME_0.npz`, `NAME_1.npz`, ..., numbered as the
        person boxes, best first (see `ilp.Problem.save`).

    Returns
    -------
    RunSummary
        Photos that could not be read, predicted or written are in `failed`; no error of one photo is raised.

    Raises
    ------
    ValueError
        `photos` is a single path.
    """
    if isinstance(photos, str | Path):
        raise ValueError(f"photos: expected a list of paths, got {photos!r}; write [{photos!r}]")
    photos, out = [Path(photo) for photo in photos], Path(out)
    started = time.perf_counter()
    state = _Run(pipeline, out, run, overwrite, deterministic, dump_crf)
    names = result_names(photos)
    interrupted = not state.handle_all(photos, names)
    if not interrupted and len(state.failed) < len(photos):
        state.other_settings = write_list(photos, names, out, run)
    return state.summary(time.perf_counter() - started, interrupted)


@dataclass
class _Run:
    """The settings of a run, as in `predict_photos`, and the outcome so far, as in `RunSummary`."""

    pipeline: Tracer
    out: Path
    run: str
    overwrite: bool
    deterministic: bool
    dump_crf: Path | None
    done: list[str] = field(default_factory=list)
    complete_already: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    people: int = 0
    unproven: int = 0
    other_settings: int = 0

    def handle_all(self, photos: Sequence[Path], names: Sequence[str]) -> bool:
        """Handle photo after photo, with a progress bar; False if the user interrupts."""
        with tqdm(total=len(photos), unit="photo", disable=None, dynamic_ncols=True) as progress:
            try:
                for number, (photo, name) in enumerate(zip(photos, names, strict=True), start=1):
                    self.handle(photo, name, f"[{number}/{len(photos)}]")
                    progress.update()
            except KeyboardInterrupt:
                return False
        return True

    def handle(self, photo: Path, name: str, counter: str) -> None:
        """Predict a photo unless its result is complete; an error is recorded and printed, not raised."""
        try:
            if not self.overwrite and is_complete(photo, name, self.out, self.run):
                self.complete_already.append(str(photo))
                return
            scene, line = self.predict(photo, name)
            self.done.append(str(photo))
            self.people += len(scene.people)
            self.unproven += _unproven(scene)
            _tell(f"{counter} {line}", sys.stdout)
        except Exception as error:  # whatever is wrong with one photo, the others are still predicted
            self.failed[str(photo)] = _sentence(photo, error)
            _tell(f"posepart: error: {self.failed[str(photo)]}", sys.stderr)

    def summary(self, seconds: float, interrupted: bool) -> RunSummary:
        """How the run went."""
        done, already = tuple(self.done), tuple(self.complete_already)
        return RunSummary(
            done, already, self.failed, self.people, self.unproven, self.other_settings, seconds, interrupted
        )

    def predict(self, path: Path, name: str) -> tuple[Scene, str]:
        """Read a photo, predict it, and write its result.

        Returns
        -------
        Scene
        str
            For the user: what was found, how long each stage took, and what is to be known about it.
        """
        started = time.perf_counter()
        photo = open_photo(path)
        read = time.perf_counter()
        trace = self.pipeline.trace(photo.image)
        predicted = time.perf_counter()
        if self.dump_crf is not None:
            _save_crfs(trace, self.dump_crf / name)
        scene, (height, width) = trace.scene, photo.image.shape[:2]
        info = PhotoInfo(name, path.name, width, height, sha256(path))
        overlay = draw_overlay(photo.image, scene)
        write_result(scene, info, self.out, overlay=overlay, run=self.run, deterministic=self.deterministic)
        written = time.perf_counter()
        stages = {"read": read - started, **scene.seconds, "write": written - predicted}
        timing = ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in stages.items())
        found = _count(len(scene.people), "person", "people")
        notes = [*photo.notes, *_people_left_out(trace)]
        if unproven := _unproven(scene):
            notes.append(f"{_count(unproven, 'pose')} not proven to be the best (time limit)")
        remarks = "".join(f"; {note}" for note in notes)
        return scene, f"{path}: {found} in {written - started:.2f} s ({timing}){remarks}"


def _people_left_out(trace: Trace) -> tuple[str, ...]:
    """A note if the detector found more people than the setting allows."""
    if not trace.left_out:
        return ()
    more = _count(trace.left_out, "more person", "more people")
    return (f"at least {more} left out: raise --pipeline.detection.max_people",)


def _save_crfs(trace: Trace, base: Path) -> None:
    for number, grouping in enumerate(trace.groupings):
        if not isinstance(grouping, SolvedCrf):
            raise ValueError(
                "this model has no CRF to write: leave out --dump-crf, or choose another --model"
            )
        grouping.problem.save(base.with_name(f"{base.name}_{number}.npz"))


def _unproven(scene: Scene) -> int:
    """How many people's poses are the best that a search found, not proven to be the best."""
    return sum(person.certificate.status == TIME_LIMIT for person in scene.people)


def _sentence(photo: Path, error: Exception) -> str:
    """What went wrong with a photo, in one sentence that names it."""
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError) or "out of memory" in text.lower():
        return f"{photo}: too little memory for this photo; shrink it, or close other programs"
    if isinstance(error, OSError):
        return f"{photo}: {error.filename or 'a file'} cannot be read or written ({error.strerror or text})"
    if isinstance(error, ValueError):
        return text if str(photo) in text else f"{photo}: {text}"
    place = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"{photo}: unexpected {type(error).__name__} ({text}) in {Path(place.filename).name}, line "
        f"{place.lineno}; please report it together with the photo"
    )


def _tell(line: str, file: TextIO) -> None:
    """Print a line above the progress bar, with escapes for what the terminal cannot show."""
    encoding = getattr(file, "encoding", None) or "utf-8"
    tqdm.write(line.encode(encoding, "backslashreplace").decode(encoding), file=file)
    file.flush()


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
