"""Files of every kind: written atomically, JSON in a readable layout, SHA-256, values in errors."""

import hashlib
import itertools
import json
import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

Record = dict[str, Any]

_UNFINISHED = ".unfinished"  # ends the names of files that are being written
_NAME_SHOWN = 32  # characters of the final name that the temporary one repeats; both have at most 255 bytes
LONGEST_NAME = 255  # bytes of a file's name, without its folders
_LONGEST_SHOWN = 80  # characters of a value in an error
_STALE = 3600.0  # s without a change; no file takes as long to write


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file so that its final name never holds half of it.

    The content goes to a hidden file in the same folder, under a name that no other process uses; once it is
    complete and on the disk, that file is renamed.

    Parameters
    ----------
    path : Path
        The final name; a file that is already there is replaced.
    write : callable
        Receives the open binary file and writes the content. When it raises, `path` stays as it was.
    """
    unfinished = path.with_name(f".{path.name[:_NAME_SHOWN]}.{secrets.token_hex(4)}{_UNFINISHED}")
    try:
        with unfinished.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def remove_leftovers(folder: Path) -> None:
    """Remove what a process that was killed left half-written in a folder, at least an hour ago.

    Younger files stay: another process may be writing them.
    """
    for path in itertools.chain(folder.glob(f".*{_UNFINISHED}"), folder.glob(f"??/.*{_UNFINISHED}")):
        with suppress(FileNotFoundError):  # another process removed or renamed it
            if time.time() - path.stat().st_mtime > _STALE:
                path.unlink()


def read_text(path: Path) -> str:
    """Read a text in UTF-8, with or without a byte order mark.

    Raises
    ------
    OSError
        The file cannot be read.
    UnicodeDecodeError
        It is not UTF-8; a `ValueError`.
    """
    return path.read_text(encoding="utf-8-sig")


def read_names(path: Path) -> list[str]:
    """Read a list of names with white space between them.

    Raises
    ------
    ValueError
        The file cannot be read or is no text.
    """
    try:
        return read_text(path).split()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a text file with a list of names ({error})") from None


def read_json(path: Path) -> Any:
    """Read a JSON file in UTF-8, with or without a byte order mark.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        It is not JSON, or nested too deeply.
    """
    return parse_json(path.read_bytes())


def parse_json(content: bytes) -> Any:
    """Parse JSON in UTF-8, with or without a byte order mark; errors as in `read_json`."""
    try:
        return json.loads(content.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def write_text(path: Path, text: str) -> None:
    """Write a text atomically, in UTF-8 and with its line ends as they are."""
    write_atomically(path, lambda file: file.write(text.encode()))


def write_json(path: Path, record: Record) -> None:
    """Write an object atomically, as `json_lines` lays it out; errors as there."""
    content = json_lines(record)
    write_atomically(path, lambda file: file.write(content))


def json_lines(record: Record) -> bytes:
    """An object as JSON: one line per key, and one line per entry of a list of objects in it.

    Raises
    ------
    ValueError
        The record holds NaN or infinity, which JSON does not know.
    """
    lines = []
    for key, value in record.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            text = "[\n  " + ",\n  ".join(json.dumps(entry, allow_nan=False) for entry in value) + "\n ]"
        else:
            text = json.dumps(value, allow_nan=False)
        lines.append(f" {json.dumps(key)}: {text}")
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def shown(value: object, longest: int = _LONGEST_SHOWN) -> object:
    """A value from a file as an error shows it: a text that is long is cut."""
    long = isinstance(value, str) and len(value) > longest
    return f"{str(value)[:longest]}..." if long else value


def is_file_name(name: str) -> bool:
    """Whether a file system can take a name, which may have folders before it, separated by slashes."""
    parts = name.split("/")
    return "\0" not in name and all(len(p.encode("utf-8", "surrogatepass")) <= LONGEST_NAME for p in parts)
