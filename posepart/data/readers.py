"""The entry to every data set: `read_samples` finds out which layout a folder has and reads it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from posepart.data.coco_keypoints import coco_keypoints_file, keypoints_files, read_coco_keypoints
from posepart.data.coco_people import coco_people_file, read_coco_people
from posepart.data.lip import read_lip
from posepart.data.pascal_person_part import list_files, read_pascal_person_part
from posepart.data.sample import Sample


@dataclass(frozen=True)
class Layout:
    """A way to keep a data set in a folder."""

    name: str
    recognised_by: str  # the files that distinguish it from the others
    splits: Callable[[Path], tuple[str, ...]]  # names of the splits; none in a folder of another layout
    read: Callable[[Path, str], list[Sample]]  # the samples of a split
    remarks: Callable[[Path, str], list[str]] = lambda folder, split: []  # see `remarks_on`


def _people_splits(folder: Path) -> tuple[str, ...]:
    names = (re.fullmatch(r"person_keypoints_(.+)\.json", path.name) for path in folder.iterdir())
    return tuple(sorted(name[1] for name in names if name and not name[1].endswith("2017")))


def _lip_splits(folder: Path) -> tuple[str, ...]:
    paths = [path for pattern in ("", "*/", "*/*/") for path in folder.glob(f"{pattern}lip_*_set.csv")]
    return tuple(sorted({path.name.removeprefix("lip_").removesuffix("_set.csv") for path in paths}))


# In order: the first that fits is the layout of a folder.
LAYOUTS: tuple[Layout, ...] = (
    Layout(
        "people",
        "person_keypoints_SPLIT.json (14 joints) beside images/",
        _people_splits,
        read_coco_people,
        lambda folder, split: coco_people_file(folder, split).remarks,
    ),
    Layout(
        "COCO",
        "annotations/person_keypoints_SPLIT2017.json (17 joints) beside SPLIT2017/ or images/",
        lambda folder: tuple(sorted(keypoints_files(folder))),
        read_coco_keypoints,
        lambda folder, split: coco_keypoints_file(folder, split).remarks,
    ),
    Layout(
        "PASCAL-Person-Part",
        "SPLIT_id.txt beside JPEGImages/, SegmentationPart/ and PersonJoints/",
        lambda folder: tuple(sorted(list_files(folder))),
        read_pascal_person_part,
    ),
    Layout(
        "LIP",
        "lip_SPLIT_set.csv and SPLIT_images/ (its joints become our 14; its parts are not read)",
        _lip_splits,
        lambda folder, split: [picture.as_sample() for picture in read_lip(folder, split)],
    ),
)


def find_layout(folder: Path) -> Layout:
    """Find the layout of a folder.

    Raises
    ------
    ValueError
        There is no such folder, or no layout fits it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder; check the path")
    for layout in LAYOUTS:
        if layout.splits(folder):
            return layout
    known = "; ".join(f"{layout.name}: {layout.recognised_by}" for layout in LAYOUTS)
    raise ValueError(
        f"{folder}: not a data set that can be read; choose a folder in one of these layouts: {known}"
    )


def splits_of(folder: Path) -> tuple[str, ...]:
    """The names of the splits of a data set, sorted; errors as in `find_layout`."""
    return find_layout(folder).splits(Path(folder))


def read_samples(folder: Path, split: str) -> list[Sample]:
    """Read one split of a data set.

    Parameters
    ----------
    folder : Path
        Of the data set, in one of `LAYOUTS`.
    split : str
        One of `splits_of`, usually "train" or "val".

    Raises
    ------
    ValueError
        No layout fits, the data set has no such split, or a file, which the error names, is wrong.
    """
    return _layout_of(folder, split).read(Path(folder), split)


def remarks_on(folder: Path, split: str) -> list[str]:
    """Sentences about what the reader of a split left out or took unusually; arguments as for `read_samples`."""
    return _layout_of(folder, split).remarks(Path(folder), split)


def _layout_of(folder: Path, split: str) -> Layout:
    layout = find_layout(folder)
    splits = layout.splits(Path(folder))
    if split not in splits:
        raise ValueError(f"{folder}: has no split {split!r}; there are {', '.join(splits)}")
    return layout
