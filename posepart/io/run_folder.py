"""The folder of a run's results: names of its files, the settings behind them, which photos are complete.

`run.json` holds the settings of the run and the image id of every NAME; every `NAME.json` repeats the digest of the
settings, and holds that of its photo. So a second run knows which photos are complete, results of other settings or
other photos are never mixed in unnoticed, and `predictions.json` is of all photos of the folder, with ids that stay.
"""

import hashlib
import itertools
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from posepart.io.files import LONGEST_NAME, Record, read_json, remove_leftovers, shown, write_json
from posepart.io.results import OVERLAYS, PREDICTIONS, SUFFIXES, coco_results, read_record, write_predictions
from posepart.io.stamps import Stamp, record_of, stamps_from

RUN = "run.json"
_IMAGE_IDS = "image_ids"  # its key with the image id of every NAME
_PHOTOS = "photos"  # its key with the stamp of the photo of every NAME
_SHOWN = 8  # settings that an error names
_PASSES = 3  # over the results, while another process adds some
_LONGEST_NAME = LONGEST_NAME - max(len(suffix) for suffix in (*SUFFIXES, *OVERLAYS.values()))  # bytes
_RESERVED_NAMES = {Path(PREDICTIONS).stem, Path(RUN).stem}

Settings = Mapping[str, Any]


def prepare_out(out: Path, photos: Sequence[Path], settings: Settings, *, overwrite: bool = False) -> str:
    """Make the result folder, or check that this run may continue it, and write the settings to `run.json`.

    Parameters
    ----------
    out : Path
    photos : sequence of Path
        The photos of the run; `out` must not be the folder of any of them.
    settings : mapping
        Everything that decides the results, nested, with values that JSON can hold.
    overwrite : bool
        Accept a folder that holds results of other settings.

    Returns
    -------
    str
        A digest of the settings.

    Raises
    ------
    ValueError
        The folder cannot be written, is the photos' own, or holds results of other settings.
    """
    if any(photo.absolute().parent.resolve() == out.resolve() for photo in photos):
        raise ValueError(
            f"{out}: is the folder of the photos themselves; choose another folder for the results"
        )
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out}: is a file; choose a folder for the results")
    if not overwrite:
        _check_settings(out, settings)
    run = _digest(settings)
    try:
        out.mkdir(parents=True, exist_ok=True)
        remove_leftovers(out)
        stored = _stored(out)
        if stored.get("run") != run:
            kept = {_IMAGE_IDS: _ids(stored), _PHOTOS: stored.get(_PHOTOS)}
            write_json(out / RUN, {"run": run, "settings": dict(settings), **kept})
    except OSError as error:
        raise ValueError(
            f"{out}: results cannot be written there ({error.strerror}); choose another folder with -o"
        ) from None
    return run


def result_names(photos: Sequence[Path]) -> list[str]:
    """Choose the NAME of every photo's result files; no two are alike, even where case does not count.

    It is the photo's stem. Photos that share a stem keep their suffix (`a.jpg`, `a.png`); those that share the whole
    file name are prefixed with their folder (`left_a.jpg`), and finally numbered. A NAME that leaves no room for the
    suffixes of the results is cut, with a digest of the whole at its end.
    """
    stems = Counter(photo.stem.casefold() for photo in photos)
    files = Counter(photo.name.casefold() for photo in photos)
    names: list[str] = []
    taken = set(_RESERVED_NAMES)
    for photo in photos:
        choices = itertools.chain(
            [photo.stem] if stems[photo.stem.casefold()] == 1 else [],
            [photo.name] if files[photo.name.casefold()] == 1 else [],
            [f"{photo.absolute().parent.name}_{photo.name}"],
            (f"{photo.absolute().parent.name}_{photo.name}-{number}" for number in itertools.count(2)),
        )
        names.append(next(name for name in map(_shortened, choices) if name.casefold() not in taken))
        taken.add(names[-1].casefold())
    return names


def _shortened(name: str) -> str:
    """A name of at most `_LONGEST_NAME` bytes."""
    content = os.fsencode(name)
    if len(content) <= _LONGEST_NAME:
        return name
    end = f"-{hashlib.sha256(content).hexdigest()[:8]}"
    kept = name
    while len(os.fsencode(kept)) > _LONGEST_NAME - len(end):
        kept = kept[:-1]
    return kept + end


def image_ids(photos: Sequence[Path], names: Sequence[str], known: Mapping[str, int]) -> dict[str, int]:
    """Choose COCO image ids: the numbers that all files are named after, as in COCO, otherwise 1, 2, ...

    Parameters
    ----------
    photos, names : sequence of Path, of str
        The photos of a run and the NAMEs of their results.
    known : mapping
        The ids of earlier runs into the same folder by NAME. They stay, and no other photo gets one of them: where a
        number is taken, the next free one is used.

    Returns
    -------
    dict of str to int
        The ids of all NAMEs, the known ones first.
    """
    stems = [photo.stem for photo in photos]
    numbers = [int(stem) for stem in stems if stem.isascii() and stem.isdigit()]
    named_so = len({*numbers}) == len(photos)
    ids, taken = dict(known), {*known.values()}
    wanted = numbers if named_so else range(1, len(photos) + 1)
    for name, number in zip(names, wanted, strict=True):
        if name not in ids:
            ids[name] = next(free for free in itertools.count(number) if free not in taken)
            taken.add(ids[name])
    return ids


