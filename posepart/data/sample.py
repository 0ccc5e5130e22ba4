"""A labelled photo: what every reader yields."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from posepart.arrays import Float32, Ids, Mask, Rgb, check_shape
from posepart.io.label_maps import read_ids
from posepart.io.photos import open_photo, photo_size
from posepart.schema import POSEPART, BodySchema


@dataclass(frozen=True)
class LabelledPerson:
    """A person of the ground truth, in the photo frame.

    The visibility of a joint is COCO's: 0 if it is not labelled, 1 if it is occluded and 2 if it is visible.
    """

    box: Float32  # (4,) xyxy
    joints: Float32 | None  # (J, 3) x, y, visibility, of the sample's schema; None where none is labelled
    joints_from: str = "human"  # "human", "teacher" (a network), "exact" (a generator) or "none"
    instance: int = 0  # the person's value in the instance map, 0 without one
    head_size: float = 0.0  # px, of PCKh where the data set gives it (MPII's head boxes), else 0

    def __post_init__(self) -> None:
        if self.joints is not None:
            check_shape("LabelledPerson.joints", self.joints, (None, 3))


@dataclass(frozen=True)
class Sample:
    """A labelled photo; any label may be missing.

    A photo is known by its `image_id`, where the data set gives one, and by its `name`; both are the reader's, and
    results are paired with labels by them alone (`report.predictions`).

    Size, labels and label maps are of the upright photo, to which EXIF data turn the stored pixels.

    An ignore box is a region that counts neither as person nor as background. `unchecked` tells which of them hold
    one person whom a detector found and nobody checked.
    """

    image_path: Path
    width: int  # px
    height: int  # px
    people: tuple[LabelledPerson, ...]
    ignore_boxes: Float32  # (K, 4) xyxy
    boxes_complete: bool  # False when there may be people without a box
    part_path: Path | None = None
    instance_path: Path | None = None
    parts_from: str = "none"  # "human", "derived" (from masks and joints), "exact" or "none"
    source: str = ""  # the data set that the photo comes from
    name: str = ""  # path below the folder of photos, with "/"; by default that of the file
    image_id: int | str | None = None  # as the data set gives it
    category: int | str | None = None  # id of the category of people in the data set
    unchecked: Mask = field(default_factory=lambda: np.zeros(0, bool))  # (K,), False throughout by default
    schema: BodySchema = POSEPART  # of the joints and of the part map

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", self.image_path.name)
        if len(self.unchecked) == 0:
            object.__setattr__(self, "unchecked", np.zeros(len(self.ignore_boxes), bool))
        check_shape("Sample.ignore_boxes", self.ignore_boxes, (None, 4))
        check_shape("Sample.unchecked", self.unchecked, (len(self.ignore_boxes),))
        for person in self.people:
            if person.joints is not None:
                where = f"Sample.people: joints of {self.schema.name}"
                check_shape(where, person.joints, (len(self.schema.joints), 3))

    def read_image(self) -> Rgb:
        """Read the upright photo, (H, W, 3) uint8 RGB, as `io.photos.open_photo` does for every command.

        Raises
        ------
        ValueError
            The photo cannot be read, or its labels are for another size.
        """
        image = open_photo(self.image_path).image
        self._require_size(image.shape[1], image.shape[0])
        return image

    def check_photo(self) -> None:
        """Find out whether the photo can be read, mostly without decoding it; errors as in `read_image`."""
        self._require_size(*photo_size(self.image_path, whole=True))

    def _require_size(self, width: int, height: int) -> None:
        if (width, height) != (self.width, self.height):
            raise ValueError(self.size_sentence(self.image_path, (width, height)))

    def size_sentence(self, path: Path, size: tuple[int, int]) -> str:
        """What is wrong with a photo or map of this (width, height), and how to mend it."""
        turned = ""
        if path == self.image_path and size == (self.height, self.width):
            turned = (
                " (those of the stored pixels, perhaps, but labels are of the photo as EXIF data turn it)"
            )
        return (
            f"{path}: is {size[0]} x {size[1]} px, but its labels are for {self.width} x {self.height} px{turned}; "
            "correct the size in the labels, or put the photo and maps that were labelled there"
        )

    def read_parts(self) -> Ids | None:
        """Read the part map, (H, W) uint8 ids of the schema's labels with `schema.IGNORE`, or None."""
        return None if self.part_path is None else read_ids(self.part_path)

    def read_instances(self) -> Ids | None:
        """Read the instance map, (H, W) uint8 person values, or None."""
        return None if self.instance_path is None else read_ids(self.instance_path)


def schema_of(samples: Sequence[Sample]) -> BodySchema:
    """The schema of samples.

    Raises
    ------
    ValueError
        There are several: one network cannot learn them.
    """
    schemas = {sample.schema.name: sample.schema for sample in samples}
    if len(schemas) > 1:
        raise ValueError(
            f"the data has labels of several schemas ({', '.join(sorted(schemas))}): train on one of them"
        )
    return next(iter(schemas.values()), POSEPART)
