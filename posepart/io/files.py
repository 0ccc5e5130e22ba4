"""Writing files so that a final name never holds half a file."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

Record = dict[str, Any]


def write_json(path: Path, record: Record) -> None:
    """Write an object with a line per key, and a line per entry of the lists of objects in it."""
    lines = []
    for key, value in record.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            text = "[\n  " + ",\n  ".join(json.dumps(entry, allow_nan=False) for entry in value) + "\n ]"
        else:
            text = json.dumps(value, allow_nan=False)
        lines.append(f" {json.dumps(key)}: {text}")
    content = "{\n" + ",\n".join(lines) + "\n}\n"
    write_atomically(path, lambda file: file.write(content.encode()))


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let `write` fill a file of another name in the same folder, then rename it to `path`."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        with unfinished.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
