"""Sources of results to measure: a model, a folder of `posepart predict`, or a COCO results list."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from posepart.arrays import Float32, Float64, Mask, Rgb
from posepart.data.coco_keypoints import from_coco_joints
from posepart.data.sample import Sample
from posepart.io.photos import read_photo
from posepart.io.results import PREDICTIONS, read_result
from posepart.metrics.similarity import pose_boxes
from posepart.schema import JOINT_NAMES, NUM_JOINTS, CocoJoint, Joint
from posepart.structures import Certificate, Person, Pose, Scene

Entry = Mapping[str, Any]
ImageParser = Callable[[Rgb], Scene]


@dataclass(frozen=True)
class Predictions:
    """The results of one system."""

    scene: Callable[[Sample], Scene]  # the result of a sample
    parts: bool = True  # whether the results have part maps
    name: str = ""  # of the system; empty where every result contains it


def predictions_of_model(model: ImageParser) -> Predictions:
    """Predict with a model (`posepart.load`), each photo when its result is needed."""
    return Predictions(lambda sample: model(read_photo(sample.image_path)))


def stored_predictions(path: Path, data: Path, split: str) -> Predictions:
    """Read results from a file or folder.

    Parameters
    ----------
    path : Path
        A folder that `posepart predict` wrote; or a COCO keypoint-results list of any system, as a file, or as the
        `predictions.json` of a folder without other JSON files.
    data : Path
        Folder of the labelled photos, for their COCO image ids.
    split : str

    Raises
    ------
    ValueError
        There are no results, or they cannot be read.
    """
    if path.is_dir():
        others = any(file.name != PREDICTIONS for file in path.glob("*.json"))
        if others or not (path / PREDICTIONS).exists():
            return Predictions(lambda sample: read_result(_result_path(path, sample)))
        path = path / PREDICTIONS
    entries = _read_entries(path)
    return _coco_predictions(path, entries, _image_ids(data, split))


def _result_path(folder: Path, sample: Sample) -> Path:
    """The result of a photo in a folder of `posepart predict`; see `run_folder.result_names`."""
    photo = sample.image_path
    for name in (photo.stem, photo.name, f"{photo.parent.name}_{photo.name}"):
        if (folder / f"{name}.json").exists():
            return folder / f"{name}.json"
    raise ValueError(
        f"{folder}: has no result of {photo.name} ({photo.stem}.json); run posepart predict on all photos to be "
        "measured, or choose some of them with --subset and --limit"
    )


def _read_entries(path: Path) -> list[Entry]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); check --predictions") from None
    except ValueError as error:
        raise ValueError(f"{path}: not a JSON file ({error}); check --predictions") from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(
            f"{path}: expected a COCO keypoint-results list: [{{image_id, keypoints, score}}, ...]"
        )
    return entries


def _image_ids(data: Path, split: str) -> dict[str, int]:
    """COCO image ids by file name, if the data set has them; its reader has checked the file."""
    path = data / f"person_keypoints_{split}.json"
    if not path.exists():
        return {}
    return {
        image["file_name"]: image["id"] for image in json.loads(path.read_text(encoding="utf-8"))["images"]
    }


def _coco_predictions(path: Path, entries: Sequence[Entry], image_ids: Mapping[str, int]) -> Predictions:
    by_photo: dict[str | int, list[Person]] = {}
    for number, entry in enumerate(entries, start=1):
        try:
            photo = Path(entry["file_name"]).name if "file_name" in entry else int(entry["image_id"])
            by_photo.setdefault(photo, []).append(_person(entry))
        except (KeyError, TypeError, ValueError) as error:
            reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise ValueError(f"{path}: entry {number}: {reason}") from None

    def scene(sample: Sample) -> Scene:
        name = sample.image_path.name
        people = by_photo.get(name, by_photo.get(_image_id(sample, image_ids), []))
        nothing = np.zeros((sample.height, sample.width), np.uint8)
        return Scene(tuple(people), nothing, nothing, path.name)

    return Predictions(scene, parts=False, name=path.name)


def _image_id(sample: Sample, image_ids: Mapping[str, int]) -> int:
    """The COCO image id of a photo: as labelled, else the number in its file name, else -1."""
    stem = sample.image_path.stem
    named = int(stem) if stem.isascii() and stem.isdigit() else -1
    return image_ids.get(sample.image_path.name, named)


def _person(entry: Entry) -> Person:
    """Convert a person of a COCO keypoint-results list.

    The third number of a joint is its score: 0 or less means absent, more than 1 (a visibility flag) counts as 1.
    Without a box, the box around the joints is used. The single score becomes that of the pose and of the box.
    """
    joints, score = _joints(entry["keypoints"]), float(entry["score"])
    if not (np.isfinite(joints).all() and math.isfinite(score)):
        raise ValueError("keypoints and score must be finite numbers")
    scores = np.clip(joints[:, 2], 0.0, 1.0)
    xy = np.where(scores[:, None] > 0, joints[:, :2], 0.0)
    return Person(
        Pose(xy.astype(np.float32), scores.astype(np.float32), score),
        _box(entry, xy, scores > 0),
        score,
        Certificate.none("results of another system"),
    )


def _joints(keypoints: object) -> Float64:
    """Our joints, (14, 3) x, y and score, from our 14 or from the 17 of COCO."""
    joints = np.array(keypoints, dtype=np.float64).ravel()
    if len(joints) == 3 * NUM_JOINTS:
        return joints.reshape(NUM_JOINTS, 3)
    if len(joints) == 3 * len(CocoJoint):
        given = joints.reshape(-1, 3)
        converted = from_coco_joints(given.astype(np.float32)).astype(np.float64)
        # A forehead computed from ears or nose is returned as "occluded", which is not a score.
        converted[Joint.FOREHEAD, 2] = min(converted[Joint.FOREHEAD, 2], given[:, 2].max())
        return converted
    raise ValueError(
        f"expected {3 * NUM_JOINTS} numbers as keypoints (x, y, score of {', '.join(JOINT_NAMES[:3])} ..., as "
        f"posepart writes them) or {3 * len(CocoJoint)} (COCO's joints), got {len(joints)}"
    )


def _box(entry: Entry, xy: Float64, present: Mask) -> Float32:
    if "bbox" not in entry:
        return pose_boxes(xy[None], present[None])[0].astype(np.float32)
    x, y, width, height = (float(value) for value in entry["bbox"])
    return np.array([x, y, x + width, y + height], np.float32)
