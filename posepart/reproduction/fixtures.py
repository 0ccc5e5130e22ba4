"""Small data sets of synthetic people in the files of PASCAL-Person-Part, LIP and ATR, to try everything out on.

They have the layouts that `data.pascal_person_part`, `data.lip` and `data.cihp` read; the numbers measured on them
mean nothing.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.io import savemat

from posepart.arrays import Ids, Rgb
from posepart.data.lip_files import write_pose_labels
from posepart.io.files import write_atomically, write_text
from posepart.io.label_maps import write_label_map
from posepart.reproduction.lip_labels import lip_joints, lip_labels
from posepart.schema import PASCAL_JOINTS, Joint, Part, voc_palette
from posepart.schema.atr_and_cihp import ATR_TO_LIP, AtrLabel
from posepart.synthetic.config import SynthConfig
from posepart.synthetic.generator import SceneGenerator
from posepart.synthetic.scene import SyntheticPerson, SyntheticScene

SCENES = {"train": 10, "val": 4}  # synthetic scenes of each split
SIZE = 192  # px, side of a scene
SEED = 50  # of the first scene
LIP_SCALES = (1, 2, 4)  # LIP pictures are enlarged in turn, so that there are small, medium and large ones
LIP_MARGIN = 0.1  # around the person's box, share of its longer side
LEAST_HEIGHT = 64  # px, of a person in a scene who becomes a LIP picture
JPEG_QUALITY = 95
MARKER = "complete.txt"  # written last
MPII_HEIGHT = 200.0  # px, of a person of scale 1


def scenes_of_splits(splits: Mapping[str, int] = SCENES, size: int = SIZE) -> dict[str, list[SyntheticScene]]:
    """The synthetic scenes of each split, the same ones every time."""
    generator = SceneGenerator(SynthConfig(size=size, people=2, adults_only=True, plain=True))
    seed, scenes = SEED, {}
    for split, count in splits.items():
        scenes[split] = [generator.sample(seed + index) for index in range(count)]
        seed += count
    return scenes


def write_pascal_person_part(folder: Path, scenes: Mapping[str, Sequence[SyntheticScene]]) -> None:
    """Write scenes as PASCAL-Person-Part with the joints of Xia et al.; see `data.pascal_person_part`.

    Parameters
    ----------
    folder : Path
        Made if needed.
    scenes : mapping of str to sequence of SyntheticScene
        By split.
    """
    for name in ("JPEGImages", "SegmentationPart", "PersonJoints"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for split, chosen in scenes.items():
        names = [f"2008_{scene.seed:06d}" for scene in chosen]
        for name, scene in zip(names, chosen, strict=True):
            write_jpeg(folder / "JPEGImages" / f"{name}.jpg", scene.image)
            write_label_map(folder / "SegmentationPart" / f"{name}.png", scene.parts, voc_palette())
            _write_person_joints(folder / "PersonJoints" / f"{name}.mat", scene.people)
        write_text(folder / f"{split}_id.txt", "".join(f"{name}\n" for name in names))


def write_jpeg(path: Path, image: Rgb) -> None:
    """Write an image, (H, W, 3) uint8 RGB, as a JPEG file."""
    picture = Image.fromarray(image)
    write_atomically(path, lambda file: picture.save(file, "JPEG", quality=JPEG_QUALITY, subsampling=0))


def _write_person_joints(path: Path, people: Sequence[SyntheticPerson]) -> None:
    """Write the boxes and joints of a photo as 1 x N cells; the third column of joints is 1 where labelled."""
    tables = [_table(person.joints) for person in people]
    content = {"boxes": _cells([person.box[None] for person in people]), "joints": _cells(tables)}
    write_atomically(path, lambda file: savemat(file, content))


def _table(joints: NDArray) -> NDArray[np.float64]:
    inside = joints[:, 2:] > 0
    rows = np.where(inside, np.concatenate([joints[:, :2], np.ones((len(Joint), 1))], axis=1), 0)
    return np.asarray(rows[list(PASCAL_JOINTS)], np.float64)


def _cells(arrays: Sequence[NDArray]) -> NDArray[np.object_]:
    row = np.empty((1, len(arrays)), object)
    for index, array in enumerate(arrays):
        row[0, index] = np.asarray(array, np.float64)
    return row


def write_lip(folder: Path, scenes: Mapping[str, Sequence[SyntheticScene]]) -> None:
    """Write the people of scenes as pictures of one person in LIP's layout; see `data.lip`.

    The pictures of the split val are also those of a split test, which has no labels.

    Parameters
    ----------
    folder : Path
        Made if needed.
    scenes : mapping of str to sequence of SyntheticScene
        By split.
    """
    for split, chosen in scenes.items():
        poses: dict[str, NDArray] = {}
        for index, (image, labels, joints) in enumerate(_lip_pictures(chosen)):
            name = f"{split}_{index:06d}"
            for copy in (split, "test") if split == "val" else (split,):
                (folder / f"{copy}_images").mkdir(parents=True, exist_ok=True)
                write_jpeg(folder / f"{copy}_images" / f"{name}.jpg", image)
            write_label_map(folder / f"{split}_segmentations" / f"{name}.png", labels)
            poses[f"{name}.jpg"] = joints
        write_pose_labels(folder / f"lip_{split}_set.csv", poses)
        listed = "".join(f"{Path(name).stem}\n" for name in poses)
        write_text(folder / f"{split}_id.txt", listed)
        if split == "val":
            write_text(folder / "test_id.txt", listed)


def _lip_pictures(scenes: Sequence[SyntheticScene]) -> list[tuple[Rgb, Ids, NDArray]]:
    """Image, LIP labels and (16, 3) joints of every person who is large enough."""
    pictures: list[tuple[Rgb, Ids, NDArray]] = []
    for scene in scenes:
        for value, person in enumerate(scene.people, start=1):
            x0, y0, x1, y1 = person.box
            if y1 - y0 < LEAST_HEIGHT or (person.joints[:, 2] > 0).sum() < len(Joint) // 2:
                continue
            parts = np.where(scene.instances == value, scene.parts, Part.BACKGROUND).astype(np.uint8)
            labels = lip_labels(parts, person.joints, len(pictures))
            edge = LIP_MARGIN * max(x1 - x0, y1 - y0)
            height, width = labels.shape
            left, top = int(max(x0 - edge, 0)), int(max(y0 - edge, 0))
            window = np.s_[top : int(min(y1 + edge, height)), left : int(min(x1 + edge, width))]
            scale = LIP_SCALES[len(pictures) % len(LIP_SCALES)]
            joints = lip_joints(person.joints)
            joints[:, :2] = np.where(joints[:, 2:] > 0, (joints[:, :2] - [left, top]) * scale, 0)
            image = cv2.resize(scene.image[window], None, fx=scale, fy=scale)
            pictures.append((np.asarray(image, np.uint8), _enlarged(labels[window], scale), joints))
    return pictures


def _enlarged(ids: Ids, scale: int) -> Ids:
    return np.asarray(ids.repeat(scale, axis=0).repeat(scale, axis=1))


def write_atr(folder: Path, scenes: Sequence[SyntheticScene], split: str = "val") -> None:
    """Write the people of scenes as pictures in ATR's layout, with its labels; see `data.cihp.read_atr`."""
    to_atr = np.full(256, AtrLabel.BACKGROUND, np.uint8)
    for label in AtrLabel:
        if ATR_TO_LIP[label] != 255:
            to_atr[ATR_TO_LIP[label]] = label
    (folder / "JPEGImages").mkdir(parents=True, exist_ok=True)
    names = []
    for index, (image, labels, _) in enumerate(_lip_pictures(scenes)):
        names.append(f"{split}_{index:06d}")
        write_jpeg(folder / "JPEGImages" / f"{names[-1]}.jpg", image)
        write_label_map(folder / "SegmentationClassAug" / f"{names[-1]}.png", to_atr[labels])
    write_text(folder / f"{split}_id.txt", "".join(f"{name}\n" for name in names))


