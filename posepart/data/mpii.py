"""Reader of MPII Human Pose, from its MATLAB file or from the JSON files that HRNet's authors made of it.

Layout, where the annotations may also lie in DIR/annot::

    DIR/images/NAME.jpg
    DIR/mpii_human_pose_v1_u12_1.mat     the release: split "train"; the joints of its test pictures are secret
    DIR/train.json, DIR/valid.json       in place of it: splits "train" and "val", a list of people, each with
                                         image, center (x, y), scale (of 200 px), joints (16 x 2), joints_vis (16)

Both count pixels from 1. A person has no box in MPII: here it is a square around the given centre as HRNet's reader
has it, cut at the border of the picture. `read_mpii` also takes the split "single", the pictures of "train" that
show one person, on which Table 10 of Liang et al. tests (11,431 by their count).
"""

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat

from posepart.arrays import LARGEST, Float32
from posepart.data.sample import LabelledPerson, Sample
from posepart.io.files import is_file_name, read_json, shown
from posepart.io.photos import photo_size
from posepart.schema import POSEPART, BodySchema
from posepart.schema.lip import joints_from_lip
from posepart.schema.mpii import MPII, MPII_HEAD_SHARE, MpiiJoint

MATLAB_FILE = "mpii_human_pose_v1_u12_1.mat"
JSON_FILES = {"train": "train.json", "val": "valid.json"}
SINGLE = "single"
REFERENCE_HEIGHT = 200.0  # px of a person of scale 1
ENLARGED, LOWERED = (
    1.25,
    15.0,
)  # HRNet's reader, "to avoid cropping limbs": side of the box, px downwards at scale 1

People = dict[str, list[LabelledPerson]]  # name of the picture -> its people, in MPII's schema


def mpii_splits(folder: Path) -> tuple[str, ...]:
    """The names of the splits of a folder in this layout, without "single"; none in another layout."""
    folder = Path(folder)
    if not (folder / "images").is_dir():
        return ()
    if _find(folder, MATLAB_FILE):
        return ("train",)
    return tuple(sorted(split for split, file in JSON_FILES.items() if _find(folder, file)))


def read_mpii(folder: Path, split: str = "train", schema: BodySchema = POSEPART) -> list[Sample]:
    """Read the samples of one split, in MPII's own schema or in ours (as LIP's joints, which are in the same order).

    Raises
    ------
    ValueError
        The annotations are absent, damaged or of another form, or a picture is absent.
    """
    folder = Path(folder)
    of_file = "train" if split == SINGLE else split
    matlab, export = _find(folder, MATLAB_FILE), _find(folder, JSON_FILES.get(of_file, of_file))
    if matlab is None and export is None:
        raise ValueError(f"{folder}: has no split {split!r}; there are {', '.join(mpii_splits(folder))}")
    people = _from_matlab(matlab) if matlab is not None else _from_json(export)  # type: ignore[arg-type]
    samples = [_sample(folder / "images" / name, found, schema) for name, found in people.items()]
    return [s for s in samples if len(s.people) == 1] if split == SINGLE else samples


def _find(folder: Path, name: str) -> Path | None:
    places = (folder / name, folder / "annot" / name)
    return next((place for place in places if place.is_file()), None)


def _sample(path: Path, people: list[LabelledPerson], schema: BodySchema) -> Sample:
    width, height = photo_size(path)
    limits = np.array([width, height, width, height], np.float32) - 1
    return Sample(
        path,
        width,
        height,
        tuple(replace(p, box=np.clip(p.box, 0, limits), joints=_joints_in(schema, p.joints)) for p in people),
        np.zeros((0, 4), np.float32),
        boxes_complete=False,  # not everybody in a picture is labelled
        source="mpii",
        schema=schema,
    )


def _joints_in(schema: BodySchema, joints: Float32 | None) -> Float32 | None:
    return joints if joints is None or schema is MPII else joints_from_lip(joints)


def _person(centre: NDArray, scale: float, joints: Float32, head: float = 0.0) -> LabelledPerson:
    side = ENLARGED * REFERENCE_HEIGHT * scale
    middle = centre + np.array([0, LOWERED * scale])
    box = np.concatenate([middle - side / 2, middle + side / 2]).astype(np.float32)
    labelled = bool((joints[:, 2] > 0).any())
    return LabelledPerson(
        box,
        joints if labelled else None,
        "human" if labelled else "none",
        head_size=head if labelled else 0.0,
    )


