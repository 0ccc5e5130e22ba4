"""Readers of CIHP (the part of LIP with several people) and of ATR, and the writer of submissions to CIHP.

CIHP, where SPLIT is Training, Validation or Testing::

    DIR/SPLIT/Images/NAME.jpg                or another suffix of photos
    DIR/SPLIT/Category_ids/NAME.png          labels, CIHP's ids
    DIR/SPLIT/Human_ids/NAME.png             a value from 1 for each person, 0 for nobody
    DIR/SPLIT/Instance_ids/NAME.png          a value from 1 for each part of each person

ATR::

    DIR/JPEGImages/NAME.jpg                  or another suffix of photos
    DIR/SegmentationClassAug/NAME.png        labels, ATR's ids
    DIR/{split}_id.txt                       optional, the names of a split; without it, every picture
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posepart.arrays import Float32, Ids, check_shape
from posepart.data.sample import LabelledPerson, Sample
from posepart.io.files import read_names
from posepart.io.label_maps import read_label_map, write_label_map
from posepart.io.photo_folders import photos_by_stem
from posepart.io.photos import photo_size
from posepart.schema import IGNORE, POSEPART, BodySchema
from posepart.schema.atr_and_cihp import ATR, ATR_TO_LIP, CIHP, CIHP_TO_LIP

CIHP_SPLITS = {"train": "Training", "val": "Validation", "test": "Testing"}
MAX_PEOPLE = 255  # person and instance values fill the 8 bits of a PNG


@dataclass(frozen=True)
class ParsedPicture:
    """A picture with its label maps; the path of a map is None where it is absent."""

    name: str  # of the file
    image_path: Path
    label_path: Path | None  # labels, in the ids of the data set
    to_lip: Ids  # (256,), the ids of the data set -> LIP's
    schema: BodySchema  # of the data set
    person_path: Path | None = None  # person values
    instance_path: Path | None = None  # values of the parts of people

    def read_labels(self) -> Ids | None:
        """Read the labels, (H, W) uint8 ids of the data set, or None."""
        return None if self.label_path is None else read_label_map(self.label_path, len(self.schema.labels))

    def read_lip_labels(self) -> Ids | None:
        """Read the labels as LIP ids, (H, W) uint8, `schema.IGNORE` for a label that LIP lacks; or None."""
        labels = self.read_labels()
        return None if labels is None else self.to_lip[labels]

    def read_people(self) -> Ids | None:
        """Read the person values, (H, W) uint8, 0 for nobody; or None."""
        return None if self.person_path is None else read_label_map(self.person_path, MAX_PEOPLE)

    def read_instances(self) -> Ids | None:
        """Read the values of the parts of people, (H, W) uint8, 0 for none; or None."""
        return None if self.instance_path is None else read_label_map(self.instance_path, MAX_PEOPLE)

    def as_sample(self, schema: BodySchema = POSEPART) -> Sample:
        """Convert to a sample, in the data set's own schema or in ours.

        Its people are those of the person map, each with its box and instance value; without that map there is one,
        whose box is the whole picture. In our schema it has no part map, as clothes are coarser than our parts.
        """
        width, height = photo_size(self.image_path)
        people = self.read_people()
        boxes = (
            {0: np.array([0, 0, width - 1, height - 1], np.float32)}
            if people is None
            else person_boxes(people)
        )
        labels = self.label_path if schema is self.schema else None
        return Sample(
            self.image_path,
            width,
            height,
            tuple(LabelledPerson(box, None, "none", value) for value, box in boxes.items()),
            np.zeros((0, 4), np.float32),
            boxes_complete=people is not None,
            part_path=labels,
            instance_path=self.person_path,
            parts_from="none" if labels is None else "human",
            source=self.schema.name,
            name=self.name,
            schema=schema,
        )


def person_boxes(people: Ids) -> dict[int, Float32]:
    """Find the box of each person.

    Parameters
    ----------
    people : (H, W) uint8
        Person values.

    Returns
    -------
    dict of int to (4,) float32 xyxy, px
        Person value -> the box around the centres of its pixels.
    """
    boxes = {}
    for value in np.unique(people):
        if value not in (0, IGNORE):
            rows, columns = np.nonzero(people == value)
            boxes[int(value)] = np.array([columns.min(), rows.min(), columns.max(), rows.max()], np.float32)
    return boxes


def cihp_splits(folder: Path) -> tuple[str, ...]:
    """The names of the splits of a folder in CIHP's layout; none in another."""
    return tuple(
        sorted(
            name for name, place in CIHP_SPLITS.items() if (Path(folder) / place / "Category_ids").is_dir()
        )
    )


