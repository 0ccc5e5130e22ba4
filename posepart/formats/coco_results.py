"""COCO results: the list that `loadRes` of pycocotools reads, with joints, box and mask in each entry."""

import json
from pathlib import Path
from typing import Any

from posepart.data.coco_file import ImageId, Record
from posepart.formats.coco import PERSON, SCORE_DIGITS, next_id, rounded
from posepart.formats.records import LabelSet, PersonRecord, PhotoRecord
from posepart.formats.rle import coco_rle
from posepart.io.files import write_text


def write(labels: LabelSet, path: Path) -> None:
    """Write a list of results, one line per person.

    The third number of a joint is its score. A person is ranked by the score of the pose, as in `predictions.json`.
    """
    entries: list[Record] = []
    numbers: set[ImageId] = set()
    for photo in labels.photos:
        number = next_id(photo, numbers)
        for person in photo.people:
            if not person.is_region:
                entries.append({"image_id": number, "file_name": photo.name} | _entry(person, photo))
    lines = ",\n".join(json.dumps(entry, allow_nan=False) for entry in entries)
    write_text(path, f"[\n{lines}\n]\n" if entries else "[]\n")


def _entry(person: PersonRecord, photo: PhotoRecord) -> Record:
    x, y, _, scores = person.joints.T
    ranks: list[Any] = [value for value in (person.rank, person.score, 1.0) if value is not None]
    entry: Record = {
        "category_id": PERSON,
        "bbox": rounded(person.xywh),
        "score": round(ranks[0], SCORE_DIGITS),
    }
    if len(person.joints):
        rows = zip(rounded(x), rounded(y), rounded(scores, SCORE_DIGITS), strict=True)
        entry["keypoints"] = [number for row in rows for number in row]
    if person.score is not None:
        entry["confidence"] = round(person.score, SCORE_DIGITS)
    if person.cutout is not None:
        entry["segmentation"] = coco_rle(person.cutout, photo.width, photo.height)
    return entry
