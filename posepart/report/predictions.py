"""Sources of results to measure: a model, a folder of `posepart predict`, or a COCO results list."""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from posepart.arrays import LARGEST, Float32, Float64, Mask, Rgb
from posepart.data.coco_file import ImageId
from posepart.data.coco_keypoints import from_coco_joints
from posepart.data.sample import Sample
from posepart.io.files import read_json, sha256
from posepart.io.photos import read_photo
from posepart.io.predictions import PERSON_CATEGORY, PREDICTIONS
from posepart.io.results import read_record, read_result
from posepart.io.stores import Folder
from posepart.metrics.similarity import pose_boxes
from posepart.report.pairing import Pairing
from posepart.schema import JOINT_NAMES, NUM_JOINTS, CocoJoint, Joint
from posepart.structures import Certificate, Person, Pose, Scene

Entry = Mapping[str, Any]
_LONGEST = 200  # characters of a sentence that come from a file

ImageParser = Callable[[Rgb], Scene]


@dataclass(frozen=True)
class Predictions:
    """The results of one system."""

    scene: Callable[[Sample], Scene]  # the result of a sample
    parts: bool = True  # whether the results have part maps
    name: str = ""  # of the system; empty where every result contains it
    notes: tuple[str, ...] = ()  # what was left out of stored results


def predictions_of_model(model: ImageParser) -> Predictions:
    """Predict with a model (`posepart.load`), each photo when its result is needed."""
    return Predictions(lambda sample: model(read_photo(sample.image_path)))


def stored_predictions(path: Path, samples: Sequence[Sample]) -> Predictions:
    """Read results from a file or folder.

    Parameters
    ----------
    path : Path
        A folder that `posepart predict` wrote; or a COCO keypoint-results list of any system, as a file, or as the
        `predictions.json` of a folder without other JSON files.
    samples : sequence of Sample
        All labelled photos of the split, whether or not they are measured: a result is theirs or nobody's.

    Raises
    ------
    ValueError
        There are no results, they cannot be read, or none belongs to a labelled photo.
    """
    if path.is_dir():
        others = any(file.name != PREDICTIONS for file in path.glob("*.json"))
        if others or not (path / PREDICTIONS).exists():
            results = _ResultFolder(path)
            return Predictions(lambda sample: read_result(results.path_of(sample)))
        path = path / PREDICTIONS
    return _coco_predictions(path, read_entries(path), samples)


