"""LIP's csv files of joints, its PNGs of labels, and the submissions to its two tasks.

A pose submission is a csv of file, then x, y of 16 joints. A parsing submission is a folder of PNGs of label ids.
"""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, Ids, check_shape
from posepart.io.files import read_text, write_atomically
from posepart.io.label_maps import write_label_map
from posepart.schema.lip import NUM_LIP_JOINTS, coco_visibility, lip_visibility


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
