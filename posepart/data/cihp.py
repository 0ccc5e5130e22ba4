"""The layouts of CIHP (LIP's part with several people) and ATR: pictures beside label-id PNGs.

CIHP, where SPLIT is Training, Validation or Testing::

    DIR/SPLIT/Images/NAME.jpg
    DIR/SPLIT/Category_ids/NAME.png          labels, CIHP's ids
    DIR/SPLIT/Human_ids/NAME.png             1.. for each person, 0 for nobody
    DIR/SPLIT/Instance_ids/NAME.png          1.. for each part of each person

ATR::

    DIR/JPEGImages/NAME.jpg
    DIR/SegmentationClassAug/NAME.png        labels, ATR's ids
    DIR/{split}_id.txt                       optional, the names of a split; else every picture
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posepart.io.label_maps import read_label_map, write_label_map
from posepart.schema import IGNORE
from posepart.schema.atr_and_cihp import ATR_TO_LIP, CIHP_TO_LIP, AtrLabel
from posepart.schema.lip import NUM_LIP_LABELS

CIHP_SPLITS = {"train": "Training", "val": "Validation", "test": "Testing"}
MAX_PEOPLE = 255  # ids of people and of their parts fill the 8 bits of a PNG; none is an ignored pixel


@dataclass(frozen=True)
class ParsedPicture:
    """A picture with its label maps, each None where it is absent.

    name: of the file. label_path: labels in the ids of the data set, `to_lip` (256,) uint8 maps them to LIP's.
    label_count: how many ids it has. person_path: person values. instance_path: values of parts of people.
    """

    name: str
    image_path: Path
    label_path: Path | None
    to_lip: NDArray[np.uint8]
    label_count: int
    person_path: Path | None = None
    instance_path: Path | None = None

    def read_labels(self) -> NDArray[np.uint8] | None:
        """(H, W) uint8 ids of the data set, or None."""
        return None if self.label_path is None else read_label_map(self.label_path, self.label_count)

    def read_lip_labels(self) -> NDArray[np.uint8] | None:
        """(H, W) uint8 LIP ids, `schema.IGNORE` for a label that LIP does not have, or None."""
        labels = self.read_labels()
        return None if labels is None else self.to_lip[labels]

    def read_people(self) -> NDArray[np.uint8] | None:
        """(H, W) uint8 person values, 0 for nobody, or None."""
        return None if self.person_path is None else read_label_map(self.person_path, MAX_PEOPLE)

    def read_instances(self) -> NDArray[np.uint8] | None:
        """(H, W) uint8 values of parts of people, 0 for none, or None."""
        return None if self.instance_path is None else read_label_map(self.instance_path, MAX_PEOPLE)


def person_boxes(people: NDArray[np.uint8]) -> dict[int, NDArray[np.float32]]:
    """Person value -> (4,) xyxy box around its pixels, px, of (H, W) person values."""
    boxes = {}
    for value in np.unique(people):
        if value not in (0, IGNORE):
            rows, columns = np.nonzero(people == value)
            boxes[int(value)] = np.array([columns.min(), rows.min(), columns.max(), rows.max()], np.float32)
    return boxes


def read_cihp(folder: Path, split: str = "train") -> list[ParsedPicture]:
    """The pictures of a split, by name.

    Raises
    ------
    ValueError: for a split that CIHP does not have, or when its pictures are absent.
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
            NUM_LIP_LABELS,
            _beside(root / "Human_ids", image.stem),
            _beside(root / "Instance_ids", image.stem),
        )
        for image in _pictures(root / "Images")
    ]


def read_atr(folder: Path, split: str = "train") -> list[ParsedPicture]:
    """The pictures of a split, in the order of its list, or all of them by name when there is no list.

    Raises
    ------
    ValueError: when the pictures are absent, or a listed one is.
    """
    folder = Path(folder)
    images = {image.stem: image for image in _pictures(folder / "JPEGImages")}
    listed = folder / f"{split}_id.txt"
    names = listed.read_text(encoding="utf-8").split() if listed.exists() else list(images)
    missing = [name for name in names if name not in images]
    if missing:
        raise ValueError(f"{listed}: lists {missing[0]}, which JPEGImages lacks; copy the pictures again")
    labels = folder / "SegmentationClassAug"
    return [
        ParsedPicture(images[n].name, images[n], _beside(labels, n), ATR_TO_LIP, len(AtrLabel)) for n in names
    ]


def write_cihp_submission(
    folder: Path, name: str, labels: NDArray[np.uint8], people: NDArray[np.uint8]
) -> tuple[Path, Path]:
    """Write labels and person values, (H, W) uint8 each, of the picture `name` in CIHP's layout; the paths."""
    if labels.shape != people.shape:
        raise ValueError(f"{name}: labels are {labels.shape}, people {people.shape}: expected one size")
    file = f"{Path(name).stem}.png"
    paths = Path(folder) / "Category_ids" / file, Path(folder) / "Human_ids" / file
    for path, ids in zip(paths, (labels, people), strict=True):
        write_label_map(path, ids)
    return paths


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder; name the folder that the data set was unpacked to")
    return sorted(folder.glob("*.jpg"))


def _beside(folder: Path, stem: str) -> Path | None:
    path = folder / f"{stem}.png"
    return path if path.exists() else None
