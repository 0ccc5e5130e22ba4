"""Readers and writers of the single-person files of LIP, and of the submissions to its two tasks.

Layout, where each file or folder may lie up to two folders deeper, as the archives unpack::

    DIR/{split}_images/NAME.jpg              or another suffix of photos
    DIR/{split}_segmentations/NAME.png       grey PNG of label ids
    DIR/lip_{split}_set.csv                  no header: file, then x, y, hidden of 16 joints; nan where not labelled
    DIR/{split}_id.txt                       optional, the names in order; else the csv's order, or the folder's

A pose submission is a csv of file, then x, y of 16 joints. A parsing submission is a folder of PNGs of label ids.
"""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, Ids, check_shape
from posepart.data.sample import LabelledPerson, Sample
from posepart.io.files import read_names, read_text, write_atomically
from posepart.io.label_maps import read_label_map, write_label_map
from posepart.io.photo_folders import photos_by_stem
from posepart.io.photos import photo_size
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

    The visibility of a joint is COCO's: 0 if it is not labelled, 1 if it is occluded and 2 if it is visible.
    """

    name: str  # of the file; it pairs the picture with results
    image_path: Path
    joints: Float64 | None = None  # (16, 3) x, y, visibility, picture frame; None without pose labels
    label_path: Path | None = None  # None without parsing labels

    def read_labels(self) -> Ids | None:
        """Read the labels, (H, W) uint8 LIP ids, or None."""
        return None if self.label_path is None else read_label_map(self.label_path, NUM_LIP_LABELS)

    def size(self) -> tuple[int, int]:
        """Width and height of the upright picture, px."""
        return photo_size(self.image_path)

    def as_sample(self) -> Sample:
        """Convert to a sample with our 14 joints, its box the whole picture.

        It has no part map, as LIP's labels are coarser than our parts on the limbs (see `parts_from_lip`).
        """
        width, height = self.size()
        joints = None if self.joints is None else joints_from_lip(self.joints)
        box = np.array([0, 0, width - 1, height - 1], np.float32)
        person = LabelledPerson(box, joints, "human" if joints is not None else "none")
        nothing = np.zeros((0, 4), np.float32)
        return Sample(
            self.image_path,
            width,
            height,
            (person,),
            nothing,
            boxes_complete=False,
            source="lip",
            name=self.name,
        )


def read_lip(folder: Path, split: str = "train") -> list[LipPicture]:
    """Read the pictures of one split.

    Raises
    ------
    ValueError
        The pictures are absent, or a file, which the error names, is wrong.
    """
    folder = Path(folder)
    images = _locate(folder, f"{split}_images")
    if images is None:
        raise ValueError(f"{folder}: lacks {split}_images; choose the folder that LIP was unpacked to")
    labels = _locate(folder, f"{split}_segmentations")
    annotations = _locate(folder, f"lip_{split}_set.csv")
    poses = {} if annotations is None else read_pose_labels(annotations)
    joints = {Path(name).stem: pose for name, pose in poses.items()}
    paths = photos_by_stem(images)
    listed = _locate(folder, f"{split}_id.txt")
    names = read_names(listed) if listed else list(joints) or list(paths)
    missing = [name for name in names if name not in paths]
    if missing:
        raise ValueError(f"{images}: lacks {missing[0]}.jpg, which the split lists; copy the pictures again")
    pictures = []
    for name in names:
        label_path = None if labels is None else labels / f"{name}.png"
        has_labels = label_path is not None and label_path.exists()
        pictures.append(
            LipPicture(paths[name].name, paths[name], joints.get(name), label_path if has_labels else None)
        )
    return pictures


def _locate(folder: Path, name: str) -> Path | None:
    """Find a file or folder of a name in a folder, or up to two folders deeper."""
    for pattern in (name, f"*/{name}", f"*/*/{name}"):
        found = sorted(folder.glob(pattern))
        if found:
            return found[0]
    return None


def read_pose_labels(path: Path) -> dict[str, Float64]:
    """Read a `lip_{split}_set.csv`.

    Returns
    -------
    dict of str to (16, 3) float64
        File name -> x, y, COCO visibility, in the order of the file. A joint of which any number is nan is not
        labelled; its row is zero.

    Raises
    ------
    ValueError
        A line, which the error names, is wrong.
    """
    joints = {}
    for name, values in _read_rows(path, 3).items():
        visibility = np.where(np.isnan(values).any(1), 0, coco_visibility(values[:, 2]))
        kept = np.where(visibility[:, None] > 0, values, 0)
        joints[name] = np.concatenate([kept[:, :2], visibility[:, None]], axis=1)
    return joints


def write_pose_labels(path: Path, joints: Mapping[str, NDArray]) -> None:
    """Write labels as `read_pose_labels` returns them, in their order."""
    rows = []
    for name, person in joints.items():
        labelled = person[:, 2:] > 0
        hidden = lip_visibility(person[:, 2])[:, None]
        rows.append((name, np.concatenate([np.where(labelled, person[:, :2], np.nan), hidden], axis=1)))
    _write_rows(path, rows, 3)


def read_pose_submission(path: Path) -> dict[str, Float64]:
    """Read a pose submission.

    Returns
    -------
    dict of str to (16, 2) float64
        File name -> x, y, px, in the order of the file.

    Raises
    ------
    ValueError
        A line, which the error names, is wrong.
    """
    return _read_rows(path, 2)


def write_pose_submission(path: Path, poses: Iterable[tuple[str, NDArray]]) -> None:
    """Write a pose submission.

    Parameters
    ----------
    path : Path
    poses : iterable of (str, (16, 2) array)
        File name and joints, px. The server pairs rows by order, so they must be in the order of its list.

    Raises
    ------
    ValueError
        A pose has another shape.
    """
    _write_rows(path, poses, 2)


def write_parsing_submission(folder: Path, name: str, labels: Ids) -> Path:
    """Write the labels of a picture, (H, W) uint8 LIP ids, as `folder/STEM.png`; returns that path."""
    path = Path(folder) / f"{Path(name).stem}.png"
    write_label_map(path, labels)
    return path


def _read_rows(path: Path, columns: int) -> dict[str, Float64]:
    """Read a csv without header: file name -> (16, columns) numbers."""
    rows: dict[str, Float64] = {}
    try:
        text = read_text(Path(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: cannot be read ({error})") from error
    for number, row in enumerate(csv.reader(io.StringIO(text)), start=1):
        if not row:
            continue
        name, fields = row[0], row[1:]
        if len(fields) != columns * NUM_LIP_JOINTS:
            raise ValueError(
                f"{path}, line {number}: expected a file name and {columns * NUM_LIP_JOINTS} numbers, "
                f"{columns} for each of {NUM_LIP_JOINTS} joints, got {len(fields)}"
            )
        if name in rows:
            raise ValueError(f"{path}, line {number}: {name} occurs twice; remove one of the rows")
        try:
            rows[name] = np.array([float(v) for v in fields]).reshape(NUM_LIP_JOINTS, columns)
        except ValueError:
            raise ValueError(f"{path}, line {number}: expected numbers or nan, got {fields}") from None
    return rows


def _write_rows(path: Path, rows: Iterable[tuple[str, NDArray]], columns: int) -> None:
    lines = []
    for name, values in rows:
        check_shape(f"{path}: {name}", np.asarray(values), (NUM_LIP_JOINTS, columns))
        lines.append(",".join([name, *(_number(float(v)) for v in np.ravel(values))]) + "\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda file: file.write("".join(lines).encode()))


def _number(value: float) -> str:
    """Format a number as LIP does, whole numbers without a decimal point."""
    if math.isnan(value):
        return "nan"
    return str(int(value)) if value.is_integer() else repr(value)


def pair_by_name(truth: Sequence[str], predicted: Sequence[str], strict: bool = True) -> list[int]:
    """Pair pictures with predictions.

    Parameters
    ----------
    truth, predicted : sequence of str
        File names of the pictures and of the predictions.
    strict : bool
        Pair by file name without suffix; False pairs by order, as the official script does.

    Returns
    -------
    list of int
        For each picture, the row of its prediction.

    Raises
    ------
    ValueError
        A picture has no prediction, a prediction has no picture, or a name occurs twice; without `strict`, the
        numbers of rows differ.
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
