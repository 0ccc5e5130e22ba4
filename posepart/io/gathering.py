"""The lists of all photos of a result folder, made from the results that are there.

Whoever finishes writes them, and whoever finishes last has the last word: on a disk one after the other, in an
object store by reading again whether results came while the list was written. So the lists do not depend on how
many processes shared the photos, nor on who was killed.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from posepart.io.files import Record, parse_json
from posepart.io.predictions import PREDICTIONS, coco_results, predictions_writer
from posepart.io.result_names import image_ids
from posepart.io.results import SUFFIXES, record_from
from posepart.io.run_folder import IDS, PHOTOS, known_ids, known_stamps, read_run, write_run
from posepart.io.stamps import Stamp, record_of
from posepart.io.stores import Store
from posepart.ordered import in_order

FAILED = "failed.jsonl"
_RESULT = ".json"


@dataclass(frozen=True)
class Gathered:
    """What is in `predictions.json`."""

    photos: int  # with complete results
    others: int  # left out, because their results were made with other settings


def gather(
    store: Store, run: str, names: Sequence[str] = (), stamps: Mapping[str, Stamp] | None = None
) -> Gathered:
    """Write `predictions.json` of all photos whose results are complete and made with these settings.

    Parameters
    ----------
    store : Store
    run : str
        Digest of the settings, from `prepare_out`.
    names : sequence of str
        The NAMEs of all photos of the run; by default those in `run.json`.
    stamps : mapping, optional
        The stamps of photos of this run by NAME, for `run.json`.

    Returns
    -------
    Gathered
    """
    with store.lock() as alone:
        while True:
            found, stored = _with_all_files(store.names()), read_run(store)
            record, listed = _lists(store, found, stored, run, names)
            written = {**known_stamps(stored), **(stamps or {})}
            record[PHOTOS] = {name: record_of(written[name]) for name in record[IDS] if name in written}
            if record != stored:
                write_run(store, record)
            entries = _Entries(store, run, listed)
            store.put(PREDICTIONS, predictions_writer(entries))
            if alone or (_with_all_files(store.names()), read_run(store)) == (found, record):
                return entries.gathered()


def _lists(
    store: Store, found: Sequence[str], stored: Record, run: str, names: Sequence[str]
) -> tuple[Record, dict[str, int]]:
    """What `run.json` holds from now on, and the ids of the photos with results, in order."""
    known = known_ids(stored)
    former = _former_names(store, found, run, names or list(known))
    strangers = [name for name in found if name not in known and name not in former]  # of another list
    ids = {name: number for name, number in known.items() if name not in former}
    ids = image_ids([Path(f"{name}{_RESULT}") for name in strangers], strangers, ids)
    there = {*found}
    return {**stored, IDS: ids}, {name: number for name, number in ids.items() if name in there}


def _with_all_files(files: Sequence[str]) -> list[str]:
    """The NAMEs whose files are all there."""
    there = {*files}
    names = (file.removesuffix(_RESULT) for file in files if file.endswith(_RESULT))
    return [name for name in names if all(f"{name}{suffix}" in there for suffix in SUFFIXES)]


class _Entries:
    """The entries of `predictions.json`, read result by result."""

    def __init__(self, store: Store, run: str, ids: Mapping[str, int]) -> None:
        self.store, self.run, self.ids = store, run, ids
        self.photos = 0  # with results of these settings, known once all were read
        self.others = 0  # with results of others

    def __iter__(self) -> Iterator[Record]:
        self.photos = self.others = 0
        for name, record in _records(self.store, self.ids):
            if record.get("run") == self.run:
                self.photos += 1
                yield from coco_results(record, self.ids[name])
            else:
                self.others += 1

    def gathered(self) -> Gathered:
        """What was written."""
        return Gathered(self.photos, self.others)


def _records(store: Store, names: Iterable[str]) -> Iterator[tuple[str, Record]]:
    """The results of NAMEs, in order; what is damaged or was removed meanwhile is left out."""

    def read(name: str) -> tuple[str, Record | None]:
        with suppress(ValueError, FileNotFoundError):
            return name, record_from(store.get(f"{name}{_RESULT}"), f"{name}{_RESULT}")
        return name, None

    for name, record in in_order(read, names, store.at_once):
        if record is not None:
            yield name, record


def _former_names(store: Store, found: Sequence[str], run: str, names: Sequence[str]) -> set[str]:
    """What an earlier run called otherwise: `x` is `a_x.jpg` once `b/x.jpg` is predicted with it."""
    wanted = {*names}
    earlier = [name for name in found if name not in wanted]
    if not earlier:
        return set()
    photos = {
        name: (record["photo"]["file_name"], record["photo"].get("sha256"))
        for name, record in _records(store, found)
        if record.get("run") == run
    }
    current = {photos[name] for name in names if name in photos}
    return {name for name in earlier if photos.get(name) in current}


def write_failed(store: Store, handled: Iterable[str], failed: Mapping[str, str]) -> None:
    """Write `failed.jsonl`, a line for every photo without a result, or remove it if there is none.

    Parameters
    ----------
    store : Store
    handled : iterable of str
        All photos of this run; what earlier runs said of them no longer counts.
    failed : mapping
        Those that failed, with the sentence that says why.
    """
    with store.lock():
        now = {*handled}
        kept = {photo: why for photo, why in read_failed(store).items() if photo not in now}
        lines = [
            json.dumps({"photo": photo, "error": why}) for photo, why in sorted({**kept, **failed}.items())
        ]
        if lines:
            store.put(FAILED, lambda file: file.write("".join(f"{line}\n" for line in lines).encode()))
        else:
            store.remove(FAILED)


def read_failed(store: Store) -> dict[str, str]:
    """The photos in `failed.jsonl`, with the sentence that says why; damaged lines are left out."""
    found = {}
    with suppress(FileNotFoundError):
        for line in store.get(FAILED).splitlines():
            with suppress(ValueError, KeyError, TypeError):
                record = parse_json(line)
                found[str(record["photo"])] = str(record["error"])
    return found
