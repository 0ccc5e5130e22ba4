"""Which photos of a result folder are complete, without reading every photo again.

`run.json` keeps the size and the times of every photo file beside its SHA-256. As long as they are the same, so is
the photo; where they differ, as after copying it, its SHA-256 decides.
"""

import time
from contextlib import nullcontext
from dataclasses import astuple, dataclass
from pathlib import Path

from posepart.io.files import sha256
from posepart.io.results import record_from
from posepart.io.stores import PhotoFile, Store, StoredPhoto, local_copy

_SETTLED = 2 * 10**9  # ns; a younger file may change again without another time: some disks round it to 2 s


@dataclass(frozen=True)
class Stamp:
    """What tells two states of a photo file apart."""

    size: int  # bytes
    modified: int  # ns since 1970, of the content; 0 if that was a moment before
    changed: int  # ns since 1970, of the content, the name or the owner; on Windows the birth of the file
    sha256: str  # of the content


def stamp(photo: PhotoFile, known: Stamp | None = None, copy: Path | None = None) -> Stamp:
    """The stamp of a photo file as it is now.

    Parameters
    ----------
    photo : Path or StoredPhoto
    known : Stamp, optional
        An earlier one; where size and times are still the same, the photo is not read.
    copy : Path, optional
        The photo as a file of this machine, which is read in its place.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    size, modified, changed = _state(photo)
    if known is not None and (known.size, known.modified, known.changed) == (size, modified, changed):
        return known
    settled = modified < time.time_ns() - _SETTLED
    with nullcontext(copy) if copy is not None else local_copy(photo) as path:
        return Stamp(size, modified if settled else 0, changed, sha256(path))


def _state(photo: PhotoFile) -> tuple[int, int, int]:
    if isinstance(photo, StoredPhoto):
        return photo.state()
    now = photo.stat()
    return now.st_size, now.st_mtime_ns, now.st_ctime_ns


def record_of(found: Stamp) -> list[int | str]:
    """A stamp as `run.json` holds it."""
    return list(astuple(found))


def stamps_from(records: object) -> dict[str, Stamp]:
    """The stamps that `run.json` holds, by NAME; what is damaged is left out."""
    if not isinstance(records, dict):
        return {}
    return {name: Stamp(*record) for name, record in records.items() if _is_stamp(record)}


def _is_stamp(record: object) -> bool:
    return (
        isinstance(record, list)
        and len(record) == 4
        and all(type(number) is int for number in record[:3])
        and isinstance(record[3], str)
    )


def complete_photo(photo: PhotoFile, store: Store, name: str, run: str, known: Stamp | None) -> Stamp | None:
    """The stamp of a photo that has a result made with these settings; None if it has not.

    Parameters
    ----------
    photo : Path or StoredPhoto
    store : Store
        Where all files of the result are, NAME.json perhaps damaged.
    name : str
        The NAME of the result files.
    run : str
        Digest of the settings, from `run_folder.prepare_out`.
    known : Stamp or None
        What `run.json` holds for the NAME.

    Raises
    ------
    ValueError
        The results under this name belong to another photo.
    """
    try:
        record = record_from(store.get(f"{name}.json"), f"{name}.json")
    except (ValueError, FileNotFoundError):
        return None
    found = stamp(photo, known)
    if record["photo"].get("sha256") != found.sha256:
        raise ValueError(
            f"{photo}: {store} already holds the result of another photo called {name} (or of an earlier version of "
            f"this one); delete {name}.json there to have it made anew, choose another folder with -o, or add "
            "--overwrite"
        )
    return found if record.get("run") == run else None
