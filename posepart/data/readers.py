"""The entry to every data set: `read_samples` finds out which layout a folder has and reads it."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from posepart.data.cihp import atr_splits, cihp_splits, read_atr, read_cihp
from posepart.data.coco_keypoints import coco_keypoints_file, keypoints_files, read_coco_keypoints
from posepart.data.coco_people import coco_people_file, read_coco_people
from posepart.data.coco_source import (
    CocoSource,
    coco_source_file,
    read_coco_source,
    roboflow_source,
    roboflow_splits,
)
from posepart.data.lip import read_lip
from posepart.data.mpii import mpii_splits, read_mpii
from posepart.data.pascal_person_part import list_files, read_pascal_person_part
from posepart.data.sample import Sample
from posepart.schema import POSEPART
from posepart.schema.atr_and_cihp import ATR, CIHP
from posepart.schema.body import BodySchema
from posepart.schema.lip import LIP
from posepart.schema.mpii import MPII

Reader = Callable[[Path, str], list[Sample]]


class _Picture(Protocol):
    def as_sample(self, schema: BodySchema) -> Sample: ...


@dataclass(frozen=True)
class Layout:
    """A way to keep a data set in a folder."""

    name: str
    recognised_by: str  # the files that distinguish it from the others
    splits: Callable[[Path], tuple[str, ...]]  # names of the splits; none in a folder of another layout
    read: dict[str, Reader]  # schema -> the samples of a split; the last is the data set's own
    remarks: Callable[[Path, str], list[str]] = lambda folder, split: []  # see `remarks_on`

    @property
    def schema(self) -> str:
        """The name of the data set's own schema."""
        return list(self.read)[-1]


def _people_splits(folder: Path) -> tuple[str, ...]:
    names = (re.fullmatch(r"person_keypoints_(.+)\.json", path.name) for path in folder.iterdir())
    return tuple(sorted(name[1] for name in names if name and not name[1].endswith("2017")))


def _lip_splits(folder: Path) -> tuple[str, ...]:
    paths = [path for pattern in ("", "*/", "*/*/") for path in folder.glob(f"{pattern}lip_*_set.csv")]
    return tuple(sorted({path.name.removeprefix("lip_").removesuffix("_set.csv") for path in paths}))


def _samples_of(pictures: Callable[[Path, str], Sequence[_Picture]], schema: BodySchema) -> Reader:
    """The reader of samples in a schema, from one of pictures that can be told in several."""
    return lambda folder, split: [picture.as_sample(schema) for picture in pictures(folder, split)]


# In order: the first that fits is the layout of a folder.
LAYOUTS: tuple[Layout, ...] = (
    Layout(
        "people",
        "person_keypoints_SPLIT.json (14 joints) beside images/",
        _people_splits,
        {"posepart": read_coco_people},
        lambda folder, split: coco_people_file(folder, split).remarks,
    ),
    Layout(
        "COCO",
        "annotations/person_keypoints_SPLIT2017.json (17 joints) beside SPLIT2017/ or images/",
        lambda folder: tuple(sorted(keypoints_files(folder))),
        {"posepart": read_coco_keypoints},
        lambda folder, split: coco_keypoints_file(folder, split).remarks,
    ),
    Layout(
        "Roboflow",
        "SPLIT/_annotations.coco.json (any joints) beside the photos, as Roboflow exports COCO",
        roboflow_splits,
        {"posepart": lambda folder, split: read_coco_source(roboflow_source(folder, split))},
        lambda folder, split: coco_source_file(roboflow_source(folder, split)).remarks,
    ),
    Layout(
        "ATR",
        "SegmentationClassAug/ beside JPEGImages/, without SegmentationPart/",
        atr_splits,
        {
            "posepart": _samples_of(read_atr, POSEPART),
            "atr": _samples_of(read_atr, ATR),
        },
    ),
    Layout(
        "PASCAL-Person-Part",
        "SPLIT_id.txt beside JPEGImages/, SegmentationPart/ and PersonJoints/",
        lambda folder: tuple(sorted(list_files(folder))),
        {"posepart": read_pascal_person_part},
    ),
    Layout(
        "LIP",
        "lip_SPLIT_set.csv beside SPLIT_images/ and SPLIT_segmentations/",
        _lip_splits,
        {
            "posepart": _samples_of(read_lip, POSEPART),
            "lip": _samples_of(read_lip, LIP),
        },
    ),
    Layout(
        "CIHP",
        "Training/, Validation/ or Testing/ with Images/, Category_ids/ and Human_ids/",
        cihp_splits,
        {
            "posepart": _samples_of(read_cihp, POSEPART),
            "cihp": _samples_of(read_cihp, CIHP),
        },
    ),
    Layout(
        "MPII",
        "mpii_human_pose_v1_u12_1.mat, or train.json and valid.json, beside images/",
        mpii_splits,
        {"posepart": read_mpii, "mpii": lambda folder, split: read_mpii(folder, split, MPII)},
    ),
)


def _file_layout(source: CocoSource) -> Layout:
    """A COCO file with any joints: one split, which is read whatever split is asked for."""
    return Layout(
        "COCO file",
        "FILE.json (any joints)",
        lambda folder: ("train",),
        {"posepart": lambda folder, split: read_coco_source(source)},
        lambda folder, split: coco_source_file(source).remarks,
    )


def find_layout(folder: Path | CocoSource) -> Layout:
    """Find the layout of a folder, or of a COCO file.

    Raises
    ------
    ValueError
        There is no such folder, or no layout fits it.
    """
    if isinstance(folder, CocoSource) or Path(folder).suffix.lower() == ".json":
        return _file_layout(folder if isinstance(folder, CocoSource) else CocoSource(Path(folder)))
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


def splits_of(folder: Path | CocoSource) -> tuple[str, ...]:
    """The names of the splits of a data set, sorted; errors as in `find_layout`."""
    return find_layout(folder).splits(Path(folder))


def read_samples(folder: Path | CocoSource, split: str, schema: str = "posepart") -> list[Sample]:
    """Read one split of a data set.

    Parameters
    ----------
    folder : Path or CocoSource
        Of the data set, in one of `LAYOUTS`; or a COCO file, which is one split.
    split : str
        One of `splits_of`, usually "train" or "val".
    schema : str
        Name of the schema of the joints and labels: ours, to which joints are converted, or the data set's own.

    Raises
    ------
    ValueError
        No layout fits, the data set has no such split or schema, or a file, which the error names, is wrong.
    """
    layout = _layout_of(folder, split)
    if schema not in layout.read:
        raise ValueError(
            f"{folder}: {layout.name} has no labels of the schema {schema!r}; there are {', '.join(layout.read)}"
        )
    return layout.read[schema](Path(folder), split)


def remarks_on(folder: Path | CocoSource, split: str) -> list[str]:
    """Sentences about what the reader of a split left out or took unusually; arguments as for `read_samples`."""
    return _layout_of(folder, split).remarks(Path(folder), split)


def _layout_of(folder: Path | CocoSource, split: str) -> Layout:
    layout = find_layout(folder)
    splits = layout.splits(Path(folder))
    if split not in splits and layout.name != "COCO file":
        raise ValueError(f"{folder}: has no split {split!r}; there are {', '.join(splits)}")
    return layout
