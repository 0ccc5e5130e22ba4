"""Any COCO file of people, as CVAT, Roboflow and others write it: joints are matched by name, photos are looked for.

A file is one split. Joints that the file calls otherwise are told by a map, such as {"neck": "spine_top"}. A neck
that it lacks is the middle of the shoulders, a forehead comes from the joints of the face, as in `coco_keypoints`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from posepart.arrays import Float64
from posepart.data.coco_file import CocoFile, Record, box_of, joints_of, read_coco_file
from posepart.data.coco_keypoints import from_coco_joints
from posepart.data.sample import LabelledPerson, Sample
from posepart.io.files import shown
from posepart.schema import Joint
from posepart.schema.skeletons import COCO17, POSEPART14, Skeleton, plain_name, with_joints_of

ROBOFLOW_FILE = "_annotations.coco.json"


@dataclass(frozen=True)
class CocoSource:
    """A COCO file with what a reader has to know besides; as a path it is the file."""

    file: Path
    images: Path | None = None  # folder of the photos; looked for near the file by default
    joints: Mapping[str, str] = field(default_factory=dict)  # our or COCO's name -> the name in the file

    def __fspath__(self) -> str:
        return str(self.file)

    def __str__(self) -> str:
        return str(self.file)


def converted_joints(joints: Float64, source: Skeleton, target: Skeleton) -> Float64:
    """Bring joints into another skeleton by name; a forehead that `source` lacks comes from COCO's face.

    Parameters
    ----------
    joints : (J, 4) float64
        x, y, visibility, score, of `source`.
    source, target : Skeleton

    Returns
    -------
    (K, 4) float64
    """
    rows = with_joints_of(joints, source, target)
    names, wanted = {plain_name(name) for name in source.joints}, Joint.FOREHEAD.name.lower()
    if wanted in target.joints and wanted not in names:
        face = with_joints_of(joints, source, COCO17)
        found = from_coco_joints(face[:, :3].astype(np.float32))[Joint.FOREHEAD]
        if found[2] > 0:
            rows[target.joints.index(wanted)] = [*found, face[face[:, 2] > 0, 3].min()]
    return rows


def coco_source_file(source: CocoSource) -> CocoFile:
    """Read and check the file; errors as in `read_coco_file`."""
    return read_coco_file(source.file, None)


def read_coco_source(source: CocoSource) -> list[Sample]:
    """Read the samples of a file, in its order.

    Raises
    ------
    ValueError
        The file is none, has none of our joints, or its photos are not found.
    """
    file = coco_source_file(source)
    skeleton = _skeleton(source, tuple(file.people.get("keypoints") or ()))
    folder = _photo_folder(source, file)
    return [_sample(file, folder, image, skeleton) for image in file.images]


def _skeleton(source: CocoSource, names: tuple[str, ...]) -> Skeleton:
    """The joints of the file, with our names where the map tells them."""
    known = {plain_name(name) for name in (*POSEPART14.joints, *COCO17.joints)}
    for ours, theirs in source.joints.items():
        if plain_name(ours) not in known:
            raise ValueError(f"--joints: {shown(ours)} is no joint; known are {', '.join(POSEPART14.joints)}")
        if theirs not in names:
            raise ValueError(f"--joints: {source} has no joint {shown(theirs)}; it has {', '.join(names)}")
    renamed = {theirs: ours for ours, theirs in source.joints.items()}
    joints = tuple(renamed.get(name, name) for name in names)
    if names and not known & {plain_name(name) for name in joints}:
        raise ValueError(
            f"{source}: none of its joints is known ({', '.join(names[:4])} ...); tell which is which with "
            f"--joints, such as --joints neck={names[0]}"
        )
    return Skeleton(source.file.name, joints)


def _photo_folder(source: CocoSource, file: CocoFile) -> Path:
    if source.images is not None:
        if not source.images.is_dir():
            raise ValueError(f"{source.images}: no such folder; check --images")
        return source.images
    near, above = source.file.absolute().parent, source.file.absolute().parent.parent
    split = source.file.stem.rpartition("_")[2]
    tried = (near, near / "images", above / "images" / split, above / "images", above / split, above)
    first = file.images[0]["file_name"] if file.images else ""
    found = next((folder for folder in tried if _photo(folder, first).is_file()), None)
    if found is None and file.images:
        raise ValueError(
            f"{source}: its photo {shown(first)} is not near it; name the folder with --images DIR"
        )
    return found or near


def _photo(folder: Path, name: str) -> Path:
    """A photo by its path in the file, or by its name alone where the folder of the file is not there."""
    whole, alone = folder / name, folder / name.rpartition("/")[2]
    return alone if not whole.exists() and alone.is_file() else whole


def _sample(file: CocoFile, folder: Path, image: Record, skeleton: Skeleton) -> Sample:
    annotations = file.annotations[image["id"]]
    crowds = [box_of(a) for a in annotations if a["iscrowd"]]
    return Sample(
        image_path=_photo(folder, image["file_name"]),
        width=image["width"],
        height=image["height"],
        people=tuple(_person(a, skeleton) for a in annotations if not a["iscrowd"]),
        ignore_boxes=np.array(crowds, dtype=np.float32).reshape(-1, 4),
        boxes_complete=True,
        name=image["file_name"],
        image_id=image["id"],
        category=file.category,
    )


def _person(annotation: Record, skeleton: Skeleton) -> LabelledPerson:
    given = joints_of(annotation, len(skeleton.joints)).astype(np.float64)
    rows = np.where(given[:, 2:] > 0, np.column_stack([given, np.ones(len(given))]), 0.0)
    joints = converted_joints(rows, skeleton, POSEPART14)[:, :3].astype(np.float32)
    labelled = bool((joints[:, 2] > 0).any())
    return LabelledPerson(box_of(annotation), joints if labelled else None, "human" if labelled else "none")


def roboflow_splits(folder: Path) -> tuple[str, ...]:
    """The splits of a folder as Roboflow exports it; its `valid` is our "val"."""
    found = {path.parent.name for path in folder.glob(f"*/{ROBOFLOW_FILE}")}
    return tuple(sorted("val" if name == "valid" else name for name in found))


def roboflow_source(folder: Path, split: str) -> CocoSource:
    """The file of one of `roboflow_splits`; the photos are beside it."""
    path = folder / ("valid" if split == "val" and not (folder / split).is_dir() else split)
    return CocoSource(path / ROBOFLOW_FILE, path)
