"""How results are called: the NAME of every photo's files, and its COCO image id."""

import hashlib
import itertools
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from posepart.io.files import LONGEST_NAME
from posepart.io.predictions import PREDICTIONS
from posepart.io.results import OVERLAYS, SUFFIXES
from posepart.io.stores import PhotoFile, StoredPhoto

RUN = "run.json"
MANY = 100_000  # photos; the results of more do not go into one folder
_LONGEST_NAME = LONGEST_NAME - max(len(suffix) for suffix in (*SUFFIXES, *OVERLAYS.values()))  # bytes
_RESERVED_NAMES = {Path(PREDICTIONS).stem, Path(RUN).stem}


def result_names(photos: Sequence[PhotoFile], spread: bool = False) -> list[str]:
    """Choose the NAME of every photo's result files; no two are alike, even where case does not count.

    It is the photo's stem. Photos that share a stem keep their suffix (`a.jpg`, `a.png`); those that share the whole
    file name are prefixed with their folder (`left_a.jpg`), and finally numbered. A NAME that leaves no room for the
    suffixes of the results is cut, with a digest of the whole at its end. With `spread`, one of 256 folders comes
    first, which depends on the NAME alone (`3f/a`).
    """
    stems = Counter(photo.stem.casefold() for photo in photos)
    files = Counter(photo.name.casefold() for photo in photos)
    names: list[str] = []
    taken = set(_RESERVED_NAMES)
    for photo in photos:
        choices = itertools.chain(
            [photo.stem] if stems[photo.stem.casefold()] == 1 else [],
            [photo.name] if files[photo.name.casefold()] == 1 else [],
            _numbered(photo),
        )
        names.append(next(name for name in map(_shortened, choices) if name.casefold() not in taken))
        taken.add(names[-1].casefold())
    return [f"{_hash(name)[:2]}/{name}" for name in names] if spread else names


def _numbered(photo: PhotoFile) -> Iterator[str]:
    """The file name behind that of its folder, then with 2, 3, ..."""
    name = f"{_folder(photo)}_{photo.name}"
    yield name
    yield from (f"{name}-{number}" for number in itertools.count(2))


def _folder(photo: PhotoFile) -> str:
    return photo.folder if isinstance(photo, StoredPhoto) else photo.absolute().parent.name


def _hash(name: str) -> str:
    return hashlib.sha256(os.fsencode(name)).hexdigest()


def _shortened(name: str) -> str:
    """A name of at most `_LONGEST_NAME` bytes."""
    if len(os.fsencode(name)) <= _LONGEST_NAME:
        return name
    end = f"-{_hash(name)[:8]}"
    kept = name
    while len(os.fsencode(kept)) > _LONGEST_NAME - len(end):
        kept = kept[:-1]
    return kept + end


def image_ids(photos: Sequence[PhotoFile], names: Sequence[str], known: Mapping[str, int]) -> dict[str, int]:
    """Choose COCO image ids: the numbers that all files are named after, as in COCO, otherwise 1, 2, ...

    Parameters
    ----------
    photos, names : sequence of Path, of str
        The photos of a run and the NAMEs of their results.
    known : mapping
        The ids of earlier runs into the same folder by NAME. They stay, and no other photo gets one of them: where a
        number is taken, the next free one is used.

    Returns
    -------
    dict of str to int
        The ids of all NAMEs, the known ones first.
    """
    stems = [photo.stem for photo in photos]
    numbers = [int(stem) for stem in stems if stem.isascii() and stem.isdigit()]
    named_so = len({*numbers}) == len(photos)
    ids, taken, lowest = dict(known), {*known.values()}, 1
    wanted = numbers if named_so else range(1, len(photos) + 1)
    for name, number in zip(names, wanted, strict=True):
        if name not in ids:
            start = number if named_so else max(number, lowest)  # between the two, all are taken
            ids[name] = next(free for free in itertools.count(start) if free not in taken)
            taken.add(ids[name])
            lowest = ids[name] + 1
    return ids