def atr_splits(folder: Path) -> tuple[str, ...]:
    """The names of the splits of a folder in ATR's layout, "train" without lists; none in another layout."""
    folder = Path(folder)
    if not (folder / "SegmentationClassAug").is_dir() or (folder / "SegmentationPart").is_dir():
        return ()
    listed = sorted(path.name.removesuffix("_id.txt") for path in folder.glob("*_id.txt"))
    return tuple(listed) or ("train",)


def read_cihp(folder: Path, split: str = "train") -> list[ParsedPicture]:
    """Read the pictures of a split, sorted by name.

    Raises
    ------
    ValueError
        CIHP has no such split, or its pictures are absent.
    """
    if split not in CIHP_SPLITS:
        raise ValueError(f"{folder}: CIHP has no split {split!r}; there are {', '.join(CIHP_SPLITS)}")
    root = Path(folder) / CIHP_SPLITS[split]
    return [
        ParsedPicture(
            image.name,
            image,
            _beside(root / "Category_ids", image.stem),
            CIHP_TO_LIP,
            CIHP,
            _beside(root / "Human_ids", image.stem),
            _beside(root / "Instance_ids", image.stem),
        )
        for image in _pictures(root / "Images")
    ]


def read_atr(folder: Path, split: str = "train") -> list[ParsedPicture]:
    """Read the pictures of a split in the order of its list; without a list all of them, sorted by name.

    Raises
    ------
    ValueError
        The pictures are absent, or one that is listed is.
    """
    folder = Path(folder)
    images = {image.stem: image for image in _pictures(folder / "JPEGImages")}
    listed = folder / f"{split}_id.txt"
    names = read_names(listed) if listed.exists() else list(images)
    missing = [name for name in names if name not in images]
    if missing:
        raise ValueError(f"{listed}: lists {missing[0]}, which JPEGImages lacks; copy the pictures again")
    labels = folder / "SegmentationClassAug"
    return [ParsedPicture(images[n].name, images[n], _beside(labels, n), ATR_TO_LIP, ATR) for n in names]


def write_cihp_submission(folder: Path, name: str, labels: Ids, people: Ids) -> tuple[Path, Path]:
    """Write the result of a picture in CIHP's layout.

    Parameters
    ----------
    folder : Path
        Of the submission.
    name : str
        Of the picture's file.
    labels : (H, W) uint8
        CIHP's ids.
    people : (H, W) uint8
        Person values.

    Returns
    -------
    tuple of Path
        The files of the labels and of the person values.

    Raises
    ------
    ValueError
        The two maps differ in size.
    """
    check_shape(f"{name}: people", people, labels.shape)
    file = f"{Path(name).stem}.png"
    paths = Path(folder) / "Category_ids" / file, Path(folder) / "Human_ids" / file
    for path, ids in zip(paths, (labels, people), strict=True):
        write_label_map(path, ids)
    return paths


def _pictures(folder: Path) -> list[Path]:
    return list(photos_by_stem(folder).values())


def _beside(folder: Path, stem: str) -> Path | None:
    path = folder / f"{stem}.png"
    return path if path.exists() else None