def write_mpii(folder: Path, scenes: Sequence[SyntheticScene]) -> None:
    """Write scenes of one person as the training pictures of MPII, from its JSON files; see `data.mpii`."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    people = []
    for index, (image, _, joints) in enumerate(_lip_pictures(scenes)):
        name = f"{index:09d}.jpg"
        write_jpeg(folder / "images" / name, image)
        height, width = image.shape[:2]
        people.append(
            {
                "image": name,
                "center": [width / 2 + 1, height / 2 + 1],
                "scale": height / MPII_HEIGHT,
                "joints": np.where(joints[:, 2:] > 0, joints[:, :2] + 1, -1).tolist(),
                "joints_vis": (joints[:, 2] > 0).astype(int).tolist(),
            }
        )
    write_text(folder / "train.json", json.dumps(people))


def write_made_up(folder: Path, paper: str, splits: Mapping[str, int] = SCENES) -> None:
    """Write the data sets of a paper, "xia2017" or "lip", once; a folder that is complete stays as it is."""
    if is_made_up(folder):
        return
    scenes = scenes_of_splits(splits)
    if paper == "xia2017":
        write_pascal_person_part(folder, scenes)
    else:
        write_lip(folder / "LIP", scenes)
        write_atr(folder / "ATR", scenes["val"])
        write_mpii(folder / "MPII", scenes["val"])
        write_pascal_person_part(folder / "PASCAL", scenes)
    write_text(folder / MARKER, "synthetic people, to try everything out on\n")


def is_made_up(folder: Path) -> bool:
    """Whether `write_made_up` has written the folder completely."""
    return (folder / MARKER).exists()
