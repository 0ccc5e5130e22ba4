"""The guide adds features, proposals and log-odds to the person detector."""

import pytest
import torch

from posepart.models.detector.guided import (
    GUIDANCE,
    GUIDE,
    GUIDE_BOXES,
    GUIDE_FLOOR,
    GUIDE_TRUST,
    best_boxes,
    guided_person_detector,
    opinion,
)
from posepart.models.detector.network import PERSON, PersonDetectorNetwork, person_detector
from posepart.models.weight_files import is_part


@pytest.fixture(scope="module")
def guided() -> PersonDetectorNetwork:
    torch.manual_seed(0)
    return guided_person_detector(width=0.25, channels=16, hidden=8, input_size=128)


def found(*rows: list[float]) -> torch.Tensor:
    """The guide's boxes in one image, padded."""
    return best_boxes(torch.tensor(rows).reshape(-1, 5))


def test_best_boxes_are_suppressed_sorted_and_filled_up() -> None:
    best = found(
        [0, 0, 10, 10, 0.5], [0, 0, 10, 9, 1.5], [50, 50, 60, 60, 3.0], [80, 80, 90, 90, GUIDE_FLOOR - 1]
    )
    assert best.shape == (GUIDE_BOXES, 5)
    assert best[:2].tolist() == [[50, 50, 60, 60, 3.0], [0, 0, 10, 9, 1.5]]
    assert torch.isneginf(best[2:, 4]).all()


def test_the_opinion_of_a_proposal_is_that_of_the_best_box_on_it() -> None:
    said = found([0, 0, 10, 10, 1.5], [0, 0, 10, 15, 2.5], [50, 50, 60, 60, -1.0])
    proposals = torch.tensor([[0.0, 0, 10, 11], [50, 50, 60, 61], [0, 0, 30, 30], [5, 5, 5, 5]])
    torch.testing.assert_close(opinion(proposals, said), torch.tensor([2.5, -1.0, GUIDE_FLOOR, GUIDE_FLOOR]))
    torch.testing.assert_close(opinion(proposals, found()), torch.full((4,), GUIDE_FLOOR))


def test_a_new_guide_changes_no_features(guided: PersonDetectorNetwork) -> None:
    network = person_detector(width=0.25, channels=16, hidden=8, input_size=128)
    missing, unexpected = guided.load_state_dict(network.state_dict(), strict=False)
    assert not unexpected
    assert {name for name in missing if not any(is_part(name, part) for part in GUIDANCE)} == set()
    network.eval(), guided.eval()
    images = torch.rand(2, 3, 128, 96) * 2 - 1
    with torch.inference_mode():
        expected, levels = network.backbone(images), guided.backbone(images)
    assert set(levels) - set(expected) == {GUIDE}
    for name, level in expected.items():
        torch.testing.assert_close(levels[name], level)


@torch.inference_mode()
def test_guided_scores(guided: PersonDetectorNetwork) -> None:
    predictor = guided.roi_heads.box_predictor
    seen = torch.rand(3, 9)
    logits, deltas = predictor(seen)
    seen[:, 8] += 2
    higher, same = predictor(seen)
    torch.testing.assert_close(deltas, same)
    torch.testing.assert_close(higher - logits, torch.tensor([[0, 2 * GUIDE_TRUST]]).expand(3, 2))


@torch.inference_mode()
def test_boxes_of_the_guide_are_proposals(guided: PersonDetectorNetwork) -> None:
    guided.eval()
    images = guided.transform([torch.rand(3, 128, 96)])[0]
    levels = guided.backbone(images.tensors)
    said = found([10, 20, 40, 90, 2.0], [90, 100, 300, 300, 1.0], [128, 0, 140, 20, 0.0])
    plain, _ = guided.rpn(images, {**levels, GUIDE: found()[None]})
    with_guide, _ = guided.rpn(images, {**levels, GUIDE: said[None]})
    height, width = images.image_sizes[0]
    # cut at the image; the third lies outside it
    expected = torch.tensor([[10.0, 20, 40, 90], [90, 100, width, height]])
    torch.testing.assert_close(with_guide[0], torch.cat([plain[0], expected]))


def test_training_leaves_the_guide_alone(guided: PersonDetectorNetwork) -> None:
    guided.train()
    torch.manual_seed(3)
    target = {"boxes": torch.tensor([[10.0, 10, 40, 90]]), "labels": torch.tensor([PERSON])}
    losses = guided([torch.rand(3, 128, 96)] * 2, [target] * 2)
    guided.zero_grad()
    sum(losses.values()).backward()
    assert all(p.grad is None for p in guided.backbone.guide.parameters())
    assert guided.roi_heads.box_predictor.trust.grad.abs() > 0
    assert all(join.weight.grad.abs().sum() > 0 for join in guided.backbone.joins)
