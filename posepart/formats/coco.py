"""COCO: one annotation per person with box, joints, the mask of the person and the masks of its parts.

Masks are in COCO's compressed run lengths. `segmentation` is the whole person; `parts`, by name, is ours: other
tools skip it. So are `keypoint_scores` and `score` of predictions, and `nobody`, the parts of no person, at an
image. What COCO, CVAT, Roboflow and others write is read, with polygons as well as run lengths.
"""

from pathlib import Path
from typing import Any

import numpy as np

from posepart.data.coco_file import CocoFile, ImageId, Record, box_of, joints_of, read_coco_file
from posepart.formats.polygons import polygon_mask
from posepart.formats.records import (
    UNKNOWN_PART,
    Cutout,
    LabelSet,
    PersonRecord,
    PhotoRecord,
    check_pixels,
    joint_rows,
)
from posepart.formats.rle import coco_rle, cutout_of, mask_of_rle, merged
from posepart.io.files import shown, write_json
from posepart.schema.skeletons import Skeleton

PERSON = 1  # id of the category
COORDINATE_DIGITS, SCORE_DIGITS = 2, 6


def write(labels: LabelSet, path: Path) -> None:
    """Write a COCO file; errors as of `coco_record`."""
    write_json(path, coco_record(labels))


def coco_record(labels: LabelSet) -> Record:
    """The content of a COCO file.

    Raises
    ------
    ValueError
        Two photos have the same id.
    """
    images: list[Record] = []
    annotations: list[Record] = []
    numbers: set[ImageId] = set()
    for photo in labels.photos:
        number = next_id(photo, numbers)
        image: Record = {"id": number, "file_name": photo.name, "width": photo.width, "height": photo.height}
        if photo.nobody is not None:
            image["nobody"] = _parts(photo.nobody, photo, labels.parts)
        images.append(image)
        for person in photo.people:
            annotation = {"id": len(annotations) + 1, "image_id": number, "category_id": PERSON}
            annotations.append(annotation | _annotation(person, photo, labels.parts))
    category = {
        "id": PERSON,
        "name": "person",
        "supercategory": "person",
        "keypoints": list(labels.skeleton.joints),
        "skeleton": [[a + 1, b + 1] for a, b in labels.skeleton.edges],
        "parts": list(labels.parts[1:]),
    }
    info = {"description": "written by posepart; masks of parts are in `parts` of each annotation"}
    return {"info": info, "images": images, "annotations": annotations, "categories": [category]}


def next_id(photo: PhotoRecord, taken: set[ImageId]) -> ImageId:
    """The id of a photo, or else the next free number; it is added to those taken.

    Raises
    ------
    ValueError
        Another photo has this id.
    """
    number = photo.image_id
    if number in taken:
        raise ValueError(f"{photo.name}: another photo has the id {number} too; give each its own")
    if number is None:
        number = next(n for n in range(len(taken) + 1, 2 * len(taken) + 2) if n not in taken)
    taken.add(number)
    return number


def _annotation(person: PersonRecord, photo: PhotoRecord, parts: tuple[str, ...]) -> Record:
    x, y, visibility, scores = person.joints.T
    box = rounded(person.xywh)
    record: Record = {"bbox": box, "area": box[2] * box[3], "iscrowd": int(person.is_region)}
    if len(person.joints):
        rows = zip(rounded(x), rounded(y), map(int, visibility), strict=True)
        record["keypoints"] = [n for row in rows for n in row]
        record["num_keypoints"] = int(person.present.sum())
    if person.cutout is not None:
        record["area"] = person.cutout.area
        record["segmentation"] = coco_rle(person.cutout, photo.width, photo.height)
        record["parts"] = _parts(person.cutout, photo, parts)
    if person.score is not None:
        record["score"] = round(person.score, SCORE_DIGITS)
        record["keypoint_scores"] = rounded(scores, SCORE_DIGITS)
    return record


def _parts(cutout: Cutout, photo: PhotoRecord, names: tuple[str, ...]) -> Record:
    found = ((names[part], cutout.of(part)) for part in cutout.ids if part != UNKNOWN_PART)
    return {name: coco_rle(mask, photo.width, photo.height) for name, mask in found if mask is not None}


