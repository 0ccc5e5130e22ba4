"""The folder of a run's results: names of its files, the settings behind them, which photos are complete.

`run.json` holds the settings of the run; every `NAME.json` repeats their digest, and holds that of its photo. So a
second run knows which photos are complete, and results of other settings or other photos are never mixed in
unnoticed.
"""

import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from posepart.io.files import remove_leftovers, sha256, write_json
from posepart.io.results import PREDICTIONS, SUFFIXES, read_record

RUN = "run.json"
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
        write_json(out / RUN, {"run": run, "settings": dict(settings)})
    except OSError as error:
        raise ValueError(
            f"{out}: results cannot be written there ({error.strerror}); choose another folder with -o"
        ) from None
    return run


def result_names(photos: Sequence[Path]) -> list[str]:
    """Choose the NAME of every photo's result files; no two are alike, even where case does not count.

    It is the photo's stem. Photos that share a stem keep their suffix (`a.jpg`, `a.png`); those that share the whole
    file name are prefixed with their folder (`left_a.jpg`), and finally numbered.
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
        names.append(next(choice for choice in choices if choice.casefold() not in taken))
        taken.add(names[-1].casefold())
    return names


def image_ids(photos: Sequence[Path]) -> list[int]:
    """Choose COCO image ids: the numbers that all files are named after, as in COCO, otherwise 1, 2, ..."""
    stems = [photo.stem for photo in photos]
    if all(stem.isascii() and stem.isdigit() for stem in stems):
        numbers = [int(stem) for stem in stems]
        if len(set(numbers)) == len(numbers):
            return numbers
    return list(range(1, len(photos) + 1))


def is_complete(photo: Path, name: str, out: Path, run: str) -> bool:
    """Whether `out` holds all result files of this photo, made with these settings.

    Parameters
    ----------
    photo : Path
    name : str
        The NAME of its result files.
    out : Path
    run : str
        Digest of the settings, from `prepare_out`.

    Raises
    ------
    ValueError
        The results under this name belong to another photo.
    """
    if not all((out / f"{name}{suffix}").is_file() for suffix in SUFFIXES):
        return False
    try:
        record = read_record(out / f"{name}.json")
    except ValueError:
        return False
    if record["photo"].get("sha256") != sha256(photo):
        raise ValueError(
            f"{photo}: {out} already holds the result of another photo called {name} (or of an earlier version "
            "of this one); choose another folder with -o, or add --overwrite"
        )
    return record.get("run") == run


def _check_settings(out: Path, settings: Settings) -> None:
    """Refuse a folder that holds results of other settings, and say which settings differ."""
    if not any(path.with_name(f"{path.stem}{SUFFIXES[0]}").exists() for path in out.glob("*.json")):
        return  # there may be other files, but no results
    try:
        earlier = json.loads((out / RUN).read_text(encoding="utf-8"))["settings"]
        changes = [
            f"{key} was {old}, is {new}"
            for key, old, new in _differences(dict(_flat(earlier)), dict(_flat(settings)))
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        changes = [f"its {RUN} is missing or damaged"]
    if changes:
        raise ValueError(
            f"{out}: holds results made with other settings ({'; '.join(changes)}); choose another folder with "
            "-o, or add --overwrite"
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
