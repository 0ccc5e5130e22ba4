"""The folder of a report: it appears when all of it is there, or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILES = ("index.html", "metrics.json", "tables.md", "worst")


def check_replaceable(out: Path) -> None:
    """Refuse a path at which something else than an earlier report is.

    Raises
    ------
    ValueError: the folder holds other files, or is none.
    """
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out}: is a file; choose a folder for the report with -o")
    others = sorted(path.name for path in out.iterdir() if path.name not in FILES) if out.is_dir() else []
    if others:
        raise ValueError(
            f"{out}: holds other files than an earlier report ({', '.join(others[:3])}); choose another "
            "folder with -o"
        )


@contextmanager
def complete_folder(out: Path) -> Iterator[Path]:
    """A folder to write into; it becomes `out` at the end, in the place of an earlier report, if nothing failed.

    Raises
    ------
    ValueError: as `check_replaceable`, or when the folder cannot be made.
    """
    out = out.absolute()
    check_replaceable(out)
    unfinished = out.with_name(f".{out.name}.unfinished")
    try:
        shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was killed
        unfinished.mkdir(parents=True)
    except OSError as error:
        raise ValueError(f"{out}: cannot be made ({error.strerror}); choose another folder with -o") from None
    try:
        yield unfinished
        if out.exists():
            shutil.rmtree(out)
        unfinished.rename(out)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
