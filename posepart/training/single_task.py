"""What the trainings of parsing and of pose networks share: their start, and photos in place of crops."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from posepart.data.sample import LabelledPerson, Sample
from posepart.models.backbones import MobileNetV2, read_arrays


def start_from_people(model: Any, path: Path) -> None:
    """Load a MobileNetV2 that was trained on people into a network's backbone, in place.

    Raises
    ------
    ValueError
        The network has another backbone, or none.
    """
    backbone = getattr(model, "backbone", None)
    if not isinstance(backbone, MobileNetV2):
        raise ValueError(
            f"{path}: starts a MobileNetV2, and a {type(model).__name__} of this builder has none; pass --init "
            "none, or choose a builder whose name ends with _s"
        )
    backbone.load_people_weights(read_arrays(path))


def whole_photos(samples: Sequence[Sample]) -> list[Sample]:
    """The samples as if each showed one person in a box of the size of the photo; they have parts only."""
    photos = []
    for sample in samples:
        box = np.array([0, 0, sample.width, sample.height], np.float32)
        photos.append(replace(sample, people=(LabelledPerson(box, None),)))
    return photos
