"""Eqs. (1) and (2) against examples computed by hand."""

import math

import pytest
import torch
import torch.nn.functional as F

from posepart.models.jppnet.structure_loss import (
    StructureLossConfig,
    gaussian_maps,
    joint_structure_loss,
    parsing_loss,
    region_centres,
    released_structure_loss,
    resize_labels,
    structure_sensitive_loss,
    structure_weight,
)
from posepart.schema import POSEPART
from posepart.schema.lip import LIP_REGIONS, LipLabel

REGIONS = list(LIP_REGIONS.values())
# With this sigma a neighbouring cell has the value 1/2, a diagonal one 1/4, one two cells away 1/16.
HALVING = 1 / math.sqrt(2 * math.log(2))


def one_row(*labels: int) -> torch.Tensor:
    return torch.tensor([[list(labels)]])


def scores_of(labels: torch.Tensor, classes: int, margin: float = 3.0) -> torch.Tensor:
    return margin * F.one_hot(labels, classes).permute(0, 3, 1, 2).float()


def test_an_empty_picture_has_no_joints() -> None:
    centres, present = region_centres(torch.zeros(2, 3, 4, dtype=torch.long), REGIONS)
    assert (centres.shape, present.shape) == ((2, 9, 2), (2, 9))
    assert not present.any()
    assert not gaussian_maps(centres, present, (3, 4)).any()
    empty = torch.zeros(2, 3, 4)
    assert structure_weight(empty, empty, REGIONS, StructureLossConfig()).tolist() == [0, 0]


def test_centres_by_hand() -> None:
    labels = torch.tensor([[
        [LipLabel.HAT, LipLabel.HAIR, 0, LipLabel.LEFT_ARM],
        [LipLabel.FACE, 0, 0, LipLabel.LEFT_ARM],
        [LipLabel.DRESS, LipLabel.GLOVE, LipLabel.SKIRT, LipLabel.PANTS],
    ]])  # fmt: skip
    centres, present = region_centres(labels, REGIONS)
    found = {n: tuple(c) for n, c, p in zip(LIP_REGIONS, centres[0].tolist(), present[0], strict=True) if p}
    assert found == {"head": pytest.approx((1 / 3, 1 / 3)), "left_arm": (3, 0.5), "lower_body": (2.5, 2)}


def test_a_heat_map_by_hand() -> None:
    maps = gaussian_maps(torch.tensor([[[1.0, 0.0]]]), torch.tensor([[True]]), (2, 3), HALVING, peak=8.0)
    torch.testing.assert_close(maps[0, 0], torch.tensor([[4.0, 8.0, 4.0], [2.0, 4.0, 2.0]]))


def test_equation_1_by_hand() -> None:
    predicted, truth = torch.zeros(1, 2, 1, 3), torch.zeros(1, 2, 1, 3)
    predicted[0, 0, 0] = torch.tensor([1.0, 2.0, 0.0])
    truth[0, 0, 0] = torch.tensor([0.0, 0.0, 2.0])
    truth[0, 1, 0, 0] = 3.0  # 1 + 4 + 4 + 9 = 18, over 2 N = 4
    assert joint_structure_loss(predicted, truth, torch.tensor([2])).tolist() == [4.5]


def test_structure_weight_by_hand() -> None:
    """The head is one cell off, the left shoe is missed, and there is a right shoe too many."""
    face, left, right = LipLabel.FACE, LipLabel.LEFT_SHOE, LipLabel.RIGHT_SHOE
    truth, predicted = one_row(face, 0, 0, left), one_row(0, face, right, 0)
    # Heat maps (1, 1/2, 1/16, 1/512) and so on; head: (1/2, -1/2, -7/16, -31/512) when one cell off.
    off = 1 / 4 + 1 / 4 + (7 / 16) ** 2 + (31 / 512) ** 2
    missed = 1 + 1 / 4 + 1 / 256 + 1 / 512**2  # the whole map against zeros: the left shoe at the border
    invented = 1 + 1 / 4 + 1 / 4 + 1 / 256  # the right shoe, one cell from the border
    config = StructureLossConfig(sigma=HALVING)
    expected = (off + missed + invented) / (2 * 2)  # N = 2: the true head and the true left shoe
    torch.testing.assert_close(
        structure_weight(predicted, truth, REGIONS, config), torch.tensor([expected]), rtol=1e-5, atol=0
    )


