"""`predictions.json`: the people of all photos as a COCO keypoint-results list."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

from posepart.io.files import Record, write_atomically

PREDICTIONS = "predictions.json"
PERSON_CATEGORY = 1  # the category_id of its entries, as in COCO


def coco_results(record: Record, image_id: int) -> list[Record]:
    """Turn the people of one NAME.json into entries of a COCO keypoint-results list."""
    return [
        {
            "image_id": image_id,
            "file_name": record["photo"]["file_name"],
            "category_id": PERSON_CATEGORY,
            "keypoints": [number for keypoint in person["keypoints"] for number in keypoint],
            "bbox": person["bbox"],
            "score": person["score"],
            **({"confidence": person["confidence"]} if "confidence" in person else {}),
        }
        for person in record["people"]
    ]


def write_predictions(entries: Iterable[Record], out_dir: str | Path) -> Path:
    """Write `predictions.json`, one line per person, in the form that `loadRes` of pycocotools reads."""
    path = Path(out_dir) / PREDICTIONS
    write_atomically(path, predictions_writer(entries))
    return path


def predictions_writer(entries: Iterable[Record]) -> Callable[[BinaryIO], object]:
    """What writes `predictions.json` into an open file."""

    def write(file: BinaryIO) -> None:
        separator = b"[\n"
        for entry in entries:
            file.write(separator + json.dumps(entry, allow_nan=False).encode())
            separator = b",\n"
        file.write(b"\n]\n" if separator != b"[\n" else b"[]\n")

    return write