class _ResultFolder:
    """The results of `posepart predict` in a folder, by photo: a result is of the photo whose SHA-256 it states."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._by_digest: dict[str, Path] | None = None

    def path_of(self, sample: Sample) -> Path:
        """The result of a photo; see `io.result_names` for the names that are tried first."""
        photo = sample.image_path
        try:
            digest = sha256(photo)
        except OSError as error:
            raise ValueError(
                f"{photo}: cannot be read ({error.strerror}); check the labelled photos"
            ) from None
        others = []
        for name in (photo.stem, photo.name, f"{photo.parent.name}_{photo.name}"):
            path = self.folder / f"{name}.json"
            if path.exists():
                if (read_record(path)["photo"].get("sha256") or digest) == digest:  # may be unknown
                    return path
                others.append(path.name)
        found = self._all().get(digest)
        if found is not None:
            return found
        if others:
            raise ValueError(
                f"{self.folder}: {others[0]} is the result of another photo than {sample.name} (or of an earlier "
                "version of it); run posepart predict on the photos that are measured"
            )
        raise ValueError(
            f"{self.folder}: has no result of {sample.name} ({photo.stem}.json); run posepart predict on all photos "
            "to be measured, or choose some of them with --subset and --limit"
        )

    def _all(self) -> dict[str, Path]:
        if self._by_digest is None:
            self._by_digest = {}
            for name in Folder(self.folder).names():
                path = self.folder / name
                with suppress(ValueError):  # run.json, pictures and other files that are no results
                    self._by_digest[str(read_record(path)["photo"].get("sha256"))] = path
        return self._by_digest


def read_entries(path: Path) -> list[Entry]:
    """The entries of a COCO results list.

    Raises
    ------
    ValueError
        The file cannot be read, or is no such list.
    """
    try:
        entries = read_json(path)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); check --predictions") from None
    except ValueError as error:
        raise ValueError(f"{path}: not a JSON file ({error}); check --predictions") from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(
            f"{path}: expected a COCO keypoint-results list: [{{image_id, keypoints, score}}, ...]"
        )
    return entries


def _coco_predictions(path: Path, entries: Sequence[Entry], samples: Sequence[Sample]) -> Predictions:
    pairing, category = Pairing(samples), _category(entries, samples)
    by_photo: dict[str, list[Person]] = {}
    strangers: list[Entry] = []
    people = 0
    for number, entry in enumerate(entries, start=1):
        try:
            photo, person = pairing.name_of(entry), _person(entry)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)[:_LONGEST]
            raise ValueError(f"{path}: entry {number}: {reason}") from None
        if category is not None and entry.get("category_id", category) != category:
            continue
        people += 1
        if photo is None:
            strangers.append(entry)
        else:
            by_photo.setdefault(photo, []).append(person)
    _check_units(path, by_photo)
    notes = _notes_on(path, entries, samples)
    if people < len(entries):
        others = f"{len(entries) - people} of {len(entries)} results are of another category than {category}"
        if not people:
            raise ValueError(
                f"{path}: {others}, that of people in the labels (first: {entries[0]['category_id']}); write the "
                "category_id of the labels"
            )
        notes.append(f"{others}, that of people in the labels: left out")
    if strangers:
        first = str(strangers[0].get("file_name", strangers[0].get("image_id")))[:_LONGEST]
        count = f"{len(strangers)} of {people} results"
        sentence = f"{count} are of photos that are not labelled here (first: {first})"
        if not by_photo:
            raise ValueError(
                f"{path}: {sentence}; check --data and --split, and that file_name or image_id are those of the "
                "labels"
            )
        notes.append(f"{sentence}: left out")

    def scene(sample: Sample) -> Scene:
        nothing = np.zeros((sample.height, sample.width), np.uint8)
        return Scene(tuple(by_photo.get(sample.name, ())), nothing, nothing, path.name)

    return Predictions(scene, parts=False, name=path.name, notes=tuple(notes))


def _check_units(path: Path, by_photo: Mapping[str, Sequence[Person]]) -> None:
    """Refuse joints in shares of the photo's sides: none of the list is as much as a pixel from the corner."""
    poses = [person.pose for people in by_photo.values() for person in people]
    present = [pose.xy[pose.joint_scores > 0] for pose in poses]
    if any(map(len, present)) and all((np.abs(xy) < 1).all() for xy in present):
        raise ValueError(
            f"{path}: all joints lie within one pixel, as if they were shares of the photo's sides; write joints in "
            "pixels"
        )


def _category(entries: Sequence[Entry], samples: Sequence[Sample]) -> ImageId | None:
    """The category of the results that count; None if all count.

    `posepart predict` does not know the labels' category of people and writes its own: a list with that category and
    our joints throughout is of people.
    """
    ours = all(entry.get("category_id") == PERSON_CATEGORY and _has_our_joints(entry) for entry in entries)
    return None if ours or not samples else samples[0].category


def _has_our_joints(entry: Entry) -> bool:
    keypoints = entry.get("keypoints")
    return isinstance(keypoints, list) and len(keypoints) == 3 * NUM_JOINTS


def _notes_on(path: Path, entries: Sequence[Entry], samples: Sequence[Sample]) -> list[str]:
    """What is to be known about a list as a whole."""
    if not entries:
        people = sum(len(sample.people) for sample in samples)
        return (
            [f"{path}: holds no results: all {people} labelled people count as not found"] if people else []
        )
    without = sum(_given_box(entry) is None for entry in entries)
    if not without:
        return []
    return [
        f"{without} of {len(entries)} results have no bbox: the measures of boxes take the box around the joints"
    ]


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
    box = _given_box(entry)
    if box is None:
        return pose_boxes(xy[None], present[None])[0].astype(np.float32)
    x, y, width, height = (float(value) for value in box)
    if not all(abs(value) < LARGEST for value in (x, y, width, height)):  # False for NaN, too
        raise ValueError("bbox must be four finite numbers, in pixels")
    return np.array([x, y, x + width, y + height], np.float32)


def _given_box(entry: Entry) -> Any:
    return entry.get("bbox", entry.get("box"))  # AlphaPose writes "box"
