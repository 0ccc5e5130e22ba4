"""Which photos of a result folder are complete, without reading every photo again.

`run.json` keeps the size and the times of every photo file beside its SHA-256. As long as they are the same, so is
the photo; where they differ, as after copying it, its SHA-256 decides.
"""

import time
from dataclasses import astuple, dataclass
from pathlib import Path

from posepart.io.files import sha256
from posepart.io.results import SUFFIXES, read_record

_SETTLED = 2 * 10**9  # ns; a younger file may change again without another time: some disks round it to 2 s


@dataclass(frozen=True)
class Stamp:
    """What tells two states of a photo file apart."""

    size: int  # bytes
    modified: int  # ns since 1970, of the content; 0 if that was a moment before
    changed: int  # ns since 1970, of the content, the name or the owner; on Windows the birth of the file
    sha256: str  # of the content


def stamp(photo: Path, known: Stamp | None = None) -> Stamp:
    """The stamp of a photo file as it is now.

    Parameters
    ----------
    photo : Path
    known : Stamp, optional
        An earlier one; where size and times are still the same, the photo is not read.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    now = photo.stat()
    if known is not None and (known.size, known.modified, known.changed) == (
        now.st_size,
        now.st_mtime_ns,
        now.st_ctime_ns,
    ):
        return known
    settled = now.st_mtime_ns < time.time_ns() - _SETTLED
    return Stamp(now.st_size, now.st_mtime_ns if settled else 0, now.st_ctime_ns, sha256(photo))


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


def complete_photo(
    photo: Path, base: Path, run: str, suffixes: tuple[str, ...], known: Stamp | None
) -> Stamp | None:
    """The stamp of a photo that has all its result files, made with these settings; None if it has not.

    Parameters
    ----------
    photo : Path
    base : Path
        The result folder and the NAME of the result files.
    run : str
        Digest of the settings, from `run_folder.prepare_out`.
    suffixes : tuple of str
        Of the files that must be there besides those of `results.SUFFIXES`.
    known : Stamp or None
        What `run.json` holds for the NAME.

    Raises
    ------
    ValueError
        The results under this name belong to another photo.
    """
    if not all(base.with_name(base.name + suffix).is_file() for suffix in (*SUFFIXES, *suffixes)):
        return None
    try:
        record = read_record(base.with_name(f"{base.name}.json"))
    except ValueError:
        return None
    found = stamp(photo, known)
    if record["photo"].get("sha256") != found.sha256:
        raise ValueError(
            f"{photo}: {base.parent} already holds the result of another photo called {base.name} (or of an earlier "
            f"version of this one); delete {base.name}.json there to have it made anew, choose another folder with "
            "-o, or add --overwrite"
        )
    return found if record.get("run") == run else None
