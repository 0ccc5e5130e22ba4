"""Folders of photos: which files in them are photos, and which pictures are left out."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from posepart.io.photo_formats import how_to_read, is_other_picture, photo_suffixes
from posepart.io.result_names import RUN
from posepart.io.stores import PhotoFile, StoredPhoto, is_address, stored_photos

_NAMED = 10  # files that a sentence names


def find_photos(paths: Sequence[str | Path], recursive: bool = False) -> list[PhotoFile]:
    """List the photos that `paths` name, in order, each once.

    A folder stands for the photos directly in it: files with one of `photo_suffixes` in upper or lower case, sorted
    by name, without hidden files and sub-folders. Any other path stands for itself and is not looked at.

    Parameters
    ----------
    paths : sequence of str or Path
        Also addresses of folders and photos in an object store, such as s3://bucket/photos.
    recursive : bool
        A folder stands for the photos in its sub-folders, too, those of each folder before those of the next. Hidden
        folders, links to folders and folders of results are left out.

    Raises
    ------
    ValueError
        A folder holds no photo or cannot be listed.
    """
    found: dict[object, PhotoFile] = {}
    for path in paths:
        if is_address(path):
            for stored in _photos_at(str(path), recursive):
                found.setdefault(stored, stored)
            continue
        folder = Path(path)
        for photo in _photos_in(folder, recursive) if folder.is_dir() else [folder]:
            found.setdefault(photo.absolute(), photo)
    return list(found.values())


def _photos_at(address: str, recursive: bool) -> list[StoredPhoto]:
    found, suffixes = stored_photos(address, recursive), photo_suffixes()
    photos = [photo for photo in found if Path(photo.name).suffix.lower() in suffixes]
    if not photos and found != [StoredPhoto(address)]:
        raise ValueError(f"{address}: no photo there; name the folder that holds the photos")
    return photos or found


def left_out(folder: str | Path, named: Iterable[str | Path] = (), recursive: bool = False) -> str:
    """Name and count what `find_photos` leaves out of a folder: pictures of other kinds, sub-folders with photos.

    Parameters
    ----------
    folder : str or Path
    named : iterable of str or Path
        What is read besides: a sub-folder among them is not left out.
    recursive : bool
        Sub-folders are read, too.

    Returns
    -------
    str
        Without a full stop; empty if nothing is left out.

    Raises
    ------
    ValueError
        The folder cannot be listed.
    """
    suffixes = photo_suffixes()
    pictures, folders = [], []
    read = {Path(path).resolve() for path in named}
    for entry in _entries(Path(folder)):
        if entry.is_dir():
            folders += [f"{entry.name}/"] if entry.resolve() not in read and _has_photos(entry) else []
        elif entry.suffix.lower() not in suffixes and entry.is_file() and is_other_picture(entry):
            pictures.append(entry.name)
    sentences = []
    if pictures:
        sentences.append(
            f"{_count(pictures, 'file')} left out: {_some(pictures)} (pictures of a kind that cannot be read, "
            f"or with a suffix that no photo has{how_to_read(pictures)})"
        )
    if folders and not recursive:
        sentences.append(f"{_count(folders, 'sub-folder')} with photos left out: {_some(folders)}")
    return "; ".join(sentences)


def photos_by_stem(folder: Path) -> dict[str, Path]:
    """The photos of a folder of a data set by their names without suffix, sorted.

    Raises
    ------
    ValueError
        There is no such folder, or two photos differ in their suffix only.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder; name the folder that the data set was unpacked to")
    found: dict[str, Path] = {}
    for photo in _with_suffix(folder):
        other = found.setdefault(photo.stem, photo)
        if other != photo:
            raise ValueError(
                f"{folder}: holds {other.name} and {photo.name}, and labels do not say whose they are; keep one"
            )
    return found


def _photos_in(folder: Path, recursive: bool) -> list[Path]:
    photos = _all_with_suffix(folder) if recursive else _with_suffix(folder)
    if not photos:
        others = "" if recursive else left_out(folder)
        where = "" if recursive else ", not in sub-folders"
        raise ValueError(
            f"{folder}: no photo in this folder (looked for {', '.join(photo_suffixes())}{where}"
            f"{'; ' + others if others else ''}); name the folder that holds the photos"
        )
    return photos


def _all_with_suffix(folder: Path) -> list[Path]:
    """The photos of a folder and of the folders in it."""
    photos = _with_suffix(folder)
    for entry in _entries(folder):
        if entry.is_dir() and not entry.is_symlink() and not (entry / RUN).exists():
            photos += _all_with_suffix(entry)
    return photos


def _with_suffix(folder: Path) -> list[Path]:
    suffixes = photo_suffixes()
    return [entry for entry in _entries(folder) if entry.suffix.lower() in suffixes and not entry.is_dir()]


def _entries(folder: Path) -> list[Path]:
    """What is in a folder, sorted by name, without hidden files."""
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    except OSError as error:
        raise ValueError(
            f"{folder}: the folder cannot be listed ({error.strerror}); check its permissions"
        ) from None
    return [entry for entry in entries if not entry.name.startswith(".")]


def _has_photos(folder: Path) -> bool:
    try:
        return bool(_with_suffix(folder))
    except ValueError:  # it cannot be listed
        return False


def _some(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def _count(names: list[str], one: str) -> str:
    return f"{len(names)} {one}{'' if len(names) == 1 else 's'}"
