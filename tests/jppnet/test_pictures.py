"""From the maps of crops to the labels of a picture."""

import numpy as np
import pytest

from posepart.config import CropConfig
from posepart.jppnet.pictures import BodyMaps, picture_labels, put_together
from posepart.schema.lip import LipLabel
from posepart.stages.crops import box_affine
from posepart.structures import Crop

CROP = CropConfig(size=64, margin=1.0)


def crop_of(*box: float) -> Crop:
    xyxy = np.array(box, np.float32)
    return Crop(np.zeros((64, 64, 3), np.uint8), box_affine(xyxy, CROP), xyxy, 0.5)


def probabilities(label: int, body: float) -> np.ndarray:
    maps = np.zeros((20, 16, 16), np.float32)
    maps[0], maps[label] = 1 - body, body
    return maps


def test_nobody() -> None:
    found = put_together((4, 5), [], [])
    assert found.labels is not None and not found.labels.any()
    assert found.joints is None
    assert not found.people.any()


def test_labels_land_where_the_crop_was() -> None:
    maps = np.zeros((20, 16, 16), np.float32)
    maps[0] = 1
    maps[0, :8], maps[LipLabel.HAIR, :8] = 0, 1  # the upper half of the crop
    labels, body = picture_labels(maps, 4.0, crop_of(10, 20, 73, 83).affine, (100, 100))
    assert (labels[22:50, 12:72] == LipLabel.HAIR).all()
    assert not labels[54:].any() and not labels[:19].any() and not labels[:, :9].any()
    assert body[30, 30] == pytest.approx(1)
    assert body[70, 30] == body[0, 0] == 0


def test_a_pixel_belongs_to_the_surest() -> None:
    crops = [crop_of(0, 0, 39, 39), crop_of(20, 0, 59, 39)]
    maps = [
        BodyMaps(probabilities(LipLabel.FACE, 0.7), None, 4.0),
        BodyMaps(probabilities(LipLabel.HAIR, 0.9), None, 4.0),
    ]
    found = put_together((40, 60), crops, maps)
    assert found.labels is not None
    assert (found.labels[5:35, 22:58] == LipLabel.HAIR).all() and (found.people[5:35, 22:58] == 2).all()
    assert (found.labels[5:35, 2:18] == LipLabel.FACE).all() and (found.people[5:35, 2:18] == 1).all()
    assert found.scores.tolist() == [0.5, 0.5]
