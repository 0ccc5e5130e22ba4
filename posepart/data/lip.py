"""LIP's files for one person a picture: readers, writers, and the submissions of both tasks.

Layout, where each folder may lie one or two folders deeper (as the archives unpack)::

    DIR/{split}_images/NAME.jpg
    DIR/{split}_segmentations/NAME.png       grey PNG of label ids
    DIR/lip_{split}_set.csv                  no header: file, then x, y, hidden of 16 joints; nan: not labelled
    DIR/{split}_id.txt                       optional, the names in order; else the csv's, else the folder's order

A pose submission is a csv of file, then x, y of 16 joints; a parsing submission is a folder of label-id PNGs.
"""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from posepart.data.sample import LabelledPerson, Sample
from posepart.io.files import write_atomically
from posepart.io.label_maps import read_label_map, write_label_map
from posepart.schema.lip import (
    NUM_LIP_JOINTS,
    NUM_LIP_LABELS,
    coco_visibility,
    joints_from_lip,
    lip_visibility,
)


@dataclass(frozen=True)
class LipPicture:
    """One picture of one person.

    name: of the file, which pairs it with results. joints: (16, 3) float64 x, y and COCO visibility (0 not labelled,
    1 occluded, 2 visible), in pixels of the picture; None without pose labels. label_path: None without parsing
    labels.
    """

    name: str
    image_path: Path
    joints: NDArray[np.float64] | None = None
    label_path: Path | None = None

    def read_labels(self) -> NDArray[np.uint8] | None:
        """(H, W) uint8 LIP ids, or None."""
        return None if self.label_path is None else read_label_map(self.label_path, NUM_LIP_LABELS)

    def size(self) -> tuple[int, int]:
        """Width and height, px."""
        with Image.open(self.image_path) as file:
            return file.size

    def as_sample(self) -> Sample:
        """The picture with our 14 joints; the box is the whole picture. Without parts: LIP's labels are coarser
        than ours on the limbs (`lip_schema.parts_from_lip`).
        """
        width, height = self.size()
        joints = None if self.joints is None else joints_from_lip(self.joints)
        box = np.array([0, 0, width - 1, height - 1], np.float32)
        person = LabelledPerson(box, joints, "human" if joints is not None else "none")
        nothing = np.zeros((0, 4), np.float32)
        return Sample(self.image_path, width, height, (person,), nothing, boxes_complete=False, source="lip")


def read_lip(folder: Path, split: str = "train") -> list[LipPicture]:
    """The pictures of one split.

    Raises
    ------
    ValueError: when the pictures are absent, or a file is wrong; it names the file.
    """
    folder = Path(folder)
    images = _locate(folder, f"{split}_images")
    if images is None:
        raise ValueError(f"{folder}: lacks {split}_images; name the folder that LIP was unpacked to")
    labels = _locate(folder, f"{split}_segmentations")
    annotations = _locate(folder, f"lip_{split}_set.csv")
    joints = {} if annotations is None else read_pose_labels(annotations)
    paths = {path.stem: path for path in sorted(images.glob("*.jpg"))}
    listed = _locate(folder, f"{split}_id.txt")
    names = (
        listed.read_text(encoding="utf-8").split()
        if listed
        else [Path(n).stem for n in joints] or list(paths)
    )
    missing = [name for name in names if name not in paths]
    if missing:
        raise ValueError(f"{images}: lacks {missing[0]}.jpg, which the split lists; copy the pictures again")
    pictures = []
    for name in names:
        label_path = None if labels is None else labels / f"{name}.png"
        has_labels = label_path is not None and label_path.exists()
        pose = joints.get(paths[name].name)
        pictures.append(LipPicture(paths[name].name, paths[name], pose, label_path if has_labels else None))
    return pictures


def _locate(folder: Path, name: str) -> Path | None:
    """The file or folder of that name in the folder, or up to two folders deeper."""
    for pattern in (name, f"*/{name}", f"*/*/{name}"):
        found = sorted(folder.glob(pattern))
        if found:
            return found[0]
    return None


def read_pose_labels(path: Path) -> dict[str, NDArray[np.float64]]:
    """File name -> (16, 3) x, y, COCO visibility of a `lip_{split}_set.csv`, in the order of the file.

    A joint is not labelled when any of its three numbers is nan; the row then has zeros there.

    Raises
    ------
    ValueError: naming the file and the line that is wrong.
    """
    joints = {}
    for name, values in _read_rows(path, 3).items():
        visibility = np.where(np.isnan(values).any(1), 0, coco_visibility(values[:, 2]))
        kept = np.where(visibility[:, None] > 0, values, 0)
        joints[name] = np.concatenate([kept[:, :2], visibility[:, None]], axis=1)
    return joints


