"""YAML files that users write: settings and recipes."""

import sys
from pathlib import Path
from typing import Any

import yaml

from posepart.io.files import read_text

MOST_VALUES = 100_000  # of a file, where each alias counts as all that it stands for
DEEPEST = 60  # lists and mappings inside each other
_LONGEST_REASON = 300  # characters


def read_yaml(path: Path) -> Any:
    """Read a YAML file.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It cannot be read, is no YAML, or holds more than settings can need, such as an alias inside its own anchor
        or a whole number that no float can hold. The text is the reason alone, in one line.
    """
    try:
        content = yaml.safe_load(read_text(path))
    except FileNotFoundError:
        raise
    except Exception as error:  # odd dates, numbers and tags make the reader of YAML raise almost anything
        text = getattr(error, "strerror", None) or str(error)
        raise ValueError(" ".join(text.split())[:_LONGEST_REASON] or type(error).__name__) from error
    waiting, values = [(content, 1)], 0
    while waiting:
        value, depth = waiting.pop()
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        values += 1
        if values + len(waiting) + len(inner) > MOST_VALUES or depth > DEEPEST:
            raise ValueError("too large or too deep; an alias may multiply itself")
        if isinstance(value, int) and abs(value) > sys.float_info.max:
            raise ValueError(f"a number of {len(str(abs(value)))} digits is too large")
        waiting += [(one, depth + 1) for one in inner]
    return content
