"""`posepart evaluate --labels A --predictions B`: two COCO files compared as pycocotools does, for any joints."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posepart.arrays import LARGEST, Float64
from posepart.data.coco_file import CocoFile, ImageId, read_coco_file
from posepart.io.files import shown
from posepart.metrics.coco_evaluation import PhotoToEvaluate, coco_evaluation
from posepart.metrics.similarity import BODY_SHARE_OF_BOX
from posepart.report.predictions import Entry, read_entries
from posepart.schema import COCO_JOINT_NAMES, COCO_SIGMAS, JOINT_NAMES, OKS_SIGMAS
from posepart.schema.skeletons import plain_name


@dataclass(frozen=True)
class CocoComparison:
    """The numbers of a list of results."""

    notes: tuple[str, ...]  # the first says how many photos were measured, and whether any were left out
    joints: tuple[str, ...]  # names
    sigmas: tuple[float, ...]
    measures: dict[str, dict[str, float]]  # "keypoints" and "bbox": COCO's summary of each


def compare_coco_files(
    labels: Path, predictions: Path, sigmas: Sequence[float] | None = None
) -> CocoComparison:
    """Evaluate a list of results on labels.

    Parameters
    ----------
    labels : Path
        COCO file of people with any joints.
    predictions : Path
        COCO results list with the same joints.
    sigmas : sequence of float, optional
        Of OKS, one per joint; by default COCO's by the name of the joint, and CrowdPose's for neck and head.

    Raises
    ------
    ValueError
        A file cannot be read, holds something else, or the sigmas of its joints are not known.
    """
    file = read_coco_file(labels, None)
    joints = tuple(file.people.get("keypoints") or ())
    entries = read_entries(predictions)
    chosen = _sigmas(labels, joints, sigmas)
    by_photo, notes = _by_photo(file, entries, predictions)
    ids = sorted(file.annotations, key=lambda number: (str(type(number)), number))
    boxes_known = all("bbox" in entry for entry in entries)
    photos = [_photo(file, number, by_photo.get(number, []), len(joints), predictions) for number in ids]
    measures = {}
    if joints and all("keypoints" in entry for entry in entries):
        measures["keypoints"] = coco_evaluation(photos, "keypoints", chosen)
    if boxes_known:
        measures["bbox"] = coco_evaluation(photos, "bbox", chosen)
    if not measures:
        raise ValueError(f"{predictions}: every result must have keypoints, or every one a bbox")
    if any("area" not in a for annotations in file.annotations.values() for a in annotations):
        notes.append(f"{labels}: some people have no area: {BODY_SHARE_OF_BOX} of their box is taken")
    return CocoComparison((*notes, *file.remarks), joints, tuple(map(float, chosen)), measures)


def format_comparison(comparison: CocoComparison) -> str:
    """The notes and one line per measure."""
    lines = list(comparison.notes)
    for kind, found in comparison.measures.items():
        lines += ["", kind, *(f"  {name:<10} {value:7.4f}" for name, value in found.items())]
    return "\n".join(lines)


def _sigmas(path: Path, joints: tuple[str, ...], given: Sequence[float] | None) -> Float64:
    if given is not None:
        if len(given) != len(joints) or not all(0 < sigma < LARGEST for sigma in given):
            raise ValueError(
                f"--sigmas: expected {len(joints)} positive numbers, one per joint of {path}, got {len(given)}"
            )
        return np.array(given, np.float64)
    known = dict(zip(JOINT_NAMES, OKS_SIGMAS, strict=True)) | dict(
        zip(COCO_JOINT_NAMES, COCO_SIGMAS, strict=True)
    )
    strangers = [name for name in joints if plain_name(name) not in known]
    if strangers:
        raise ValueError(
            f"{path}: no sigma is known for the joint {shown(strangers[0])}; give one for each of its {len(joints)} "
            "joints with --sigmas"
        )
    return np.array([known[plain_name(name)] for name in joints], np.float64)


def _by_photo(
    file: CocoFile, entries: list[Entry], path: Path
) -> tuple[dict[ImageId, list[Entry]], list[str]]:
    """The results of each photo, and what was left out."""
    by_name: dict[str, list[ImageId]] = {}
    for image in file.images:
        by_name.setdefault(image["file_name"].rpartition("/")[2], []).append(image["id"])
    found: dict[ImageId, list[Entry]] = {}
    left_out = {"photos that are not labelled": 0, "another category than that of people": 0}
    for entry in entries:
        number = entry.get("image_id")
        named = by_name.get(str(entry.get("file_name", "")).replace("\\", "/").rpartition("/")[2], [])
        if len(named) == 1:  # some systems number the photos themselves
            number = named[0]
        if file.category is not None and entry.get("category_id", file.category) != file.category:
            left_out["another category than that of people"] += 1
        elif isinstance(number, bool) or not isinstance(number, int | str) or number not in file.annotations:
            left_out["photos that are not labelled"] += 1
        else:
            found.setdefault(number, []).append(entry)
    if entries and not found:
        raise ValueError(
            f"{path}: none of its {len(entries)} results is of a person in a labelled photo; check that image_id or "
            "file_name, and category_id, are those of the labels"
        )
    people = sum(not a["iscrowd"] for annotations in file.annotations.values() for a in annotations)
    losses = [f"{n} of {len(entries)} results are left out, of {what}" for what, n in left_out.items() if n]
    first = f"measured on all {len(file.images)} photos of the labels, with {people} people"
    return found, ["; ".join([first, *losses])]


def _photo(file: CocoFile, number: ImageId, entries: list[Entry], joints: int, path: Path) -> PhotoToEvaluate:
    annotations = file.annotations[number]
    boxes = np.array([a["bbox"] for a in annotations], np.float64).reshape(-1, 4)
    areas = [float(a.get("area", BODY_SHARE_OF_BOX * a["bbox"][2] * a["bbox"][3])) for a in annotations]
    labelled = [
        np.array(a.get("keypoints", [0] * 3 * joints), np.float64).reshape(joints, 3) for a in annotations
    ]
    found = np.array([_numbers(e, "keypoints", 3 * joints, path) for e in entries]).reshape(-1, joints, 3)[
        ..., :2
    ]
    given = np.array([_numbers(e, "bbox", 4, path) for e in entries]).reshape(-1, 4)
    spans = (
        (found.max(axis=1) - found.min(axis=1)).prod(axis=1)
        if joints and len(found)
        else np.zeros(len(entries))
    )
    with_box = np.array(["bbox" in entry for entry in entries], bool)
    return PhotoToEvaluate(
        boxes,
        np.array(areas, np.float64),
        np.array([bool(a["iscrowd"]) for a in annotations], bool),
        np.array(labelled).reshape(-1, joints, 3),
        given,
        np.where(with_box, given[:, 2] * given[:, 3], spans),
        found,
        np.array([_numbers({"score": [e.get("score")]}, "score", 1, path)[0] for e in entries], np.float64),
    )


def _numbers(entry: Entry, key: str, count: int, path: Path) -> list[float]:
    """Numbers of a result; zeros where the key is absent."""
    values = entry.get(key, [0.0] * count)
    good = isinstance(values, list) and all(
        isinstance(v, int | float) and not isinstance(v, bool) and abs(v) < LARGEST for v in values
    )
    if not good or len(values) != count:
        number = len(values) if isinstance(values, list) else "none"
        raise ValueError(
            f"{path}: a result of image {shown(entry.get('image_id'))}: expected {count} finite numbers as {key}, "
            f"got {number if good else 'something else'}"
        )
    return [float(v) for v in values]