def write_pose_labels(path: Path, joints: Mapping[str, NDArray]) -> None:
    """The inverse of `read_pose_labels`: (16, 3) x, y, COCO visibility by file name, in order."""
    rows = []
    for name, person in joints.items():
        labelled = person[:, 2:] > 0
        hidden = lip_visibility(person[:, 2])[:, None]
        rows.append((name, np.concatenate([np.where(labelled, person[:, :2], np.nan), hidden], axis=1)))
    _write_rows(path, rows, 3)


def read_pose_submission(path: Path) -> dict[str, NDArray[np.float64]]:
    """File name -> (16, 2) x, y, px, in the order of the file; errors as `read_pose_labels`."""
    return _read_rows(path, 2)


def write_pose_submission(path: Path, poses: Iterable[tuple[str, NDArray]]) -> None:
    """Write (file name, (16, 2) x, y) rows. The server pairs rows by their order: give them in its order.

    Raises
    ------
    ValueError: when a pose has another shape.
    """
    _write_rows(path, poses, 2)


def write_parsing_submission(folder: Path, name: str, labels: NDArray[np.uint8]) -> Path:
    """Write (H, W) uint8 label ids of the picture `name` as `folder/STEM.png`; returns the path."""
    path = Path(folder) / f"{Path(name).stem}.png"
    write_label_map(path, labels)
    return path


def _read_rows(path: Path, columns: int) -> dict[str, NDArray[np.float64]]:
    """File name -> (16, columns) numbers of a csv without header."""
    rows: dict[str, NDArray[np.float64]] = {}
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: cannot be read ({error})") from error
    for number, row in enumerate(csv.reader(io.StringIO(text)), start=1):
        if not row:
            continue
        rows_name, fields = row[0], row[1:]
        if len(fields) != columns * NUM_LIP_JOINTS:
            raise ValueError(
                f"{path}, line {number}: expected a file name and {columns * NUM_LIP_JOINTS} numbers, "
                f"{columns} for each of {NUM_LIP_JOINTS} joints, got {len(fields)}"
            )
        if rows_name in rows:
            raise ValueError(f"{path}, line {number}: {rows_name} is there twice; remove one of the rows")
        try:
            rows[rows_name] = np.array([float(v) for v in fields]).reshape(NUM_LIP_JOINTS, columns)
        except ValueError:
            raise ValueError(f"{path}, line {number}: expected numbers or nan, got {fields}") from None
    return rows


def _write_rows(path: Path, rows: Iterable[tuple[str, NDArray]], columns: int) -> None:
    lines = []
    for name, values in rows:
        if np.shape(values) != (NUM_LIP_JOINTS, columns):
            raise ValueError(
                f"{path}: {name}: expected shape ({NUM_LIP_JOINTS}, {columns}), got {np.shape(values)}"
            )
        lines.append(",".join([name, *(_number(float(v)) for v in np.ravel(values))]) + "\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda file: file.write("".join(lines).encode()))


def _number(value: float) -> str:
    """Whole numbers as LIP writes them, without a point."""
    if math.isnan(value):
        return "nan"
    return str(int(value)) if value.is_integer() else repr(value)


def pair_by_name(truth: Sequence[str], predicted: Sequence[str], strict: bool = True) -> list[int]:
    """The row of the prediction of each picture.

    strict: True pairs by file name (without suffix), False by order, as the official script does.

    Raises
    ------
    ValueError: when a picture has no prediction, a prediction no picture, a name is there twice, or, without
        `strict`, the numbers of rows differ.
    """
    if not strict:
        if len(truth) != len(predicted):
            raise ValueError(
                f"expected {len(truth)} rows, one for each picture in order, got {len(predicted)}"
            )
        return list(range(len(truth)))
    places: dict[str, int] = {}
    for row, name in enumerate(predicted):
        if places.setdefault(Path(name).stem, row) != row:
            raise ValueError(f"{name}: predicted twice; remove one of the rows")
    stems = [Path(name).stem for name in truth]
    missing = [stem for stem in stems if stem not in places]
    unknown = sorted(set(places) - set(stems))
    if missing or unknown:
        what, name = (
            ("is not predicted", missing[0]) if missing else ("is predicted but not labelled", unknown[0])
        )
        raise ValueError(
            f"{name}: {what} ({len(missing)} missing, {len(unknown)} unknown): predict the same split"
        )
    return [places[stem] for stem in stems]
