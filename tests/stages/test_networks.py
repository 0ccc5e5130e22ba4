"""Crops -> evidence: the layout of batches and maps, and batches of any size."""

from dataclasses import replace

import numpy as np
import torch
from helpers.stand_ins import FIGURES, MapsAsFeatures, SeesJoints, SeesParts, boxes_of, draw
from numpy.typing import NDArray
from torch import Tensor

from posepart.config import PipelineConfig
from posepart.geometry.frames import Affine
from posepart.schema import NEIGHBOURS, Joint
from posepart.stages.crops import crop_boxes
from posepart.stages.networks import FcnNetworks, part_maps, pose_maps, to_batch
from posepart.structures import Crop


def crop_of(image: NDArray[np.uint8]) -> Crop:
    return Crop(image, Affine.identity(), np.zeros(4, np.float32))


class Planned(MapsAsFeatures):
    """Gives the same answer to every input."""

    def __init__(self, answer: object) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, batch: Tensor) -> object:
        return self.answer


def test_batch_is_rgb_planes_between_minus_one_and_one() -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    image[1, 2] = 255, 51, 0
    batch = to_batch([crop_of(image), crop_of(image + 255)], "cpu")
    assert batch.shape == (2, 3, 4, 4)
    torch.testing.assert_close(batch[0, :, 1, 2], torch.tensor([1.0, -0.6, -1.0]))
    torch.testing.assert_close(batch[0, :, 0, 0], torch.full((3,), -1.0))


def test_pose_maps_are_probabilities_and_offsets_by_joint_and_neighbour() -> None:
    logits = torch.zeros(2, 14, 8, 8)
    logits[1, Joint.NECK, 3, 5] = 20.0
    offsets = (
        torch.arange(364.0)[None, :, None, None].expand(2, 364, 8, 8)
        + torch.tensor([0.0, 1000.0])[:, None, None, None]
    )
    first, second = pose_maps(Planned((logits, offsets)), torch.zeros(2, 3, 32, 32))
    assert first.stride == second.stride == 4
    assert first.joints.max() == 0.5
    assert second.joints[Joint.NECK, 3, 5] > 0.999
    # channel (j * 13 + k) * 2 + c leads from joint j to NEIGHBOURS[j, k], c = 0 to the right, 1 down
    k = int(np.flatnonzero(NEIGHBOURS[Joint.LEFT_ELBOW] == Joint.LEFT_WRIST)[0])
    assert k == 5
    np.testing.assert_array_equal(first.offsets.maps()[Joint.LEFT_ELBOW, k, :, 0, 0], [114, 115])
    np.testing.assert_array_equal(second.offsets.maps()[Joint.LEFT_ELBOW, k, :, 7, 7], [1114, 1115])


def test_part_maps_are_distributions() -> None:
    logits = torch.randn(3, 7, 6, 6)
    maps = part_maps(Planned(logits), torch.zeros(3, 3, 48, 48))
    assert [m.stride for m in maps] == [8, 8, 8]
    for found, given in zip(maps, logits, strict=True):
        np.testing.assert_allclose(found.scores.sum(0), 1, atol=1e-6)
        np.testing.assert_array_equal(found.scores.argmax(0), given.argmax(0))


def test_no_crops_no_evidence() -> None:
    assert FcnNetworks(SeesJoints(), SeesParts(), PipelineConfig())([]) == []


def test_evidence_does_not_depend_on_the_batch_size() -> None:
    config = PipelineConfig(mirror_pose=False, upright_pose=False, part_scales=(1.0,))
    crops = crop_boxes(draw(FIGURES), boxes_of(FIGURES), config.crop)
    single, together = (
        FcnNetworks(SeesJoints(), SeesParts(), replace(config, batch_size=size))(crops) for size in (1, 8)
    )
    assert len(single) == len(crops) == 3
    for one, other, crop in zip(single, together, crops, strict=True):
        assert one.crop is other.crop is crop
        assert len(one.candidates) >= 14
        for field in ("xy", "joint", "scores", "offsets"):
            np.testing.assert_array_equal(getattr(one.candidates, field), getattr(other.candidates, field))
        np.testing.assert_array_equal(one.parts.scores, other.parts.scores)
        assert one.parts.stride == other.parts.stride == 4
