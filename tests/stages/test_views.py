"""Mirrored, upright and rescaled views of a crop: their maps must lie on those of the crop itself."""

from collections.abc import Sequence

import numpy as np
import torch
from helpers.stand_ins import MapsAsFeatures
from torch import Tensor, nn

from posepart.schema import NEIGHBOURS, Joint, Part
from posepart.stages.networks import part_maps, pose_maps
from posepart.stages.views import TRUNK

Cell = tuple[int, int]  # row, column


class Wrist(MapsAsFeatures):
    """Sees left wrists where the batch is bright, with the left elbow 3 px to the right and 2 px below."""

    def forward(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        cells = batch[:, :1, ::4, ::4]
        logits, offsets = torch.zeros(1, 14, 8, 8), torch.zeros(1, 14, 13, 2, 8, 8)
        logits[:, Joint.LEFT_WRIST] = 8 * cells[:, 0]
        k = int(np.flatnonzero(NEIGHBOURS[Joint.LEFT_WRIST] == Joint.LEFT_ELBOW)[0])
        offsets[:, Joint.LEFT_WRIST, k, 0] = 3 * cells[:, 0]
        offsets[:, Joint.LEFT_WRIST, k, 1] = 2 * cells[:, 0]
        return logits, offsets.flatten(1, 3)


def test_mirrored_maps_swap_left_and_right() -> None:
    batch = torch.zeros(1, 3, 32, 32)
    batch[..., 4:8] = 1.0  # cell 1 of 8; cell 6 of the mirrored crop
    (plain,), (averaged,) = pose_maps(Wrist(), batch), pose_maps(Wrist(), batch, mirror=True)
    assert plain.joints[Joint.LEFT_WRIST, 3, 1] > 0.999
    assert plain.joints[Joint.RIGHT_WRIST, 3, 1] == 0.5
    half = 1 / (1 + np.exp(-4))
    np.testing.assert_allclose(
        averaged.joints[[Joint.LEFT_WRIST, Joint.RIGHT_WRIST], 3, 1], [half, half], rtol=1e-5
    )
    right = int(np.flatnonzero(NEIGHBOURS[Joint.RIGHT_WRIST] == Joint.RIGHT_ELBOW)[0])
    np.testing.assert_allclose(averaged.offsets.maps()[Joint.RIGHT_WRIST, right, :, 3, 1], [-1.5, 1.0])
    left = int(np.flatnonzero(NEIGHBOURS[Joint.LEFT_WRIST] == Joint.LEFT_ELBOW)[0])
    np.testing.assert_allclose(averaged.offsets.maps()[Joint.LEFT_WRIST, left, :, 3, 1], [1.5, 1.0])
    assert np.count_nonzero(averaged.offsets.maps()) == 2 * 2 * 8


class Trunk(MapsAsFeatures):
    """Sees shoulders at the red cell and hips at the green one, with logit `upright` if the trunk is, else 8.

    The offset of every left shoulder leads from one to the other.
    """

    def __init__(self, upright: float) -> None:
        super().__init__()
        self.upright = upright
        self.seen: list[tuple[Cell, ...]] = []

    def forward(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        cells = batch[:, :, ::4, ::4]
        logits, offsets = torch.zeros(len(batch), 14, 8, 8), torch.zeros(len(batch), 14, 13, 2, 8, 8)
        k = int(np.flatnonzero(NEIGHBOURS[Joint.LEFT_SHOULDER] == Joint.LEFT_HIP)[0])
        for row, image in enumerate(cells):
            top, bottom = (divmod(int(image[c].argmax()), 8) for c in (0, 1))
            sure = self.upright if top[1] == bottom[1] and top[0] < bottom[0] else 8.0
            logits[row, [Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER]] = sure * image[0].round()
            logits[row, [Joint.LEFT_HIP, Joint.RIGHT_HIP]] = sure * image[1].round()
            offsets[row, Joint.LEFT_SHOULDER, k, 0] = 4 * (bottom[1] - top[1])
            offsets[row, Joint.LEFT_SHOULDER, k, 1] = 4 * (bottom[0] - top[0])
            self.seen.append((top, bottom))
        return logits, offsets.flatten(1, 3)


STANDING = ((1, 3), (5, 3))  # rows and columns of the shoulders' and hips' cells
LYING = [((4, 1), (4, 5)), ((6, 4), (2, 4)), ((3, 6), (3, 2))]  # STANDING, turned by one to three quarters
LEANING = ((1, 3), (5, 5))  # by 27 degrees, too little for a second look


def trunks(ends: Sequence[tuple[Cell, Cell]]) -> Tensor:
    """Images whose red and green squares are shoulders and hips."""
    batch = torch.zeros(len(ends), 3, 32, 32)
    for image, end in zip(batch, ends, strict=True):
        for channel, (y, x) in enumerate(end):
            image[channel, 4 * y : 4 * y + 4, 4 * x : 4 * x + 4] = 1.0
    return batch


def test_lying_people_are_seen_upright_too_and_their_maps_are_turned_back() -> None:
    ends = [STANDING, *LYING, LEANING]
    network = Trunk(upright=10.0)
    plain, looked = (
        pose_maps(Trunk(upright=10.0), trunks(ends)),
        pose_maps(network, trunks(ends), upright=True),
    )
    assert network.seen == [*ends, STANDING, STANDING, STANDING]
    for end, one, other in zip(ends, plain, looked, strict=True):
        np.testing.assert_allclose(one.offsets.maps(), other.offsets.maps(), atol=1e-4)
        mean_logit = 9.0 if end in LYING else (10.0 if end == STANDING else 8.0)
        for joint, (y, x) in ((Joint.LEFT_SHOULDER, end[0]), (Joint.RIGHT_HIP, end[1])):
            assert other.joints[joint].argmax() == 8 * y + x
            np.testing.assert_allclose(other.joints[joint].max(), 1 / (1 + np.exp(-mean_logit)), rtol=1e-6)


def test_a_less_confident_upright_view_changes_nothing() -> None:
    network = Trunk(upright=7.0)
    plain, looked = (
        pose_maps(Trunk(upright=7.0), trunks(LYING)),
        pose_maps(network, trunks(LYING), upright=True),
    )
    assert len(network.seen) == 6
    for one, other in zip(plain, looked, strict=True):
        np.testing.assert_array_equal(one.joints, other.joints)
        np.testing.assert_array_equal(one.offsets.maps(), other.offsets.maps())


def test_cells_outside_the_turned_crop_are_unchanged() -> None:
    # 45 degrees: the crop's corners are outside the turned one
    end = ((2, 2), (5, 5))
    plain, looked = (
        pose_maps(MoreConfident(), trunks([end]), upright=upright)[0] for upright in (False, True)
    )
    changed = (plain.joints != looked.joints).any(0)
    assert not changed[[0, 0, 7, 7], [0, 7, 0, 7]].any() and changed[2:6, 2:6].all()


class MoreConfident(MapsAsFeatures):
    """Sees a trunk from upper left to lower right, more confidently at every call."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        self.calls += 1
        logits = torch.full((len(batch), 14, 8, 8), float(self.calls))
        logits[:, list(TRUNK[:2]), 2, 2] += 1
        logits[:, list(TRUNK[2:]), 5, 5] += 1
        return logits, torch.zeros(len(batch), 364, 8, 8)


class Always(nn.Module):
    """The same part logits for every image."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, batch: Tensor) -> Tensor:
        return self.logits


def test_every_second_copy_of_a_crop_is_mirrored_and_all_are_averaged() -> None:
    logits = torch.zeros(1, 7, 4, 4)
    logits[0, 2, 1, 0] = 2.0
    (found,) = part_maps(Always(logits), torch.zeros(1, 3, 16, 16), scales=(1.0, 1.0))
    expected = np.e / (np.e + 6)  # the mean logit is 1 in both columns
    np.testing.assert_allclose(found.scores[2, 1, [0, 3]], [expected, expected], rtol=1e-5)


class RedIsTorso(nn.Module):
    """Logits of the torso at stride 4 that tell how red the image is; keeps the sides of the images."""

    def __init__(self) -> None:
        super().__init__()
        self.sides: list[int] = []

    def forward(self, batch: Tensor) -> Tensor:
        self.sides.append(batch.shape[-1])
        logits = torch.zeros(len(batch), 7, *(side // 4 for side in batch.shape[2:]))
        logits[:, Part.TORSO] = torch.nn.functional.avg_pool2d(batch[:, 0], 4)
        return logits


def test_part_maps_of_several_scales_lie_on_one_another() -> None:
    batch = torch.zeros(1, 3, 128, 128)
    batch[:, 0] = -8.0
    batch[:, 0, 32:64, 16:48] = 8.0
    network = RedIsTorso()
    (one,), (several,) = part_maps(network, batch), part_maps(network, batch, scales=(0.75, 1.0, 1.25))
    assert network.sides == [128, 96, 128, 160]
    assert several.scores.shape == one.scores.shape
    assert several.stride == one.stride == 4
    np.testing.assert_array_equal(several.scores.argmax(0), one.scores.argmax(0))
    inner = (Part.TORSO, slice(10, 14), slice(6, 10))  # away from the edges of the square
    np.testing.assert_allclose(several.scores[inner], one.scores[inner], atol=1e-5)
