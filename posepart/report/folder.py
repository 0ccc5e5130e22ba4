"""The folder of a report, written completely or not at all."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

FILES = ("index.html", "metrics.json", "tables.md", "worst")


def check_replaceable(out: Path, files: Sequence[str] = FILES) -> None:
    """Check that a path is free, or holds only an earlier report, which has these files.

    Raises
    ------
    ValueError
        It is a file, or a folder with other files.
    """
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out}: is a file; choose a folder for the report with -o")
    others = sorted(path.name for path in out.iterdir() if path.name not in files) if out.is_dir() else []
    if others:
        raise ValueError(
            f"{out}: holds files that are not part of a report ({', '.join(others[:3])}); choose another "
            "folder with -o"
        )


@contextmanager
def complete_folder(out: Path, files: Sequence[str] = FILES) -> Iterator[Path]:
    """Give a folder to write into, and rename it to `out` at the end if nothing failed, replacing an earlier report.

    Raises
    ------
    ValueError
        As `check_replaceable`, or the folder cannot be made.
    """
    out = out.absolute()
    check_replaceable(out, files)
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
