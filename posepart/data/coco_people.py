"""Reader of our own layout: COCO keypoints with our 14 joints, and maps of parts and people.

Layout::

    DIR/images/NAME.jpg                      or any other photo; all labels are of it as EXIF data turn it
    DIR/parts/NAME.png                       optional, indexed part ids, 255 = ignore
    DIR/instances/NAME.png                   optional, indexed person values
    DIR/person_keypoints_{split}.json        COCO keypoints format, one category with our 14 joints

Optional fields of an image are `source`, `parts_from` and `boxes_complete`; of an annotation, `joints_from` and
`instance_value` (see `Sample`). `iscrowd: 1` marks an ignore region; with `ignore_reason: "detector"` it is the box
of one person whom a detector found and nobody checked.
"""

from pathlib import Path

import numpy as np

from posepart.data.coco_file import (
    CocoFile,
    ImageId,
    Record,
    box_of,
    joints_of,
    label_maps_of,
    read_coco_file,
)
from posepart.data.sample import LabelledPerson, Sample
from posepart.schema import JOINT_NAMES, NUM_JOINTS


def read_coco_people(folder: Path, split: str = "train") -> list[Sample]:
    """Read the samples of one split, in the order of the file.

    Raises
    ------
    ValueError
        The annotation file is absent, is not JSON, or has other joints or a broken annotation.
    """
    data = coco_people_file(folder, split)
    return [
        _sample(Path(folder), data.category, image, data.annotations[image["id"]]) for image in data.images
    ]


def coco_people_file(folder: Path, split: str) -> CocoFile:
    """Read the annotation file of a split; errors as in `read_coco_people`."""
    return read_coco_file(Path(folder) / f"person_keypoints_{split}.json", JOINT_NAMES)


def _person(annotation: Record) -> LabelledPerson:
    joints = joints_of(annotation, NUM_JOINTS)
    origin = annotation.get("joints_from", "human")
    return LabelledPerson(
        box=box_of(annotation),
        joints=None if origin == "none" or not (joints[:, 2] > 0).any() else joints,
        joints_from=origin,
        instance=annotation.get("instance_value") or 0,
    )


def _sample(folder: Path, category: ImageId | None, image: Record, annotations: list[Record]) -> Sample:
    part_path, instance_path = label_maps_of(folder, image)
    ignored = [a for a in annotations if a["iscrowd"]]
    return Sample(
        image_path=folder / "images" / image["file_name"],
        width=image["width"],
        height=image["height"],
        people=tuple(_person(a) for a in annotations if not a["iscrowd"]),
        ignore_boxes=np.array([box_of(a) for a in ignored], dtype=np.float32).reshape(-1, 4),
        boxes_complete=bool(image.get("boxes_complete", True)),
        name=image["file_name"],
        image_id=image["id"],
        category=category,
        part_path=part_path,
        instance_path=instance_path,
        parts_from="none" if part_path is None else image.get("parts_from", "human"),
        source=image.get("source", ""),
        unchecked=np.array([a.get("ignore_reason") == "detector" for a in ignored], bool),
    )