def _from_json(path: Path) -> People:
    try:
        content = read_json(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: not a JSON file that can be read ({error}); copy it again") from None
    if not isinstance(content, list):
        raise ValueError(f"{path}: expected a list of people, got {type(content).__name__}")
    people: People = {}
    for number, entry in enumerate(content, start=1):
        where = f"{path}: person {number}"
        try:
            name, scale = Path(str(entry["image"])).name, float(entry["scale"])
            joints, seen, centre = (
                np.array(entry[k], np.float64) for k in ("joints", "joints_vis", "center")
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(
                f"{where}: expected image, center, scale, joints and joints_vis ({shown(repr(error))})"
            ) from None
        if not is_file_name(name):
            raise ValueError(f"{where}: {shown(name)!r} is no name of a picture; correct it")
        if joints.shape != (len(MPII.joints), 2) or seen.shape != (len(MPII.joints),) or centre.shape != (2,):
            raise ValueError(
                f"{where}: expected joints (16, 2), joints_vis (16,) and center (2,), got {joints.shape}, "
                f"{seen.shape} and {centre.shape}"
            )
        _check_finite(where, scale, joints, centre)
        table = np.column_stack([joints - 1, np.where(seen > 0, 2, 0)]).astype(np.float32)
        table[seen <= 0] = 0
        people.setdefault(name, []).append(_person(centre - 1, scale, table))
    return people


def _check_finite(where: str, *values: Any) -> None:
    for value in values:
        if not (np.abs(np.asarray(value, np.float64)) <= LARGEST).all():
            raise ValueError(f"{where}: a coordinate or the scale is no finite number; correct it")


def _from_matlab(path: Path) -> People:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            release = loadmat(path, struct_as_record=False, squeeze_me=True)["RELEASE"]
        listed = zip(np.atleast_1d(release.annolist), np.atleast_1d(release.img_train), strict=True)
        of_training = [entry for entry, train in listed if int(train)]
        named = [(str(entry.image.name), entry) for entry in of_training]
    except NotImplementedError:  # the format of -v7.3, which is HDF5
        raise ValueError(
            f"{path}: a MATLAB file of version 7.3, which cannot be read; save it with save(..., '-v7')"
        ) from None
    except Exception as error:  # a damaged file makes scipy raise almost anything
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path}: not MPII's MATLAB file ({reason}); copy it again") from None
    return {Path(name).name: list(_rectangles(f"{path}: {name}", entry)) for name, entry in named}


def _rectangles(where: str, entry: Any) -> Iterator[LabelledPerson]:
    """The people of one entry of annolist who have a position and a scale."""
    for rectangle in np.atleast_1d(getattr(entry, "annorect", [])):
        position, scale = getattr(rectangle, "objpos", None), getattr(rectangle, "scale", None)
        if not hasattr(position, "x") or scale is None or np.size(scale) != 1:
            continue  # a head box alone
        try:
            centre = np.array([position.x, position.y], np.float64) - 1  # type: ignore[union-attr]
            corners = [float(getattr(rectangle, key)) for key in ("x1", "y1", "x2", "y2")]
            joints = _points(getattr(getattr(rectangle, "annopoints", None), "point", []))
            size = float(scale)  # type: ignore[arg-type]
        except (AttributeError, TypeError, ValueError, IndexError) as error:
            raise ValueError(f"{where}: a person is of another form ({error})") from None
        _check_finite(where, centre, corners, joints, size)
        head = MPII_HEAD_SHARE * float(np.hypot(corners[2] - corners[0], corners[3] - corners[1]))
        yield _person(centre, size, joints, head)


def _points(points: Any) -> Float32:
    """(16, 3) x, y and COCO visibility; MPII says nothing about neck and head top, which then count as visible."""
    joints = np.zeros((len(MPII.joints), 3), np.float32)
    for point in np.atleast_1d(points):
        visible = getattr(point, "is_visible", 1)
        hidden = np.size(visible) == 1 and str(visible) == "0"
        joints[MpiiJoint(int(point.id))] = float(point.x) - 1, float(point.y) - 1, 1 if hidden else 2
    return joints
