"""Small valid data sets, model folders and results, whose files are to be damaged one by one."""

import functools
import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from scipy.io import savemat

from helpers.people_data import STANDING
from helpers.stand_ins import PAIRWISE
from posepart.models.model_set import STAGES, Card
from posepart.models.refine import RefineFCN
from posepart.models.weight_files import save_tensors, save_weights
from posepart.schema import COCO_JOINT_NAMES, JOINT_NAMES
from posepart.stages.calibration import Calibration, IsotonicMap, to_arrays

WIDTH, HEIGHT = 120, 200
NAMES = ("a", "0002", "c")


def write_photos(folder: Path, suffix: str = ".jpg") -> None:
    """Photos of three names."""
    folder.mkdir(parents=True)
    for name in NAMES:
        Image.new("RGB", (WIDTH, HEIGHT)).save(folder / f"{name}{suffix}")


def coco_labels(joints: tuple[str, ...]) -> dict[str, Any]:
    """Three photos with two people and an ignore region, in COCO keypoints format."""
    if len(joints) == len(JOINT_NAMES):
        table = np.column_stack([STANDING + np.array([60, 30]), np.full(14, 2)])
    else:
        table = np.column_stack([np.linspace(20, 90, 17), np.linspace(30, 180, 17), np.full(17, 2)])
    keypoints = table.ravel().tolist()
    person = {"category_id": 1, "iscrowd": 0, "keypoints": keypoints, "num_keypoints": len(joints)}
    return {
        "info": {"year": 2024},
        "images": [
            {"id": number, "file_name": f"{name}.jpg", "width": WIDTH, "height": HEIGHT}
            | {"source": "lab", "boxes_complete": True, "parts_from": "human"}
            for number, name in enumerate(NAMES, start=1)
        ],
        "annotations": [
            {"id": 1, "image_id": 1, "bbox": [20.0, 30.0, 70.0, 150.0], "instance_value": 1, **person},
            {"id": 2, "image_id": 2, "bbox": [20, 30, 70, 150], "joints_from": "human", **person},
            {"id": 3, "image_id": 2, "bbox": [0, 0, 9, 9], **person, "iscrowd": 1}
            | {"ignore_reason": "detector"},
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": list(joints), "skeleton": [[1, 2]]}],
    }


def people_labels() -> dict[str, Any]:
    """Labels of our 14 joints."""
    return coco_labels(JOINT_NAMES)


def keypoint_labels() -> dict[str, Any]:
    """Labels of COCO's 17 joints."""
    return coco_labels(COCO_JOINT_NAMES)


def lip_csv() -> bytes:
    """The joints of three pictures."""
    row = ",".join("nan,nan,nan" if k == 3 else f"{10 + k},{20 + k},{k % 2}" for k in range(16))
    return "".join(f"{name}.jpg,{row}\n" for name in NAMES).encode()


def mat_file(content: dict[str, Any], **options: Any) -> bytes:
    """A MATLAB file."""
    file = io.BytesIO()
    savemat(file, content, **options)
    return file.getvalue()


def cells(*entries: object) -> np.ndarray:
    """A 1 x N cell array."""
    array = np.empty((1, len(entries)), object)
    for number, entry in enumerate(entries):
        array[0, number] = entry
    return array


def pascal_people() -> dict[str, Any]:
    """Two people as in PersonJoints/ID.mat."""
    table = np.column_stack([STANDING + np.array([60, 30]), np.ones(14)])
    box = np.array([[20.0, 30.0, 90.0, 180.0]])
    return {"boxes": cells(box, box + 5), "joints": cells(table, table + 5)}


@functools.cache
def model_files() -> dict[str, bytes]:
    """The files of a model folder by name; its networks are as small as they get, and fit no stage but refine."""
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        torch.manual_seed(0)
        network = RefineFCN("labels", 2, width=8)
        card = Card(name="small", builder="refine_labels", arguments={"width": 8}, metrics={"miou": 0.5})
        for stage in STAGES:
            if stage != "crf":
                save_weights(folder / f"{stage}.safetensors", network, card)
        save_weights(folder / "eight_bit.safetensors", network, card, eight_bit=["out"])
        save_tensors(folder / "crf.safetensors", PAIRWISE.to_arrays(), Card(stage="crf"))
        knots = np.linspace(0, 1, 5)
        maps = to_arrays(Calibration(pose=IsotonicMap(knots, knots**2)))
        save_tensors(folder / "calibration.safetensors", maps, Card(stage="calibration"))
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
