"""A JPPNet's output, averaged over scales and mirror images."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from posepart.jppnet.predict import JPPNetInferenceConfig, peaks, predict_jppnet, predict_parsing
from posepart.models.jppnet.network import JPPNet, JPPNetMaps, StageMaps
from posepart.schema.lip import LIP, LipLabel


class SidedNetwork(JPPNet):
    """Stands for a JPPNet of stride 32 with two labels and two joints, left and right.

    The first of each is the red channel at every cell, the second the green one; the maps of the first stage are 0.
    """

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.stride = 32
        self.widths: list[int] = []

    def stages(self, images: Tensor) -> StageMaps:
        self.widths.append(images.shape[-1])
        maps = nn.functional.avg_pool2d(images[:, :2], 32)
        return StageMaps((torch.zeros_like(maps), maps), (torch.zeros_like(maps), maps))


def picture() -> Tensor:
    """64 px: red on the left half, nothing on the right."""
    images = torch.zeros(1, 3, 64, 64)
    images[:, 0, :, :32] = math.log(3)
    return images


def test_one_scale_by_hand() -> None:
    config = JPPNetInferenceConfig(scales=(1.0,), mirror=False)
    found = predict_jppnet(SidedNetwork(), picture(), (0, 1), (0, 1), config)
    assert found.stride == 32
    # Two stages: 1/2 and e**log 3 / (e**log 3 + 1) = 3/4 on the left; 1/2 and 1/2 on the right.
    assert found.parsing[0, 0, 0].tolist() == pytest.approx([0.625, 0.5], rel=1e-5)
    assert found.pose[0, :, 0].tolist() == [pytest.approx([math.log(3), 0], rel=1e-5), [0, 0]]


def test_scores_are_averaged_before_the_softmax_as_in_the_released_code() -> None:
    config = JPPNetInferenceConfig(scales=(1.0,), mirror=False, average="scores")
    found = predict_jppnet(SidedNetwork(), picture(), (0, 1), (0, 1), config)
    root = math.sqrt(3)  # the mean of the stages' scores is log(3) / 2
    assert found.parsing[0, 0, 0].tolist() == pytest.approx([root / (root + 1), 0.5], rel=1e-5)


def test_a_mirror_image_swaps_left_and_right() -> None:
    config = JPPNetInferenceConfig(scales=(1.0,), mirror=True)
    kept = predict_jppnet(SidedNetwork(), picture(), (0, 1), (0, 1), config)
    assert kept.parsing[0, 0, 0].tolist() == pytest.approx([0.625, 0.5], rel=1e-5), (
        "mirrored back, the sides fit"
    )
    swapped = predict_jppnet(SidedNetwork(), picture(), (1, 0), (1, 0), config)
    half = math.log(3) / 2
    assert swapped.pose[0, :, 0].tolist() == [pytest.approx([half, 0], rel=1e-5)] * 2


def test_merged_is_what_the_network_was_trained_for() -> None:
    """The merger of a stand-in is three times the maps of its only scale."""

    class Merging(SidedNetwork):
        def forward(self, images: Tensor) -> JPPNetMaps:
            one = self.stages(images)
            tripled = StageMaps(tuple(3 * m for m in one.parsing), tuple(3 * m for m in one.pose))
            return JPPNetMaps(tripled, (one,))

    config = JPPNetInferenceConfig(merged=True, mirror=True, average="scores")
    network = Merging()
    found = predict_jppnet(network, picture(), (1, 0), (1, 0), config)
    assert network.widths == [64, 64]
    assert found.pose[0, 0, 0].tolist() == pytest.approx([1.5 * math.log(3), 0], rel=1e-5)


def test_the_papers_scales() -> None:
    network = SidedNetwork()
    found = predict_jppnet(network, torch.zeros(2, 3, 256, 256), (0, 1), (0, 1))
    assert network.widths == [192, 128, 320] * 2
    assert found.parsing.shape == found.pose.shape == (2, 2, 8, 8)
    torch.testing.assert_close(found.parsing.sum(1), torch.ones(2, 8, 8))


def test_peaks_by_hand() -> None:
    maps = np.zeros((2, 3, 4))
    maps[0, 2, 1] = 0.75
    maps[1, 0, 3] = 1.5
    xy, scores = peaks(maps, stride=8)
    assert xy.tolist() == [[11.5, 19.5], [27.5, 3.5]]
    assert scores.tolist() == [0.75, 1]
    assert peaks(np.zeros((0, 3, 4)), 8)[0].shape == (0, 2)


def test_wrong_configurations_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown average 'logits'"):
        JPPNetInferenceConfig(average="logits")
    with pytest.raises(ValueError, match="at least one scale"):
        JPPNetInferenceConfig(scales=())


def test_a_parsing_network_in_all_views() -> None:
    """SS-JPPNet's test: probabilities of three scales and their mirror images, left and right labels swapped."""
    widths: list[int] = []

    class Sides(nn.Module):
        """The left half of what it sees is a left arm, the right half a right arm."""

        def forward(self, images: Tensor) -> Tensor:
            widths.append(images.shape[-1])
            logits = torch.zeros(len(images), 20, images.shape[-2] // 8, images.shape[-1] // 8)
            half = logits.shape[-1] // 2
            logits[:, LipLabel.LEFT_ARM, :, :half] = logits[:, LipLabel.RIGHT_ARM, :, half:] = 30
            return logits

    found = predict_parsing(Sides(), torch.zeros(1, 3, 128, 128), LIP.flip_labels)
    assert widths == [96, 64, 160] * 2  # Sec. 6.1: 0.75, 0.5, 1.25
    assert found.shape == (1, 20, 128, 128)
    torch.testing.assert_close(found.sum(1), torch.ones(1, 128, 128))
    assert (found.argmax(1)[..., :56] == LipLabel.LEFT_ARM).all()
    assert (found.argmax(1)[..., 72:] == LipLabel.RIGHT_ARM).all()
    assert found[:, LipLabel.LEFT_ARM, :, 0].min() > 0.99
