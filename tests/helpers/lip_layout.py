"""Tiny data sets in the file layouts of LIP, CIHP, ATR and MPII: people drawn of coloured boxes, with exact labels.

Every writer returns its folder, which `posepart.data.readers.read_samples` reads. Pictures of one seed are always
the same. A person faces the viewer: its left side is on the right of the picture.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image
from scipy.io import savemat

from posepart.data.cihp import CIHP_SPLITS
from posepart.data.lip_files import write_pose_labels
from posepart.schema.atr_and_cihp import AtrLabel
from posepart.schema.lip import LIP_PALETTE, NUM_LIP_JOINTS, LipJoint, LipLabel

SPLITS = {"train": 3, "val": 2}  # split -> number of pictures

# x0, y0, x1, y1 in shares of the person's box; later boxes lie in front.
_BOXES: dict[LipLabel, tuple[float, float, float, float]] = {
    LipLabel.RIGHT_LEG: (0.28, 0.55, 0.48, 0.92),
    LipLabel.LEFT_LEG: (0.52, 0.55, 0.72, 0.92),
    LipLabel.RIGHT_SHOE: (0.22, 0.92, 0.48, 1.0),
    LipLabel.LEFT_SHOE: (0.52, 0.92, 0.78, 1.0),
    LipLabel.RIGHT_ARM: (0.05, 0.2, 0.22, 0.55),
    LipLabel.LEFT_ARM: (0.78, 0.2, 0.95, 0.55),
    LipLabel.UPPER_CLOTHES: (0.22, 0.2, 0.78, 0.5),
    LipLabel.PANTS: (0.26, 0.5, 0.74, 0.66),
    LipLabel.FACE: (0.38, 0.05, 0.62, 0.2),
    LipLabel.HAIR: (0.36, 0.0, 0.64, 0.06),
}
_JOINTS: dict[LipJoint, tuple[float, float]] = {
    LipJoint.HEAD_TOP: (0.5, 0.01), LipJoint.NECK: (0.5, 0.2), LipJoint.SPINE: (0.5, 0.35),
    LipJoint.PELVIS: (0.5, 0.55), LipJoint.RIGHT_SHOULDER: (0.22, 0.22), LipJoint.LEFT_SHOULDER: (0.78, 0.22),
    LipJoint.RIGHT_ELBOW: (0.14, 0.38), LipJoint.LEFT_ELBOW: (0.86, 0.38), LipJoint.RIGHT_WRIST: (0.13, 0.53),
    LipJoint.LEFT_WRIST: (0.87, 0.53), LipJoint.RIGHT_HIP: (0.37, 0.56), LipJoint.LEFT_HIP: (0.63, 0.56),
    LipJoint.RIGHT_KNEE: (0.38, 0.74), LipJoint.LEFT_KNEE: (0.62, 0.74), LipJoint.RIGHT_ANKLE: (0.38, 0.92),
    LipJoint.LEFT_ANKLE: (0.62, 0.92),
}  # fmt: skip


@dataclass(frozen=True)
class DrawnPicture:
    """A picture with its labels in LIP's ids."""

    image: NDArray[np.uint8]  # (H, W, 3)
    labels: NDArray[np.uint8]  # (H, W)
    people: NDArray[np.uint8]  # (H, W), 1..N
    joints: NDArray[np.float64]  # (N, 16, 3), the third column COCO's visibility


def drawn_picture(rng: Generator, size: tuple[int, int] = (60, 90), people: int = 1) -> DrawnPicture:
    """Draw people side by side on noise; of some an ankle is not labelled, of others a wrist is occluded."""
    width, height = size
    image = rng.integers(90, 150, (height, width, 3)).astype(np.uint8)
    labels, owners = np.zeros((height, width), np.uint8), np.zeros((height, width), np.uint8)
    joints = np.zeros((people, NUM_LIP_JOINTS, 3))
    place = width / people
    for person in range(people):
        shift = rng.uniform(0, 0.1, 2) * (place, height)
        extent = np.array([place, height]) * rng.uniform(0.8, 0.9)
        corner = np.array([person * place, 0]) + shift
        for label, box in _BOXES.items():
            x0, y0, x1, y1 = np.round(np.reshape(box, (2, 2)) * extent + corner).astype(int).ravel()
            image[y0:y1, x0:x1] = LIP_PALETTE[label] // 2 + 64
            labels[y0:y1, x0:x1], owners[y0:y1, x0:x1] = label, person + 1
        for joint, spot in _JOINTS.items():
            joints[person, joint] = *np.round(np.array(spot) * extent + corner), 2
        if rng.random() < 0.25:
            joints[person, LipJoint.LEFT_ANKLE] = 0
        if rng.random() < 0.5:
            joints[person, LipJoint.RIGHT_WRIST, 2] = 1
    return DrawnPicture(image, labels, owners, joints)


