"""Losses of attention to scale and SS-JPPNet on batches of crops, by hand."""

import math

import pytest
import torch
from torch import Tensor, nn

from posepart.models.builders import build
from posepart.models.jppnet.attention import AttendedMaps, AttentionToScale
from posepart.schema import Part
from posepart.training.parsing import ParsingLoss, ParsingLossConfig, parsing_predictor


class SettledNetwork(AttentionToScale):
    """Says that every cell is head, at one scale."""

    def __init__(self) -> None:
        nn.Module.__init__(self)

    def attend(self, images: Tensor) -> AttendedMaps:
        logits = torch.zeros(len(images), 7, 4, 4)
        logits[:, Part.HEAD] = math.log(6)
        return AttendedMaps(logits, (logits,), torch.ones(len(images), 1, 4, 4))


def batch_of(labels: Tensor, joints: Tensor) -> dict[str, Tensor]:
    return {
        "image": torch.zeros(len(labels), 3, 16, 16, dtype=torch.uint8),
        "parts": labels,
        "joints": joints,
        "box": torch.tensor([[0.0, 0.0, 16.0, 16.0]]).expand(len(labels), 4),
    }


def test_the_softmax_loss_and_its_weight() -> None:
    labels = torch.full((1, 4, 4), int(Part.HEAD), dtype=torch.uint8)
    batch = batch_of(labels, torch.zeros(1, 6, 14, 3))
    plain = ParsingLoss(ParsingLossConfig())(SettledNetwork(), batch)
    assert plain["loss"].item() == pytest.approx(2 * math.log(2), rel=1e-5)  # merged and one scale; P = 1/2
    assert plain["weight"].item() == 0
    structured = ParsingLoss(ParsingLossConfig(sensitive=True))(SettledNetwork(), batch)
    assert structured["loss"].item() == 0, "all joints are in place"


def test_a_misplaced_region_weighs() -> None:
    labels = torch.zeros(1, 4, 4, dtype=torch.uint8)
    labels[0, 0, 0] = Part.TORSO
    losses = ParsingLoss(ParsingLossConfig(sensitive=True))(
        SettledNetwork(), batch_of(labels, torch.zeros(1, 6, 14, 3))
    )
    # Eq. (1), N = 1: the head that is not there, at (1.5, 1.5), and the torso that was not found, at (0, 0).
    cells = torch.arange(4.0)
    head, torso = (
        (-((cells - c) ** 2)).exp().sum() ** 2 for c in (1.5, 0.0)
    )  # squares of the blobs, sigma 1
    weight = float(head + torso) / 2
    assert losses["weight"].item() == pytest.approx(weight, rel=1e-5)
    assert losses["loss"].item() == pytest.approx(2 * weight * math.log(12), rel=1e-5)


def test_what_a_network_sees_of_crops() -> None:
    torch.manual_seed(0)
    network = build("attention_s", {"width": 0.35}).eval()
    images = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        both = parsing_predictor(network)(images)
        mirrored = parsing_predictor(network)(images.flip(-1))
    assert both.parsing is not None and mirrored.parsing is not None
    torch.testing.assert_close(torch.from_numpy(both.parsing.sum(1)), torch.ones(2, 16, 16))
    torch.testing.assert_close(torch.from_numpy(both.parsing), torch.from_numpy(mirrored.parsing).flip(-1))
    assert both.xy is None