def test_equation_2_by_hand() -> None:
    face = LipLabel.FACE
    truth, predicted = one_row(face, 0), one_row(0, face)
    logits = scores_of(predicted, 20, margin=math.log(3)).requires_grad_()
    # Joints: maps (1, 1/2) against (1/2, 1); 1 / (2 * 1) * (1/4 + 1/4) = 1/4.
    # Softmax of the wrong one of 20 labels: 1 / (3 + 19); both cells are wrong.
    loss = structure_sensitive_loss(logits, truth, REGIONS, StructureLossConfig(sigma=HALVING))
    assert loss.item() == pytest.approx(math.log(22) / 4, rel=1e-5)
    loss.backward()
    # The gradient is that of the softmax loss times the weight: (p - 1) / 2 cells * 1/4 at the true label.
    assert logits.grad is not None
    assert logits.grad[0, face, 0, 0].item() == pytest.approx((1 / 22 - 1) / 2 / 4, rel=1e-5)


def test_a_sound_structure_weighs_nothing() -> None:
    labels = one_row(LipLabel.FACE, LipLabel.COAT, 0)
    assert structure_sensitive_loss(scores_of(labels, 20), labels, REGIONS).item() == 0


def test_images_are_weighed_one_by_one() -> None:
    truth = torch.cat([one_row(LipLabel.FACE, 0), one_row(LipLabel.FACE, 0)])
    predicted = torch.cat([one_row(0, LipLabel.FACE), one_row(LipLabel.FACE, 0)])
    logits = scores_of(predicted, 20)
    both = structure_sensitive_loss(logits, truth, REGIONS)
    alone = structure_sensitive_loss(logits[:1], truth[:1], REGIONS)
    torch.testing.assert_close(both, alone / 2)


def test_unlabelled_cells_have_no_joints() -> None:
    truth = one_row(255, LipLabel.FACE)
    predicted = one_row(LipLabel.LEFT_SHOE, LipLabel.FACE)
    assert structure_weight(predicted, truth, REGIONS, StructureLossConfig()).item() == 0
    assert parsing_loss(torch.randn(1, 20, 1, 2), one_row(255, 255)).tolist() == [0]


def test_labels_are_resized_to_the_cells() -> None:
    labels = torch.arange(16).view(1, 4, 4)
    assert resize_labels(labels, (2, 2)).tolist() == [[[5, 7], [13, 15]]]
    logits = scores_of(torch.zeros(1, 2, 2, dtype=torch.long), 7)
    large = torch.zeros(1, 4, 4, dtype=torch.uint8)
    assert structure_sensitive_loss(logits, large, list(POSEPART.regions.values())).item() == 0


def test_released_configuration_by_hand() -> None:
    """Peak 4 / sqrt(2 pi), whole cells, no 1 / N, times 0.05."""
    face = LipLabel.FACE
    truth, predicted = one_row(face, 0, 0, 0), one_row(0, 0, face, face)  # centres 0 and 2.5, cut down to 2
    peak = 4 / math.sqrt(2 * math.pi)
    values = [math.exp(-(d**2) / 2) for d in range(4)]
    difference = [values[0] - values[2], 0, values[2] - values[0], values[3] - values[1]]
    expected = 0.05 * peak**2 * sum(d**2 for d in difference) / 2
    found = structure_weight(predicted, truth, REGIONS, released_structure_loss())
    assert found.item() == pytest.approx(expected, rel=1e-5)
