"""The folder of a run's results: the settings behind them, and whether a run may continue what is there.

`run.json` holds the settings of the run and the image id of every NAME; every `NAME.json` repeats the digest of the
settings, and holds that of its photo. So a second run knows which photos are complete, and results of other settings
or other photos are never mixed in unnoticed. Any number of processes may run at the same time.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from posepart import __version__
from posepart.config import PipelineConfig
from posepart.io.files import Record, json_lines, parse_json, remove_leftovers, shown
from posepart.io.result_names import MANY, RUN, image_ids
from posepart.io.results import SUFFIXES
from posepart.io.stamps import Stamp, stamps_from
from posepart.io.stores import Folder, PhotoFile, Store, store_of

IDS = "image_ids"  # the key of `run.json` with the image id of every NAME
PHOTOS = "photos"  # its key with the stamp of the photo of every NAME
_SPREAD = "spread"  # its key that says whether NAMEs have a folder before them
_SHOWN = 8  # settings that an error names

Settings = Mapping[str, Any]


def prepare_out(
    out: str | Path | Store, photos: Sequence[PhotoFile], settings: Settings, *, overwrite: bool = False
) -> str:
    """Make the result folder, or check that this run may continue it, and write the settings to `run.json`.

    Parameters
    ----------
    out : str, Path or Store
        A folder, or the address of one in an object store.
    photos : sequence of Path or StoredPhoto
        All photos of the run; `out` must not be the folder of any of them.
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
    store, run = store_of(out), _digest(settings)
    if isinstance(store, Folder):
        _check_folder(store.path, photos)
    try:
        if isinstance(store, Folder):
            store.path.mkdir(parents=True, exist_ok=True)
            remove_leftovers(store.path)
        with store.lock():
            stored = read_run(store)
            if stored.get("run") == run == _digest(stored.get("settings", {})):
                return run
            full = any(name.endswith(SUFFIXES[0]) for name in store.names())
            if full and not overwrite:
                _check_settings(store, stored, settings)
            spread = bool(stored.get(_SPREAD)) if full else len(photos) > MANY
            kept = {_SPREAD: spread, IDS: known_ids(stored), PHOTOS: stored.get(PHOTOS)}
            write_run(store, {"run": run, "settings": dict(settings), **kept})
    except OSError as error:
        raise ValueError(
            f"{store}: results cannot be written there ({error.strerror}); choose another folder with -o"
        ) from None
    return run


def settings_of(
    model: str, about: Settings, detector: str, deterministic: bool, config: PipelineConfig
) -> dict[str, Any]:
    """The settings of a run with a model; `about` is what its loader tells of it."""
    return {
        "posepart": __version__,
        "model": model,
        **about,
        "detector": detector,
        "deterministic": deterministic,
        "pipeline": asdict(config),
    }


def _check_folder(out: Path, photos: Sequence[PhotoFile]) -> None:
    """Refuse what cannot become a folder of results."""
    folders = {photo.absolute().parent for photo in photos if isinstance(photo, Path)}
    if any(folder.resolve() == out.resolve() for folder in folders):
        raise ValueError(
            f"{out}: is the folder of the photos themselves; choose another folder for the results"
        )
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out}: is a file; choose a folder for the results")


def reserve_ids(store: Store, photos: Sequence[PhotoFile], names: Sequence[str]) -> None:
    """Write the image ids of all photos of a run to `run.json` before the first is predicted, as they shall stay."""
    with store.lock():
        stored = read_run(store)
        ids = image_ids(photos, names, known_ids(stored))
        if ids != stored.get(IDS):
            write_run(store, {**stored, IDS: ids})


def read_run(store: Store) -> Record:
    """The content of `run.json`; empty if it is missing or damaged."""
    try:
        stored = parse_json(store.get(RUN))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return stored if isinstance(stored, dict) else {}


def write_run(store: Store, record: Record) -> None:
    """Write `run.json`."""
    content = json_lines(record)
    store.put(RUN, lambda file: file.write(content))


def is_spread(stored: Record) -> bool:
    """Whether the results of the folder are in folders of it, as `result_names` spreads them."""
    return stored.get(_SPREAD) is True


def known_stamps(stored: Record) -> dict[str, Stamp]:
    """The stamps of photos that `run.json` holds, by NAME."""
    return stamps_from(stored.get(PHOTOS))


def known_ids(stored: Record) -> dict[str, int]:
    """The image ids that `run.json` holds."""
    ids = stored.get(IDS)
    if not isinstance(ids, dict):
        return {}
    return {name: number for name, number in ids.items() if type(number) is int}


def _check_settings(store: Store, stored: Record, settings: Settings) -> None:
    """Refuse a folder that holds results of other settings, and say which settings differ."""
    try:
        earlier = stored["settings"]
        changes = [
            f"{shown(key)} was {shown(old)}, is {shown(new)}"
            for key, old, new in _differences(dict(_flat(earlier)), dict(_flat(settings)))
        ]
    except (KeyError, TypeError, AttributeError):
        changes = [f"its {RUN} is missing or damaged"]
    if changes:
        more = f"; {len(changes) - _SHOWN} more" if len(changes) > _SHOWN else ""
        raise ValueError(
            f"{store}: holds results made with other settings ({'; '.join(changes[:_SHOWN])}{more}); choose "
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