def write_list(
    photos: Sequence[Path], names: Sequence[str], out: Path, run: str, stamps: Mapping[str, Stamp]
) -> int:
    """Write `predictions.json` of all photos in `out` whose results are complete and made with these settings.

    Parameters
    ----------
    photos, names : sequence of Path, of str
        The photos of the run and the NAMEs of their results.
    out : Path
    run : str
        Digest of the settings, from `prepare_out`.
    stamps : mapping
        The stamps of photos of this run by NAME, for `run.json`.

    Returns
    -------
    int
        How many photos in `out` are left out because their results were made with other settings.
    """
    others, files = 0, None
    for _ in range(_PASSES):
        if files == (files := sorted(out.glob("*.json"))):
            break
        complete, others = _complete(files, out, run)
        complete = _without_former_names(complete, names)
        stored = _stored(out)
        ids = image_ids(photos, names, _ids(stored))
        strangers = [
            name for name in complete if name not in ids
        ]  # of a run that was stopped or is still at work
        ids = image_ids([Path(complete[name][0]) for name in strangers], strangers, ids)
        written = {
            name: record_of(found) for name, found in {**stamps_from(stored.get(_PHOTOS)), **stamps}.items()
        }
        write_json(out / RUN, {**stored, _IMAGE_IDS: ids, _PHOTOS: written})
        entries = (
            coco_results(read_record(out / f"{name}.json"), number)
            for name, number in ids.items()
            if name in complete
        )
        write_predictions(itertools.chain.from_iterable(entries), out)
    return others


def _complete(files: Sequence[Path], out: Path, run: str) -> tuple[dict[str, tuple[str, str]], int]:
    """NAME and photo (file name, SHA-256) of complete results of these settings; how many are of other settings."""
    found, others = {}, 0
    for path in files:
        if not all((out / f"{path.stem}{suffix}").is_file() for suffix in SUFFIXES):
            continue
        with suppress(ValueError):
            record = read_record(path)
            if record.get("run") == run:
                photo = record["photo"]
                found[path.stem] = str(photo["file_name"]), str(photo.get("sha256"))
            else:
                others += 1
    return found, others


def _without_former_names(
    complete: Mapping[str, tuple[str, str]], names: Sequence[str]
) -> dict[str, tuple[str, str]]:
    """Leave out what an earlier run called otherwise: `x` is `a_x.jpg` once `b/x.jpg` is predicted with it."""
    current = {complete[name] for name in names if name in complete}
    wanted = {*names}
    return {name: photo for name, photo in complete.items() if name in wanted or photo not in current}


def _stored(out: Path) -> Record:
    """The content of `run.json`; empty if it is missing or damaged."""
    try:
        stored = read_json(out / RUN)
    except (OSError, ValueError):
        return {}
    return stored if isinstance(stored, dict) else {}


def known_stamps(out: Path) -> dict[str, Stamp]:
    """The stamps of photos that `run.json` holds, by NAME."""
    return stamps_from(_stored(out).get(_PHOTOS))


def _ids(stored: Record) -> dict[str, int]:
    """The image ids that `run.json` holds."""
    ids = stored.get(_IMAGE_IDS)
    if not isinstance(ids, dict):
        return {}
    return {name: number for name, number in ids.items() if type(number) is int}


def _check_settings(out: Path, settings: Settings) -> None:
    """Refuse a folder that holds results of other settings, and say which settings differ."""
    if not any(path.with_name(f"{path.stem}{SUFFIXES[0]}").exists() for path in out.glob("*.json")):
        return  # there may be other files, but no results
    try:
        earlier = read_json(out / RUN)["settings"]
        changes = [
            f"{shown(key)} was {shown(old)}, is {shown(new)}"
            for key, old, new in _differences(dict(_flat(earlier)), dict(_flat(settings)))
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        changes = [f"its {RUN} is missing or damaged"]
    if changes:
        more = f"; {len(changes) - _SHOWN} more" if len(changes) > _SHOWN else ""
        raise ValueError(
            f"{out}: holds results made with other settings ({'; '.join(changes[:_SHOWN])}{more}); choose "
            "another folder with -o, or add --overwrite"
        )


def _differences(earlier: dict[str, str], now: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    for key in sorted(earlier.keys() | now.keys()):
        if earlier.get(key) != now.get(key):
            yield key, earlier.get(key, "absent"), now.get(key, "absent")


def _flat(settings: Settings, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Flatten nested settings to pairs of "a.b.c" and the value as JSON."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", json.dumps(value)


def _digest(settings: Settings) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
