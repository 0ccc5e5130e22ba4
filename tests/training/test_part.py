"""Losses and evaluation of the Part FCN, by hand."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from posepart.config import CropConfig
from posepart.data.sample import LabelledPerson, Sample
from posepart.schema import IGNORE, Part
from posepart.training.part import PartEvaluation, PartLoss, PartLossConfig, part_loss, upsampled_argmax

SampleOf = Callable[..., Sample]


def test_nothing_labelled_costs_nothing_and_has_gradients() -> None:
    logits = torch.randn(1, 7, 2, 2, requires_grad=True)
    loss = part_loss(logits, torch.full((1, 2, 2), IGNORE, dtype=torch.uint8), torch.ones(7))
    assert loss.item() == 0
    loss.backward()
    assert logits.grad is not None
    assert not logits.grad.any()


def test_loss_by_hand() -> None:
    logits = torch.zeros(1, 7, 1, 3)
    logits[0, Part.HEAD, 0, 0] = np.log(6)  # probability 1/2 of the head, 1/12 of every other part
    labels = torch.tensor([[[Part.HEAD, Part.TORSO, IGNORE]]], dtype=torch.uint8)
    weights = torch.tensor([1.0, 2.0, 3.0, 1.0, 1.0, 1.0, 1.0])
    # weighted mean of log 2 (weight 2) and log 7 (weight 3); the ignored pixel does not count
    expected = (2 * np.log(2) + 3 * np.log(7)) / 5
    assert float(part_loss(logits, labels, weights)) == pytest.approx(expected, rel=1e-5)


def test_loss_of_a_batch() -> None:
    class Flat(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            assert x.dtype == torch.float32
            return torch.zeros(len(x), 7, 4, 4)

    batch = {
        "image": torch.zeros(2, 3, 16, 16, dtype=torch.uint8),
        "parts": torch.zeros(2, 4, 4, dtype=torch.uint8),
    }
    loss = PartLoss(PartLossConfig())(Flat(), batch)["loss"]
    assert float(loss) == pytest.approx(np.log(7), rel=1e-5)


def test_argmax_is_interpolated_between_cell_centres() -> None:
    scores = np.zeros((7, 1, 2), np.float32)
    scores[Part.HEAD, 0, 0] = scores[Part.TORSO, 0, 1] = 1
    assert upsampled_argmax(scores, (2, 8)).tolist() == [[1, 1, 1, 1, 2, 2, 2, 2]] * 2
    scores[Part.HEAD, 0, 0] = (
        3  # 3 (1 - t) against t: equal at t = 3/4, between columns 4 (5/8) and 5 (7/8)... of 8
    )
    assert upsampled_argmax(scores, (1, 8)).tolist() == [[1, 1, 1, 1, 1, 2, 2, 2]]


class Colours(nn.Module):
    """Red is head, green torso, all else background, at stride 4."""

    def forward(self, x: Tensor) -> Tensor:
        pooled = nn.functional.avg_pool2d(x, 4)
        scores = torch.zeros(len(x), 7, *pooled.shape[-2:])
        scores[:, Part.HEAD], scores[:, Part.TORSO] = pooled[:, 0], pooled[:, 1]
        return scores


def coloured_person() -> tuple[np.ndarray, np.ndarray, LabelledPerson]:
    parts = np.zeros((80, 80), np.uint8)
    parts[8:32, 24:56], parts[32:72, 24:56] = Part.HEAD, Part.TORSO
    image = np.zeros((80, 80, 3), np.uint8)
    image[parts == Part.HEAD, 0] = image[parts == Part.TORSO, 1] = 255
    return image, parts, LabelledPerson(np.array([0, 0, 79, 79], np.float32), None)


def test_evaluation_of_a_network_that_sees_the_parts(sample_of: SampleOf) -> None:
    image, parts, person = coloured_person()
    unlabelled = sample_of(image, [person], name="unlabelled")
    evaluation = PartEvaluation(
        [sample_of(image, [person], parts), unlabelled], CropConfig(size=100, margin=1.25)
    )
    assert len(evaluation.images) == 1
    result = evaluation(Colours())
    assert min(result["iou_background"], result["iou_head"], result["iou_torso"]) > 0.9
    assert result["iou_lower_leg"] == 0
    assert result["miou"] == pytest.approx(np.mean([v for k, v in result.items() if k != "miou"]))


def test_evaluation_without_parts() -> None:
    assert PartEvaluation([], CropConfig(size=64))(Colours()) == {}, "no measure, rather than one of 0"


def test_nothing_labelled_is_no_loss_and_no_gradient() -> None:
    logits = torch.randn(2, 7, 3, 3, requires_grad=True)
    loss = part_loss(logits, torch.full((2, 3, 3), IGNORE, dtype=torch.uint8), torch.ones(7))
    loss.backward()
    assert float(loss) == 0 and logits.grad is not None and not logits.grad.any()
