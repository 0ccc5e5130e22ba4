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
from posepart.io.results import PhotoInfo, coco_results, read_record, write_predictions, write_result
from posepart.io.run_folder import image_ids, is_complete, result_names
from posepart.pipeline import Trace
from posepart.stages.crf import SolvedCrf


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
        if self.complete_already:
            text += f"; {len(self.complete_already)} complete already (--overwrite makes them anew)"
        if self.failed:
            text += f"; {len(self.failed)} failed: {', '.join(self.failed)}"
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
    """Write the results of every photo into `out`, and `predictions.json` of those that succeeded.

    Parameters
    ----------
    photos : sequence of Path
        As `io.photos.find_photos` returns them.
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
    """
    started = time.perf_counter()
    state = _Run(pipeline, out, run, overwrite, deterministic, dump_crf)
    names = result_names(photos)
    interrupted = False
    with tqdm(total=len(photos), unit="photo", disable=None, dynamic_ncols=True) as progress:
        try:
            for number, (photo, name) in enumerate(zip(photos, names, strict=True), start=1):
                state.handle(photo, name, f"[{number}/{len(photos)}]")
                progress.update()
        except KeyboardInterrupt:
            interrupted = True
    if not interrupted and len(state.failed) < len(photos):
        _write_predictions(photos, names, set(state.failed), out)
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

    def handle(self, photo: Path, name: str, counter: str) -> None:
        """Predict a photo unless its result is complete; an error is recorded and printed, not raised."""
        try:
            if not self.overwrite and is_complete(photo, name, self.out, self.run):
                self.complete_already.append(str(photo))
                return
            found, line = self.predict(photo, name)
            self.done.append(str(photo))
            self.people += found
            _tell(f"{counter} {line}", sys.stdout)
        except Exception as error:  # whatever is wrong with one photo, the others are still predicted
            self.failed[str(photo)] = _sentence(photo, error)
            _tell(f"posepart: error: {self.failed[str(photo)]}", sys.stderr)

    def summary(self, seconds: float, interrupted: bool) -> RunSummary:
        """How the run went."""
        done, already = tuple(self.done), tuple(self.complete_already)
        return RunSummary(done, already, self.failed, self.people, seconds, interrupted)

    def predict(self, path: Path, name: str) -> tuple[int, str]:
        """Read a photo, predict it, and write its result.

        Returns
        -------
        people : int
            How many were found.
        line : str
            For the user: what was found, and how long each stage took.
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
        notes = "".join(f"; {note}" for note in (*photo.notes, *_people_left_out(trace)))
        return len(scene.people), f"{path}: {found} in {written - started:.2f} s ({timing}){notes}"


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


def _write_predictions(photos: Sequence[Path], names: Sequence[str], failed: set[str], out: Path) -> None:
    entries = (
        entry
        for photo, name, image_id in zip(photos, names, image_ids(photos), strict=True)
        if str(photo) not in failed
        for entry in coco_results(read_record(out / f"{name}.json"), image_id)
    )
    write_predictions(entries, out)


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
    """Print a line above the progress bar."""
    tqdm.write(line, file=file)
    file.flush()


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
