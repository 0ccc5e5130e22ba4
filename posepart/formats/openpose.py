"""OpenPose: `NAME_keypoints.json` per photo with x, y, score of the joints of every person; no boxes, no masks."""

import json
from pathlib import Path

import numpy as np

from posepart.formats.coco import SCORE_DIGITS, rounded
from posepart.formats.reading import PhotoSizes, files_in, json_of, numbers_of
from posepart.formats.records import LabelSet, PersonRecord, PhotoRecord, box_around, joint_rows
from posepart.io.files import write_text
from posepart.schema.skeletons import OPENPOSE18, SKELETONS

_END = "_keypoints.json"
_OTHERS = ("face_keypoints_2d", "hand_left_keypoints_2d", "hand_right_keypoints_2d")
_BY_COUNT = {len(skeleton.joints): skeleton for skeleton in SKELETONS.values()}


def write(labels: LabelSet, path: Path) -> None:
    """Write the folder."""
    for photo in labels.photos:
        people = []
        for person in photo.people:
            if not person.is_region:
                x, y, _, scores = person.joints.T
                rows = zip(rounded(x), rounded(y), rounded(scores, SCORE_DIGITS), strict=True)
                numbers = [number for row in rows for number in row]
                people.append(
                    {"person_id": [-1], "pose_keypoints_2d": numbers, **{key: [] for key in _OTHERS}}
                )
        file = path / f"{photo.stem}{_END}"
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, json.dumps({"version": 1.3, "people": people}, allow_nan=False) + "\n")


def read(path: Path, images: Path | None = None) -> LabelSet:
    """Read the folder; 14, 17 or 18 joints are those of the skeleton with as many.

    Parameters
    ----------
    path : Path
    images : Path
        Folder of the photos.

    Raises
    ------
    ValueError
        A file or photo is missing or broken, or has other joints.
    """
    sizes = PhotoSizes(images, "openpose")
    photos, counts = [], set()
    for file in files_in(path, f"*{_END}"):
        name, width, height = sizes.find(file.relative_to(path).as_posix().removesuffix(_END))
        record = json_of(file)
        people = record.get("people") if isinstance(record, dict) else None
        if not isinstance(people, list):
            raise ValueError(f"{file}: expected a list of people")
        found = []
        for number, person in enumerate(people, start=1):
            joints = person.get("pose_keypoints_2d") if isinstance(person, dict) else None
            if not isinstance(joints, list) or len(joints) // 3 not in _BY_COUNT:
                wanted = ", ".join(map(str, sorted(_BY_COUNT)))
                raise ValueError(f"{file}: person {number}: expected x, y, score of {wanted} joints")
            counts.add(len(joints) // 3)
            try:
                rows = np.array(numbers_of(joints, len(joints) // 3 * 3, "pose_keypoints_2d")).reshape(-1, 3)
            except ValueError as error:
                raise ValueError(f"{file}: person {number}: {error}") from None
            scores = np.clip(rows[:, 2], 0, 1)
            kept = joint_rows(rows[:, :2], np.where(scores > 0, 2, 0), scores)
            found.append(
                PersonRecord(box_around(kept, None), kept, float(scores.mean()), float(scores.mean()))
            )
        photos.append(PhotoRecord(name, width, height, tuple(found)))
    if len(counts) > 1:
        raise ValueError(
            f"{path}: people have different numbers of joints ({', '.join(map(str, sorted(counts)))})"
        )
    return LabelSet(tuple(photos), _BY_COUNT[counts.pop()] if counts else OPENPOSE18, ("background",))
