"""Reader of COCO person keypoints as they are distributed, with optional maps of parts and people.

Layout::

    DIR/annotations/person_keypoints_{split}2017.json      also DIR/person_keypoints_{split}2017.json
    DIR/{split}2017/NAME.jpg                               also DIR/images/{split}2017, DIR/{split},
                                                           DIR/images/{split} or DIR/images
    DIR/parts/NAME.png                                     optional, indexed part ids, 255 = ignore
    DIR/instances/NAME.png                                 optional, indexed person values

The 17 joints of COCO become our 14 (`from_coco_joints`). `iscrowd: 1` marks an ignore region. A person's value in
the instance map is the optional field `instance_value`.
"""

import re
from pathlib import Path

import numpy as np

from posepart.arrays import Float32
from posepart.data.coco_file import (
    CocoFile,
    ImageId,
    Record,
    box_of,
    joints_of,
    label_maps_of,
    read_coco_file,
)
from posepart.data.sample import LabelledPerson, Sample
from posepart.schema import COCO_JOINT_NAMES, COCO_LIMB_JOINTS, LIMB_JOINTS, NUM_JOINTS, CocoJoint, Joint

_EYES = [CocoJoint.LEFT_EYE, CocoJoint.RIGHT_EYE]
_EARS = [CocoJoint.LEFT_EAR, CocoJoint.RIGHT_EAR]
_SHOULDERS = [CocoJoint.LEFT_SHOULDER, CocoJoint.RIGHT_SHOULDER]
_HEAD_WIDTH = (0.5, 0.85)  # plausible distances from ear to ear, as a share of that from neck to eyes


def keypoints_files(folder: Path) -> dict[str, Path]:
    """The annotation file of every split that a folder has in this layout."""
    patterns = ("person_keypoints_*2017.json", "annotations/person_keypoints_*.json")
    files = [path for pattern in patterns for path in sorted(folder.glob(pattern))]
    return {re.sub(r"^person_keypoints_|(2017)?$", "", path.stem): path for path in files}


def read_coco_keypoints(folder: Path, split: str = "train") -> list[Sample]:
    """Read the samples of one split, in the order of the file.

    Raises
    ------
    ValueError
        The annotation file is absent, is not JSON, or has other joints or a broken annotation; or there is no
        folder of photos.
    """
    folder = Path(folder)
    data = coco_keypoints_file(folder, split)
    photos = _photo_folder(folder, split)
    return [
        _sample(folder, photos, data.category, image, data.annotations[image["id"]]) for image in data.images
    ]


def coco_keypoints_file(folder: Path, split: str) -> CocoFile:
    """Read the annotation file of a split; errors as in `read_coco_keypoints`."""
    path = keypoints_files(folder).get(split, folder / "annotations" / f"person_keypoints_{split}2017.json")
    return read_coco_file(path, COCO_JOINT_NAMES)


def from_coco_joints(joints: Float32) -> Float32:
    """Convert the 17 joints of COCO to our 14.

    Parameters
    ----------
    joints : (17, 3) float32
        x, y and visibility (0 not labelled, 1 occluded, 2 visible).

    Returns
    -------
    (14, 3) float32
        The neck is labelled where both shoulders are, the forehead where the neck and a joint of the face are.

    Notes
    -----
    The limb joints are the same. The neck is the middle of the shoulders. The forehead starts at the middle of the
    eyes, or of the ears where no eye is labelled, or at the nose as a last resort (in these two cases it counts as
    occluded). From there it is moved away from the neck by a third of the distance from ear to ear, which is clipped
    to 0.5 to 0.85 of the distance from neck to eyes. A joint computed from several others is as visible as the least
    visible of them.
    """
    converted = np.zeros((NUM_JOINTS, 3), np.float32)
    limbs = joints[list(COCO_LIMB_JOINTS)]
    converted[list(LIMB_JOINTS)] = np.where(limbs[:, 2:] > 0, limbs, 0)
    shoulders = joints[_SHOULDERS]
    if (shoulders[:, 2] > 0).all():
        converted[Joint.NECK] = _middle(shoulders)
        converted[Joint.FOREHEAD] = _forehead(joints, converted[Joint.NECK, :2])
    return converted


def _forehead(joints: Float32, neck: Float32) -> Float32:
    for group in (_EYES, _EARS, [CocoJoint.NOSE]):
        labelled = [joint for joint in group if joints[joint, 2] > 0]
        if labelled:
            break
    else:
        return np.zeros(3, np.float32)
    face = _middle(joints[labelled])
    axis = face[:2] - neck
    distance = float(np.linalg.norm(axis))
    if distance == 0:
        return np.zeros(3, np.float32)
    ears = joints[_EARS]
    both = (ears[:, 2] > 0).all()
    width = float(np.linalg.norm(ears[0, :2] - ears[1, :2])) / distance if both else np.mean(_HEAD_WIDTH)
    moved = face[:2] + axis * np.clip(width, *_HEAD_WIDTH) / 3
    return np.array([*moved, face[2] if group is _EYES else 1], np.float32)


def _middle(joints: Float32) -> Float32:
    return np.array([*joints[:, :2].mean(axis=0), joints[:, 2].min()], np.float32)


def _photo_folder(folder: Path, split: str) -> Path:
    names = (f"{split}2017", f"images/{split}2017", split, f"images/{split}", "images")
    found = next((folder / name for name in names if (folder / name).is_dir()), None)
    if found is None:
        raise ValueError(f"{folder}: has no folder of photos; put them in one of {', '.join(names)}")
    return found


def _sample(
    folder: Path, photos: Path, category: ImageId | None, image: Record, annotations: list[Record]
) -> Sample:
    part_path, instance_path = label_maps_of(folder, image)
    crowds = [box_of(a) for a in annotations if a["iscrowd"]]
    return Sample(
        image_path=photos / image["file_name"],
        width=image["width"],
        height=image["height"],
        people=tuple(_person(a) for a in annotations if not a["iscrowd"]),
        ignore_boxes=np.array(crowds, dtype=np.float32).reshape(-1, 4),
        boxes_complete=True,
        name=image["file_name"],
        image_id=image["id"],
        category=category,
        part_path=part_path,
        instance_path=instance_path,
        parts_from="none" if part_path is None else "human",
        source="coco",
    )


def _person(annotation: Record) -> LabelledPerson:
    joints = from_coco_joints(joints_of(annotation, len(CocoJoint)))
    labelled = bool((joints[:, 2] > 0).any())
    return LabelledPerson(
        box=box_of(annotation),
        joints=joints if labelled else None,
        joints_from="human" if labelled else "none",
        instance=annotation.get("instance_value") or 0,
    )
