"""A data set of drawn people, whom the stand-in networks see."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from helpers.stand_ins import boxes_of, draw
from posepart.schema import JOINT_NAMES


def write_drawn_people(folder: Path, photos: list[list[NDArray[np.float64]]], split: str = "val") -> Path:
    """Photos of drawn figures, labelled with their joints; returns the folder."""
    (folder / "images").mkdir(parents=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, figures in enumerate(photos, start=1):
        Image.fromarray(draw(figures)).save(folder / "images" / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "width": 330, "height": 190})
        for joints, (x0, y0, x1, y1) in zip(figures, boxes_of(figures).xyxy.tolist(), strict=True):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "iscrowd": 0,
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "keypoints": np.column_stack([joints, np.full(14, 2)]).ravel().tolist(),
                }
            )
    categories = [{"id": 1, "name": "person", "keypoints": list(JOINT_NAMES)}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / f"person_keypoints_{split}.json").write_text(json.dumps(content))
    return folder
