"""Reader of PASCAL-Person-Part, with or without the joints that Xia et al. released.

Layout::

    DIR/JPEGImages/ID.jpg                or another suffix of photos
    DIR/SegmentationPart/ID.png          indexed part ids as in `schema.Part`, 255 = ignore
    DIR/PersonJoints/ID.mat              boxes: 1 x N cells of x1, y1, x2, y2; joints: 1 x N cells of 14 x 3
    DIR/train_id.txt, DIR/val_id.txt     one ID per line; also in DIR/list or DIR/pascal_person_part_trainval_list

A photo without a .mat file has parts but no people; the whole folder PersonJoints may be missing. The third column
of `joints` is 0 where a joint is not labelled; occluded joints are not marked. The release does not say whether
pixels are counted from 0 or from 1, so coordinates are used unchanged. Apart from the 255 of the part maps it has no
ignore regions, and it has no instance maps.
"""

import warnings
from collections import Counter
from collections.abc import Collection
from pathlib import Path

import numpy as np
from scipy.io import loadmat

from posepart.arrays import LARGEST, Float64
from posepart.data.sample import LabelledPerson, Sample
from posepart.io.files import is_file_name, read_text, shown
from posepart.io.photo_folders import photos_by_stem
from posepart.io.photos import photo_size
from posepart.schema import NUM_JOINTS, PASCAL_JOINTS

_LIST_FOLDERS = (".", "list", "pascal_person_part_trainval_list")


def list_files(folder: Path) -> dict[str, Path]:
    """The file of ids of every split that a folder has in this layout."""
    if not (folder / "JPEGImages").is_dir():
        return {}
    files = [path for name in reversed(_LIST_FOLDERS) for path in sorted((folder / name).glob("*_id.txt"))]
    return {path.name.removesuffix("_id.txt"): path for path in files}


def read_pascal_person_part(folder: Path, split: str = "train") -> list[Sample]:
    """Read the samples of one split, in the order of its list.

    Raises
    ------
    ValueError
        The list is absent or names a photo twice; a photo or part map is missing; or a .mat file is damaged or holds
        something else.
    """
    folder = Path(folder)
    path = list_files(folder).get(split, folder / f"{split}_id.txt")
    names = _read_list(path)
    photos = photos_by_stem(folder / "JPEGImages")
    parts = {file.stem: file for file in (folder / "SegmentationPart").glob("*.png")}
    _check_complete(folder / "JPEGImages", ".jpg", photos, names, path)
    _check_complete(folder / "SegmentationPart", ".png", parts, names, path)
    return [_sample(folder, name, photos[name], parts[name]) for name in names]


def _read_list(path: Path) -> list[str]:
    try:
        lines = read_text(path).splitlines()
    except FileNotFoundError as error:
        raise ValueError(f"{path}: no such file; it lists the ids of the photos, one per line") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text file; it lists the ids of the photos, one per line") from error
    names = [line.split()[0] for line in lines if line.strip()]
    for name in names:
        if not is_file_name(name):
            raise ValueError(f"{path}: {shown(name)!r} is not the id of a photo; correct the line")
    for name, count in Counter(names).most_common(1):
        if count > 1:
            raise ValueError(f"{path}: names {name} {count} times; keep one of the lines")
    return names


def _check_complete(
    folder: Path, suffix: str, present: Collection[str], names: list[str], path: Path
) -> None:
    missing = [name for name in names if name not in present]
    if missing:
        count = f"{len(missing)} of the {len(names)} files" if len(missing) > 1 else "the file"
        raise ValueError(
            f"{folder / (missing[0] + suffix)}: no such file; copy {count} missing there, or take the ids out "
            f"of {path.name}"
        )


def _sample(folder: Path, name: str, image_path: Path, part_path: Path) -> Sample:
    joints_path = folder / "PersonJoints" / f"{name}.mat"
    with_people = joints_path.exists()
    width, height = photo_size(image_path)
    return Sample(
        image_path=image_path,
        width=width,
        height=height,
        people=_read_people(joints_path) if with_people else (),
        ignore_boxes=np.zeros((0, 4), np.float32),
        boxes_complete=with_people,
        image_id=name,
        part_path=part_path,
        parts_from="human",
        source="pascal_person_part",
    )


def _read_people(path: Path) -> tuple[LabelledPerson, ...]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about unusual variable names; ours are looked up below
            content = loadmat(path, variable_names=["boxes", "joints"])
    except NotImplementedError:  # the format of -v7.3, which is HDF5
        raise ValueError(
            f"{path}: a MATLAB file of version 7.3, which cannot be read; save it with save(..., '-v7')"
        ) from None
    except Exception as error:  # a damaged file makes scipy raise almost anything
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path}: not a MATLAB file that can be read ({reason}); copy it again") from None
    boxes, joints = (_cells(path, key, content.get(key)) for key in ("boxes", "joints"))
    if len(boxes) != len(joints):
        raise ValueError(
            f"{path}: has {len(boxes)} boxes but the joints of {len(joints)} people; copy it again"
        )
    people = []
    for number, (box, table) in enumerate(zip(boxes, joints, strict=True), start=1):
        if box.size != 4 or table.shape != (NUM_JOINTS, 3):
            raise ValueError(
                f"{path}: person {number}: expected a box of 4 numbers and joints (14, 3), got {box.size} numbers "
                f"and {table.shape}"
            )
        shown = table[table[:, 2] > 0, :2]
        if not (abs(box) < LARGEST).all() or (abs(shown[np.isfinite(shown)]) >= LARGEST).any():
            raise ValueError(f"{path}: person {number}: a coordinate is no number of pixels; correct it")
        people.append(_person(box.ravel(), table))
    return tuple(people)


def _cells(path: Path, key: str, value: object) -> list[Float64]:
    """The numeric arrays of a MATLAB cell array; an empty matrix counts as an empty cell array."""
    if not isinstance(value, np.ndarray):
        raise ValueError(f"{path}: lacks {key}; expected cell arrays boxes and joints")
    if value.size and value.dtype != object:
        raise ValueError(f"{path}: {key}: expected a cell array, got {value.dtype} {value.shape}")
    try:
        cells = [np.asarray(cell) for cell in value.ravel()]
        if any(np.iscomplexobj(cell) for cell in cells):
            raise TypeError("got complex numbers")
        return [cell.astype(np.float64) for cell in cells]
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {key}: expected cells of numbers ({error})") from error


def _person(box: Float64, table: Float64) -> LabelledPerson:
    labelled = (table[:, 2] > 0) & np.isfinite(table).all(axis=1)
    joints = np.zeros((NUM_JOINTS, 3), np.float32)
    joints[list(PASCAL_JOINTS), :2] = np.where(labelled[:, None], table[:, :2], 0)
    joints[list(PASCAL_JOINTS), 2] = np.where(labelled, 2, 0)
    return LabelledPerson(
        box=box.astype(np.float32),
        joints=joints if labelled.any() else None,
        joints_from="human" if labelled.any() else "none",
    )
