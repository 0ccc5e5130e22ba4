"""Small labelled folders in the layout of `posepart.data.coco_people`, of grey photos."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from posepart.schema import JOINT_NAMES

WIDTH, HEIGHT = 40, 30


def grey(value: int = 90) -> NDArray[np.uint8]:
    """A photo, (30, 40, 3)."""
    return np.full((HEIGHT, WIDTH, 3), value, np.uint8)


def write_folder(folder: Path, split: str, names: list[str], **annotation: Any) -> None:
    """A split of photos of these names; the first shows a person, whose annotation may be changed."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.fromarray(grey()).save(folder / "images" / name)
    images = [
        {"id": k, "file_name": name, "width": WIDTH, "height": HEIGHT, "source": "lab"}
        for k, name in enumerate(names)
    ]
    box = {"id": 1, "image_id": 0, "bbox": [2, 3, 10, 20], **annotation}
    data = {
        "images": images,
        "annotations": [box] if names else [],
        "categories": [{"keypoints": list(JOINT_NAMES)}],
    }
    (folder / f"person_keypoints_{split}.json").write_text(json.dumps(data))