def write_lip(
    folder: Path, splits: Mapping[str, int] = SPLITS, size: tuple[int, int] = (60, 90), seed: int = 0
) -> Path:
    """LIP as its archives unpack: pictures, label maps, csv of joints and id lists; a split "test" has no labels."""
    for split, count in splits.items():
        images = folder / "TrainVal_images" / f"{split}_images"
        maps = folder / "TrainVal_parsing_annotations" / f"{split}_segmentations"
        images.mkdir(parents=True, exist_ok=True)
        rows = {}
        for number in range(count):
            picture = drawn_picture(_rng(seed, split, number), size)
            name = f"{1000 + number}_{number}"
            Image.fromarray(picture.image).save(images / f"{name}.jpg", quality=95)
            if split != "test":
                maps.mkdir(parents=True, exist_ok=True)
                Image.fromarray(picture.labels).save(maps / f"{name}.png")
                rows[f"{name}.jpg"] = picture.joints[0]
        names = "".join(f"{1000 + number}_{number}\n" for number in range(count))
        (folder / f"{split}_id.txt").write_text(names)
        if rows:
            write_pose_labels(folder / "TrainVal_pose_annotations" / f"lip_{split}_set.csv", rows)
    return folder


def write_cihp(
    folder: Path, splits: Mapping[str, int] = SPLITS, size: tuple[int, int] = (120, 90), seed: int = 0
) -> Path:
    """CIHP, two people to a picture; LIP's ids are CIHP's but for one that is not drawn."""
    for split, count in splits.items():
        root = folder / CIHP_SPLITS[split]
        for number in range(count):
            picture = drawn_picture(_rng(seed, split, number), size, people=2)
            instances = np.where(picture.labels > 0, picture.labels + 20 * (picture.people - 1), 0)
            name = f"{number:07d}"
            _save(root / "Images" / f"{name}.jpg", picture.image)
            _save(root / "Category_ids" / f"{name}.png", picture.labels)
            _save(root / "Human_ids" / f"{name}.png", picture.people)
            _save(root / "Instance_ids" / f"{name}.png", instances.astype(np.uint8))
    return folder


def write_atr(
    folder: Path, splits: Mapping[str, int] = SPLITS, size: tuple[int, int] = (60, 90), seed: int = 0
) -> Path:
    """ATR: pictures, label maps in ATR's ids, and a list of names for every split."""
    to_atr = np.zeros(256, np.uint8)
    for label in LipLabel:
        if label.name in AtrLabel.__members__:
            to_atr[label] = AtrLabel[label.name]
    for split, count in splits.items():
        for number in range(count):
            picture = drawn_picture(_rng(seed, split, number), size)
            _save(folder / "JPEGImages" / f"{split}_{number}.jpg", picture.image)
            _save(folder / "SegmentationClassAug" / f"{split}_{number}.png", to_atr[picture.labels])
        (folder / f"{split}_id.txt").write_text("".join(f"{split}_{number}\n" for number in range(count)))
    return folder


def write_mpii(
    folder: Path, splits: Mapping[str, int] = SPLITS, size: tuple[int, int] = (120, 90), seed: int = 0
) -> Path:
    """MPII as JSON files; every second picture shows two people."""
    for split, count in splits.items():
        entries = []
        for number in range(count):
            picture = drawn_picture(_rng(seed, split, number), size, people=1 + number % 2)
            name = f"{split}{number}.jpg"
            _save(folder / "images" / name, picture.image)
            for joints in picture.joints:
                entries.append(
                    {
                        "image": name,
                        "center": [float(v) for v in joints[LipJoint.PELVIS, :2] + 1],
                        "scale": 0.9 * size[1] / 200,
                        "joints": (joints[:, :2] + 1).tolist(),
                        "joints_vis": (joints[:, 2] > 0).astype(int).tolist(),
                    }
                )
        (folder / f"{'valid' if split == 'val' else split}.json").write_text(json.dumps(entries))
    return folder


def write_mpii_matlab(folder: Path, count: int = 3, size: tuple[int, int] = (120, 90), seed: int = 0) -> Path:
    """MPII's MATLAB file: `count` pictures of training and one of the secret test, which has no joints."""
    listed = []
    for number in range(count + 1):
        picture = drawn_picture(_rng(seed, "train", number), size, people=1 + number % 2)
        _save(folder / "images" / f"train{number}.jpg", picture.image)
        people = [_rectangle(joints, size, number < count) for joints in picture.joints]
        listed.append({"image": {"name": f"train{number}.jpg"}, "annorect": _structs(people)})
    release = {"annolist": _structs(listed), "img_train": np.array([1] * count + [0])}
    savemat(folder / "mpii_human_pose_v1_u12_1.mat", {"RELEASE": release})
    return folder


def _rectangle(joints: NDArray[np.float64], size: tuple[int, int], labelled: bool) -> dict[str, object]:
    top, neck = joints[LipJoint.HEAD_TOP], joints[LipJoint.NECK]
    x, y = joints[LipJoint.PELVIS, :2] + 1
    person: dict[str, object] = {"objpos": {"x": x, "y": y}, "scale": 0.9 * size[1] / 200}
    if labelled:
        corners = {"x1": top[0] - 3, "y1": top[1], "x2": top[0] + 3, "y2": neck[1]}
        points = [
            {"id": int(k), "x": p[0] + 1, "y": p[1] + 1, "is_visible": int(p[2] == 2)}
            for k, p in enumerate(joints)
            if p[2] > 0
        ]
        person |= {**corners, "annopoints": {"point": _structs(points)}}
    return person


def _structs(items: list[dict[str, object]]) -> NDArray[np.object_]:
    """A MATLAB array of structs."""
    array = np.empty(len(items), object)
    array[:] = items
    return array


def _rng(seed: int, split: str, number: int) -> Generator:
    return np.random.default_rng([seed, *split.encode(), number])


def _save(path: Path, pixels: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, quality=95)
