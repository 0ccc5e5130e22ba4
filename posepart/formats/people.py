"""Our own layout, which all trainings read: `person_keypoints_train.json`, `parts/` and `instances/`.

Photos belong into `images/`. Of a folder, any layout is read that `posepart data check` knows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from posepart.arrays import Float64
from posepart.data.readers import read_samples, splits_of
from posepart.data.sample import LabelledPerson, Sample
from posepart.formats.coco import PERSON, next_id, rounded
from posepart.formats.records import UNKNOWN_PART, LabelSet, PersonRecord, PhotoRecord, cut_out, joint_rows
from posepart.io.files import write_json
from posepart.io.label_maps import write_label_map
from posepart.schema import NUM_JOINTS, PART_NAMES, voc_palette


def write(labels: LabelSet, path: Path) -> None:
    """Write the folder.

    Raises
    ------
    ValueError
        The parts are not ours.
    """
    if not set(labels.parts) <= set(PART_NAMES):
        raise ValueError(
            f"people: parts must be {', '.join(PART_NAMES[1:])}, got {', '.join(labels.parts[1:])}"
        )
    ours = np.arange(256, dtype=np.uint8)
    ours[: len(labels.parts)] = [PART_NAMES.index(name) for name in labels.parts]
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    numbers: set[int | str] = set()
    for photo in labels.photos:
        number = next_id(photo, numbers)
        images.append({"id": number, "file_name": photo.name, "width": photo.width, "height": photo.height})
        if photo.nobody is not None or any(person.cutout is not None for person in photo.people):
            write_label_map(path / "parts" / f"{photo.stem}.png", ours[photo.part_map()], voc_palette())
            write_label_map(path / "instances" / f"{photo.stem}.png", photo.person_map(), voc_palette())
        for instance, person in enumerate(photo.people, start=1):
            annotation = {"id": len(annotations) + 1, "image_id": number, "category_id": PERSON}
            annotations.append(annotation | _annotation(person, instance))
    category = {"id": PERSON, "name": "person", "keypoints": list(labels.skeleton.joints)}
    (path / "images").mkdir()
    write_json(
        path / "person_keypoints_train.json",
        {"images": images, "annotations": annotations, "categories": [category]},
    )


def _annotation(person: PersonRecord, instance: int) -> dict[str, Any]:
    x, y, visibility, _ = person.joints.T
    rows = zip(rounded(x), rounded(y), map(int, visibility), strict=True)
    return {
        "bbox": rounded(person.xywh),
        "area": round(person.xywh[2] * person.xywh[3], 2),
        "keypoints": [value for row in rows for value in row],
        "num_keypoints": int(person.present.sum()),
        "iscrowd": int(person.is_region),
        "joints_from": "human" if person.present.any() else "none",
        "instance_value": instance if person.cutout is not None else 0,
    }


def read(path: Path, images: Path | None = None) -> LabelSet:
    """Read all splits of a data set, in our joints and parts; errors as in `readers.read_samples`."""
    samples = [sample for split in splits_of(path) for sample in read_samples(path, split)]
    return LabelSet(_Samples(tuple(samples)))


@dataclass(frozen=True)
class _Samples:
    samples: tuple[Sample, ...]

    def __iter__(self) -> Iterator[PhotoRecord]:
        return map(_photo, self.samples)


def _photo(sample: Sample) -> PhotoRecord:
    parts, instances = sample.read_parts(), sample.read_instances()
    size = sample.height, sample.width
    ids = np.zeros(size, np.uint8) if parts is None else parts
    owners = np.zeros(size, np.uint8) if instances is None else instances
    if ids.shape != size or owners.shape != size:
        raise ValueError(
            f"{sample.name}: its maps are not of {sample.width} x {sample.height} px; correct them"
        )
    shown = np.where(ids == 0, np.uint8(UNKNOWN_PART), ids)
    people = []
    for person in sample.people:
        own = np.where((owners == person.instance) & (owners > 0), shown, np.uint8(0))
        people.append(PersonRecord(person.box.astype(np.float64), _rows(person), cutout=cut_out(own)))
    nothing = np.zeros((NUM_JOINTS, 4))
    regions = [PersonRecord(box.astype(np.float64), nothing, is_region=True) for box in sample.ignore_boxes]
    known = [person.instance for person in sample.people if person.instance]
    nobody = cut_out(np.where(np.isin(owners, known) | (ids == UNKNOWN_PART), np.uint8(0), ids))
    return PhotoRecord(sample.name, sample.width, sample.height, (*people, *regions), sample.image_id, nobody)


def _rows(person: LabelledPerson) -> Float64:
    if person.joints is None:
        return np.zeros((NUM_JOINTS, 4))
    joints = person.joints.astype(np.float64)
    return joint_rows(joints[:, :2], joints[:, 2])
