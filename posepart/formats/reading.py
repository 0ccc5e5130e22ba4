"""What readers of several formats share: files, numbers and sizes of photos, each with its error in one sentence."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from posepart.arrays import LARGEST
from posepart.io.files import read_json, read_text, shown
from posepart.io.photo_formats import photo_suffixes
from posepart.io.photos import photo_size


def json_of(path: Path) -> Any:
    """The content of a JSON file.

    Raises
    ------
    ValueError
        It cannot be read, or is none.
    """
    try:
        return read_json(path)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except ValueError as error:
        raise ValueError(f"{path}: not a JSON file ({error})") from None


def xml_of(path: Path, root: str) -> ElementTree.Element:
    """The root of an XML file.

    Raises
    ------
    ValueError
        It cannot be read, or has another root.
    """
    try:
        found = ElementTree.fromstring(read_text(path))
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except (ElementTree.ParseError, ValueError) as error:
        raise ValueError(f"{path}: not an XML file ({error})") from None
    if found.tag != root:
        raise ValueError(f"{path}: expected an XML file of <{root}>, got <{shown(found.tag)}>")
    return found


def files_in(folder: Path, pattern: str) -> list[Path]:
    """The files below a folder that fit a pattern, sorted.

    Raises
    ------
    ValueError
        It is no folder, or holds none.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder; check the path")
    found = sorted(path for path in folder.rglob(pattern) if path.is_file())
    if not found:
        raise ValueError(f"{folder}: holds no {pattern}; check --from and the path")
    return found


def number_of(value: object, what: str, least: float = -LARGEST) -> float:
    """A number, also one that is written as a text.

    Raises
    ------
    ValueError
        It is none, or out of range.
    """
    try:
        number = (
            float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
        )
    except ValueError:
        number = None
    if number is None or not least <= number <= LARGEST:  # False for NaN, too
        raise ValueError(f"expected a number as {what}, got {shown(repr(value))}")
    return number


def size_of(width: object, height: object) -> tuple[int, int]:
    """Width and height in pixels; errors as in `number_of`."""
    return int(number_of(width, "width", 1)), int(number_of(height, "height", 1))


def numbers_of(values: object, count: int, what: str) -> list[float]:
    """A list of so many numbers; errors as in `number_of`."""
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) != count:
        raise ValueError(f"expected {count} numbers as {what}, got {shown(repr(values))}")
    return [number_of(value, what) for value in values]


class PhotoSizes:
    """The photos of a folder by their stem, for formats that do not tell sizes."""

    def __init__(self, images: Path | None, needed_by: str) -> None:
        if images is None:
            raise ValueError(
                f"{needed_by} does not tell the sizes of photos; name their folder with --images DIR"
            )
        if not images.is_dir():
            raise ValueError(f"{images}: no such folder; check --images")
        suffixes = photo_suffixes()
        self.folder = images
        self.by_stem = {
            path.relative_to(images).with_suffix("").as_posix(): path
            for path in sorted(images.rglob("*"))
            if path.suffix.lower() in suffixes
        }

    def find(self, stem: str) -> tuple[str, int, int]:
        """Name, width and height of the photo with this stem.

        Raises
        ------
        ValueError
            There is no such photo, or it cannot be read.
        """
        path = self.by_stem.get(stem)
        if path is None:
            raise ValueError(f"{self.folder}: has no photo called {shown(stem)}; check --images")
        return path.relative_to(self.folder).as_posix(), *photo_size(path)
