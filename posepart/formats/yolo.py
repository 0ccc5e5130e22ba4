"""YOLO-pose: a text per photo, a line per person: class, box and joints in shares of the photo's sides.

A folder with `data.yaml` and `labels/train/NAME.txt`; the photos belong into `images/train/`. Masks and scores have
no place in it. Joints and boxes are cut at the border of the photo, as the trainer refuses others.
"""

from pathlib import Path

import numpy as np

from posepart.formats.reading import PhotoSizes, files_in, number_of
from posepart.formats.records import LabelSet, PersonRecord, PhotoRecord, joint_rows
from posepart.io.files import read_text, shown, write_text
from posepart.io.yaml_files import read_yaml
from posepart.schema.skeletons import Skeleton

_DIGITS = 7
_BOX = 5  # numbers of a line before its joints: class, centre, width, height


def write(labels: LabelSet, path: Path) -> None:
    """Write the folder."""
    folder = path / "labels" / "train"
    folder.mkdir(parents=True)
    for photo in labels.photos:
        file = folder / f"{photo.stem}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = [_line(person, photo) for person in photo.people if not person.is_region]
        write_text(file, "".join(f"{line}\n" for line in lines))
    joints = list(labels.skeleton.joints)
    write_text(
        path / "data.yaml",
        "# photos belong into images/train/, and those of the validation into a folder named below\n"
        "train: images/train\nval: images/train\n"
        f"kpt_shape: [{len(joints)}, 3]\nflip_idx: {list(labels.skeleton.flips)}\nnames: {{0: person}}\n"
        f"kpt_names: {{0: [{', '.join(joints)}]}}\n",
    )


def _line(person: PersonRecord, photo: PhotoRecord) -> str:
    sides = np.array([photo.width, photo.height], np.float64)
    low, high = (np.clip(person.box[k : k + 2] / sides, 0, 1) for k in (0, 2))
    xy = np.clip(person.joints[:, :2] / sides, 0, 1)
    joints = np.column_stack([xy, person.joints[:, 2]])
    numbers = [*(low + high) / 2, *(high - low), *joints.ravel()]
    return " ".join(["0", *(f"{round(float(number), _DIGITS):.{_DIGITS}g}" for number in numbers)])


def read(path: Path, images: Path | None = None) -> LabelSet:
    """Read the folder; every class is taken for people.

    Parameters
    ----------
    path : Path
    images : Path, optional
        Folder of the photos, by default `images/train` in it.

    Raises
    ------
    ValueError
        A file is missing or broken.
    """
    names = _joint_names(path / "data.yaml")
    root = path / "labels" / "train" if (path / "labels" / "train").is_dir() else path / "labels"
    beside = path / "images" / root.relative_to(path / "labels")
    sizes = PhotoSizes(images or (beside if beside.is_dir() else None), "yolo-pose")
    photos = []
    for file in files_in(root, "*.txt"):
        name, width, height = sizes.find(file.relative_to(root).with_suffix("").as_posix())
        people = []
        for number, line in enumerate(read_text(file).splitlines(), start=1):
            try:
                if line.strip():
                    people.append(_person(line.split(), len(names), np.array([width, height], np.float64)))
            except ValueError as error:
                raise ValueError(f"{file}: line {number}: {error}") from None
        photos.append(PhotoRecord(name, width, height, tuple(people)))
    return LabelSet(tuple(photos), Skeleton(path.name, names), ("background",))


def _joint_names(file: Path) -> tuple[str, ...]:
    try:
        settings = read_yaml(file)
    except OSError as error:
        raise ValueError(
            f"{file}: cannot be read ({error.strerror}); name the folder that holds it"
        ) from None
    except ValueError as error:
        raise ValueError(f"{file}: not a YAML file ({error})") from None
    shape = settings.get("kpt_shape") if isinstance(settings, dict) else None
    if not isinstance(shape, list) or len(shape) != 2 or shape[1] != 3 or not isinstance(shape[0], int):
        raise ValueError(f"{file}: expected kpt_shape: [number of joints, 3], got {shown(repr(shape))}")
    given = settings.get("kpt_names")
    names = next(iter(given.values()), None) if isinstance(given, dict) else given
    if not isinstance(names, list) or len(names) != shape[0]:
        raise ValueError(f"{file}: add the names of the {shape[0]} joints: kpt_names: {{0: [nose, ...]}}")
    return tuple(map(str, names))


def _person(words: list[str], joints: int, sides: np.ndarray) -> PersonRecord:
    if len(words) != _BOX + 3 * joints:
        raise ValueError(f"expected {_BOX + 3 * joints} numbers, got {len(words)}")
    numbers = np.array([number_of(word, "a number of the line") for word in words])
    centre, size = numbers[1:3] * sides, numbers[3:5] * sides
    rows = numbers[_BOX:].reshape(-1, 3)
    return PersonRecord(
        np.concatenate([centre - size / 2, centre + size / 2]), joint_rows(rows[:, :2] * sides, rows[:, 2])
    )
