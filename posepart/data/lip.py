"""Reader of the single-person part of LIP.

Layout, where each file or folder may lie up to two folders deeper, as the archives unpack::

    DIR/{split}_images/NAME.jpg              or another suffix of photos
    DIR/{split}_segmentations/NAME.png       grey PNG of label ids
    DIR/lip_{split}_set.csv                  no header: file, then x, y, hidden of 16 joints; nan where not labelled
    DIR/{split}_id.txt                       optional, the names in order; else the csv's order, or the folder's
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posepart.arrays import Float32, Float64, Ids
from posepart.data.lip_files import read_pose_labels
from posepart.data.sample import LabelledPerson, Sample
from posepart.io.files import read_names
from posepart.io.label_maps import read_label_map
from posepart.io.photo_folders import photos_by_stem
from posepart.io.photos import photo_size
from posepart.schema import POSEPART, BodySchema
from posepart.schema.lip import LIP, NUM_LIP_LABELS, joints_from_lip


@dataclass(frozen=True)
class LipPicture:
    """One picture of one person.

    The visibility of a joint is COCO's: 0 if it is not labelled, 1 if it is occluded and 2 if it is visible.
    """

    name: str  # of the file; it pairs the picture with results
    image_path: Path
    joints: Float64 | None = None  # (16, 3) x, y, visibility, picture frame; None without pose labels
    label_path: Path | None = None  # None without parsing labels

    def read_labels(self) -> Ids | None:
        """Read the labels, (H, W) uint8 LIP ids, or None."""
        return None if self.label_path is None else read_label_map(self.label_path, NUM_LIP_LABELS)

    def size(self) -> tuple[int, int]:
        """Width and height of the upright picture, px."""
        return photo_size(self.image_path)

    def as_sample(self, schema: BodySchema = POSEPART) -> Sample:
        """Convert to a sample, its box the whole picture, in LIP's own schema or in ours.

        In LIP's schema it has all joints and labels. In ours it has the 14 joints (`joints_from_lip`) and no part
        map, as LIP's labels are coarser than our parts on the limbs (`parts_from_lip`).
        """
        own = schema is LIP
        width, height = self.size()
        box = np.array([0, 0, width - 1, height - 1], np.float32)
        joints = None if self.joints is None else _joints_in(schema, self.joints)
        labels = self.label_path if own else None
        return Sample(
            self.image_path,
            width,
            height,
            (LabelledPerson(box, joints, "human" if joints is not None else "none"),),
            np.zeros((0, 4), np.float32),
            boxes_complete=False,
            part_path=labels,
            parts_from="none" if labels is None else "human",
            source="lip",
            name=self.name,
            schema=schema,
        )


def _joints_in(schema: BodySchema, joints: Float64) -> Float32:
    return joints.astype(np.float32) if schema is LIP else joints_from_lip(joints)


def read_lip(folder: Path, split: str = "train") -> list[LipPicture]:
    """Read the pictures of one split.

    Raises
    ------
    ValueError
        The pictures are absent, or a file, which the error names, is wrong.
    """
    folder = Path(folder)
    images = _locate(folder, f"{split}_images")
    if images is None:
        raise ValueError(f"{folder}: lacks {split}_images; choose the folder that LIP was unpacked to")
    labels = _locate(folder, f"{split}_segmentations")
    annotations = _locate(folder, f"lip_{split}_set.csv")
    poses = {} if annotations is None else read_pose_labels(annotations)
    joints = {Path(name).stem: pose for name, pose in poses.items()}
    paths = photos_by_stem(images)
    listed = _locate(folder, f"{split}_id.txt")
    names = read_names(listed) if listed else list(joints) or list(paths)
    missing = [name for name in names if name not in paths]
    if missing:
        raise ValueError(f"{images}: lacks {missing[0]}.jpg, which the split lists; copy the pictures again")
    pictures = []
    for name in names:
        label_path = None if labels is None else labels / f"{name}.png"
        has_labels = label_path is not None and label_path.exists()
        pictures.append(
            LipPicture(paths[name].name, paths[name], joints.get(name), label_path if has_labels else None)
        )
    return pictures


def _locate(folder: Path, name: str) -> Path | None:
    """Find a file or folder of a name in a folder, or up to two folders deeper."""
    for pattern in (name, f"*/{name}", f"*/*/{name}"):
        found = sorted(folder.glob(pattern))
        if found:
            return found[0]
    return None
