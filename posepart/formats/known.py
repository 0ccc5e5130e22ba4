"""All formats by name, and how a file or folder of one is written as a whole or not at all."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from posepart.formats import (
    coco,
    coco_results,
    csv_table,
    cvat,
    label_studio,
    labelme,
    openpose,
    people,
    voc,
    yolo,
)
from posepart.formats.records import LabelSet
from posepart.schema.skeletons import OPENPOSE18, POSEPART14, SKELETONS, Skeleton, missing_joints

Writer = Callable[[LabelSet, Path], None]
Reader = Callable[[Path, Path | None], LabelSet]


@dataclass(frozen=True)
class Format:
    """A format of files."""

    write: Writer | None  # None if only reading makes sense
    read: (
        Reader | None
    )  # takes the file or folder, and the folder of photos; None if only writing makes sense
    folder: bool = False  # whether it is a folder of files
    skeleton: Skeleton | None = None  # its joints unless others are asked for; None: the source's
    loses: str = ""  # what of people has no place in it


FORMATS: dict[str, Format] = {
    "coco": Format(coco.write, coco.read),
    "coco-results": Format(coco_results.write, None),
    "people": Format(people.write, people.read, folder=True, skeleton=POSEPART14, loses="scores"),
    "yolo-pose": Format(yolo.write, yolo.read, folder=True, loses="masks and scores"),
    "voc": Format(voc.write, voc.read, folder=True, loses="joints and scores"),
    "labelme": Format(labelme.write, labelme.read, folder=True),
    "label-studio": Format(label_studio.write, label_studio.read, folder=True),
    "cvat": Format(cvat.write, cvat.read, loses="scores of joints"),
    "csv": Format(csv_table.write, csv_table.read, loses="masks"),
    "openpose": Format(
        openpose.write, openpose.read, folder=True, skeleton=OPENPOSE18, loses="boxes and masks"
    ),
}


def format_named(name: str, purpose: str) -> Format:
    """Look up a format.

    Parameters
    ----------
    name : str
    purpose : {"read", "write"}
        What it must be able to.

    Raises
    ------
    ValueError
        There is none of this name that can do so.
    """
    able = [known for known, form in FORMATS.items() if getattr(form, purpose) is not None]
    if name not in able:
        raise ValueError(f"format: expected one of {', '.join(able)}, got {name!r}")
    return FORMATS[name]


def skeleton_named(name: str) -> Skeleton:
    """Look up a skeleton.

    Raises
    ------
    ValueError
        There is none of this name.
    """
    if name not in SKELETONS:
        raise ValueError(f"skeleton: expected one of {', '.join(SKELETONS)}, got {name!r}")
    return SKELETONS[name]


def write_labels(labels: LabelSet, form: Format, path: Path, skeleton: Skeleton | None = None) -> list[str]:
    """Write labels in a format.

    Parameters
    ----------
    labels : LabelSet
    form : Format
    path : Path
        The file, or the folder, which must be absent or empty.
    skeleton : Skeleton, optional
        The joints; by default those of the format, or else of the source.

    Returns
    -------
    list of str
        Sentences about what is missing in the file.

    Raises
    ------
    ValueError
        It cannot be written; then nothing is.
    """
    target = skeleton or form.skeleton or labels.skeleton
    notes = list(labels.notes)
    if missing := missing_joints(labels.skeleton, target):
        notes.append(f"{target.name}: {', '.join(missing)} are not known and marked as absent")
    if form.loses:
        notes.append(f"{form.loses} have no place in this format and are left out")
    assert form.write is not None
    try:
        if form.folder:
            _write_folder(labels.with_skeleton(target), form.write, path)
        else:
            if path.is_dir():
                raise ValueError(f"{path}: is a folder; name a file with -o FILE")
            path.absolute().parent.mkdir(parents=True, exist_ok=True)
            form.write(labels.with_skeleton(target), path)
    except OSError as error:
        raise ValueError(
            f"{path}: cannot be written ({error.strerror or error}); choose another -o"
        ) from None
    return notes


def _write_folder(labels: LabelSet, write: Writer, path: Path) -> None:
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ValueError(f"{path}: is there already; choose a new folder with -o")
    path = path.absolute()
    unfinished = path.with_name(f".{path.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was killed
    try:
        unfinished.mkdir(parents=True)
        write(labels, unfinished)
        if path.exists():
            path.rmdir()
        unfinished.rename(path)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