def rounded(values: Any, digits: int = COORDINATE_DIGITS) -> list[float]:
    """Numbers as files have them."""
    return [round(float(value), digits) for value in values]


def read(path: Path, images: Path | None = None) -> LabelSet:
    """Read a COCO file of people with any joints, and any parts if it has ours.

    Parameters
    ----------
    path : Path
    images : Path, optional
        Not needed: the file tells the sizes of the photos.

    Raises
    ------
    ValueError
        The file is no COCO file of people, or something in it, which the error names, is broken.
    """
    file = read_coco_file(path, None)
    joints = tuple(file.people.get("keypoints") or ())
    names = file.people.get("parts")
    named = isinstance(names, list) and all(isinstance(name, str) for name in names)
    parts = ("background", *(names if named and isinstance(names, list) else ()))
    photos = tuple(_photo(file, image, len(joints), parts) for image in file.images)
    skeleton = Skeleton(path.name, joints, _edges(file.people.get("skeleton"), len(joints)))
    return LabelSet(photos, skeleton, parts, tuple(file.remarks))


def _edges(links: object, joints: int) -> tuple[tuple[int, int], ...]:
    """The links of a skeleton, counted from 0; what is none is left out."""
    numbers = range(1, joints + 1)
    pairs = links if isinstance(links, list) else []
    fit = (p for p in pairs if isinstance(p, list) and len(p) == 2 and all(type(n) is int for n in p))
    return tuple((a - 1, b - 1) for a, b in fit if a in numbers and b in numbers)


def _photo(file: CocoFile, image: Record, joints: int, parts: tuple[str, ...]) -> PhotoRecord:
    size = image["width"], image["height"]
    where = f"{file.path}: image {shown(image['id'])}"
    check_pixels(where, *size)
    annotations = file.annotations[image["id"]]
    people = tuple(_person(file.path, annotation, joints, size, parts) for annotation in annotations)
    try:
        nobody = _cutout({"parts": image.get("nobody", {})}, size, parts)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    return PhotoRecord(image["file_name"], *size, people, image["id"], nobody)


def _person(
    path: Path, annotation: Record, joints: int, size: tuple[int, int], parts: tuple[str, ...]
) -> PersonRecord:
    rows = joints_of(annotation, joints).astype(np.float64)
    scores, score = annotation.get("keypoint_scores"), annotation.get("score")
    try:
        if scores is not None and not _are_scores(scores, joints):
            raise ValueError(f"expected {joints} numbers in [0, 1] as keypoint_scores")
        if score is not None and not _are_scores([score], 1):
            raise ValueError(f"expected a number in [0, 1] as score, got {shown(score)}")
        cutout = _cutout(annotation, size, parts)
    except ValueError as error:
        raise ValueError(f"{path}: annotation {shown(annotation.get('id'))}: {error}") from None
    return PersonRecord(
        box=box_of(annotation).astype(np.float64),
        joints=joint_rows(rows[:, :2], rows[:, 2], None if scores is None else np.array(scores)),
        score=score,
        rank=score,
        cutout=cutout,
        is_region=annotation["iscrowd"],
    )


def _are_scores(values: object, count: int) -> bool:
    return (
        isinstance(values, list)
        and len(values) == count
        and all(isinstance(v, int | float) and not isinstance(v, bool) and 0 <= v <= 1 for v in values)
    )


def _cutout(record: Record, size: tuple[int, int], parts: tuple[str, ...]) -> Cutout | None:
    """The pixels of a person: those of its parts, and those of the whole that belong to none of them."""
    found = []
    if record.get("segmentation"):
        found.append(cutout_of(_mask(record["segmentation"], size), UNKNOWN_PART))
    named = record.get("parts", {})
    if not isinstance(named, dict):
        raise ValueError("expected masks by name as parts")
    for name, rle in named.items():
        if name not in parts:
            raise ValueError(f"has the part {shown(name)}, which its category does not list in parts")
        found.append(cutout_of(mask_of_rle(rle, *size), parts.index(name)))
    return merged([cutout for cutout in found if cutout is not None], *size)


def _mask(segmentation: object, size: tuple[int, int]) -> Any:
    if isinstance(segmentation, list):
        return polygon_mask(segmentation, *size)
    return mask_of_rle(segmentation, *size)
