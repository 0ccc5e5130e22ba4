"""What every reader yields."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from posepart.schema import NUM_JOINTS


@dataclass(frozen=True)
class LabelledPerson:
    """A person of the ground truth, in the photo frame.

    box: (4,) float32 xyxy. joints: (14, 3) float32 x, y and COCO visibility (0 not labelled, 1 occluded,
    2 visible), or None when the person has no joint labels at all. joints_from: "human", "teacher", "exact" or
    "none". instance: the person's value in the instance map, 0 when it has none.
    """

    box: NDArray[np.float32]
    joints: NDArray[np.float32] | None
    joints_from: str = "human"
    instance: int = 0

    def __post_init__(self) -> None:
        if self.joints is not None and self.joints.shape != (NUM_JOINTS, 3):
            raise ValueError(f"joints: expected shape ({NUM_JOINTS}, 3), got {self.joints.shape}")


@dataclass(frozen=True)
class Sample:
    """A labelled photo; missing labels are legal everywhere.

    ignore_boxes: (K, 4) float32 xyxy, regions that count neither as person nor as background.
    unchecked: (K,) bool, which of them hold one person whom a detector found and nobody checked; empty: none.
    boxes_complete: False when people without a box may be in the photo. parts_from: "human", "derived",
    "exact" or "none".
    """

    image_path: Path
    width: int
    height: int
    people: tuple[LabelledPerson, ...]
    ignore_boxes: NDArray[np.float32]
    boxes_complete: bool
    part_path: Path | None = None
    instance_path: Path | None = None
    parts_from: str = "none"
    source: str = ""
    unchecked: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))

    def __post_init__(self) -> None:
        if len(self.unchecked) == 0:
            object.__setattr__(self, "unchecked", np.zeros(len(self.ignore_boxes), bool))
        if len(self.unchecked) != len(self.ignore_boxes):
            raise ValueError(
                f"unchecked: expected {len(self.ignore_boxes)} values, got {len(self.unchecked)}"
            )

    def read_image(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB."""
        with Image.open(self.image_path) as file:
            return np.asarray(file.convert("RGB"))

    def read_parts(self) -> NDArray[np.uint8] | None:
        """(H, W) uint8 part ids with 255 = ignore, or None."""
        return None if self.part_path is None else _read_indexed(self.part_path)

    def read_instances(self) -> NDArray[np.uint8] | None:
        """(H, W) uint8 person values, or None."""
        return None if self.instance_path is None else _read_indexed(self.instance_path)


def _read_indexed(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as file:
        if file.mode not in ("P", "L"):
            raise ValueError(
                f"{path}: expected an 8-bit indexed or grey PNG of label ids, got mode {file.mode}"
            )
        return np.asarray(file)
