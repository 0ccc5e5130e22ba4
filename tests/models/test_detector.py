"""The person detector's network: shapes, ignore regions, empty pictures."""

import pytest
import torch

from posepart.models.detector import (
    GUIDANCE,
    GUIDE,
    GUIDE_BOXES,
    GUIDE_FLOOR,
    GUIDE_TRUST,
    IGNORE,
    PERSON,
    PersonDetectorNetwork,
    best_boxes,
    guided_person_detector,
    ignored_boxes,
    opinion,
    person_detector,
)
from posepart.models.weights import is_part


@pytest.fixture(scope="module")
def network() -> PersonDetectorNetwork:
    torch.manual_seed(0)
    return person_detector(width=0.25, channels=16, hidden=8, input_size=128)


def target(boxes: list[list[float]], labels: list[int]) -> dict[str, torch.Tensor]:
    return {
        "boxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        "labels": torch.tensor(labels, dtype=torch.int64),
    }


def test_no_region_ignores_nothing() -> None:
    assert not ignored_boxes(torch.tensor([[0.0, 0, 4, 4]]), torch.zeros(0, 4)).any()
    assert ignored_boxes(torch.zeros(0, 4), torch.tensor([[0.0, 0, 4, 4]])).shape == (0,)


def test_ignored_boxes_lie_mostly_in_one_region() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 10], [6, 0, 16, 10]])
    boxes[1] += 4  # 36 of its 100 pixels in the region
    region = torch.tensor([[0.0, 0, 10, 10]])
    assert ignored_boxes(boxes, region).tolist() == [True, False, False]


def test_pyramid_strides(network: PersonDetectorNetwork) -> None:
    levels = network.backbone(torch.zeros(2, 3, 128, 96))
    assert {name: tuple(x.shape) for name, x in levels.items()} == {
        "4": (2, 16, 32, 24),
        "8": (2, 16, 16, 12),
        "16": (2, 16, 8, 6),
        "32": (2, 16, 4, 3),
        "64": (2, 16, 2, 2),
    }


def test_small_regions_are_read_at_the_finest_level(network: PersonDetectorNetwork) -> None:
    torch.manual_seed(2)
    levels = network.backbone(torch.rand(1, 3, 128, 96))
    small, large = torch.tensor([[10.0, 10, 40, 60]]), torch.tensor([[0.0, 0, 300, 400]])
    pool = network.roi_heads.box_roi_pool
    before = pool(levels, [torch.cat([small, large])], [(128, 96)])
    after = pool({**levels, "4": levels["4"] + 1}, [torch.cat([small, large])], [(128, 96)])
    torch.testing.assert_close(
        after - before, torch.ones_like(before) * torch.tensor([1.0, 0])[:, None, None, None]
    )


def test_the_finest_level_has_no_anchors(network: PersonDetectorNetwork) -> None:
    network.eval()
    images = network.transform([torch.rand(3, 128, 128)])[0]
    levels = network.backbone(images.tensors)
    proposals, _ = network.rpn(images, levels)
    without, _ = network.rpn(images, {**levels, "4": torch.zeros_like(levels["4"])})
    torch.testing.assert_close(proposals, without)


@pytest.mark.parametrize("guided_by_nanodet", [False, True], ids=["alone", "guided"])
def test_a_narrow_person_keeps_its_width_in_bfloat16(guided_by_nanodet: bool) -> None:
    torch.manual_seed(0)
    make = guided_person_detector if guided_by_nanodet else person_detector
    network = make(width=0.25, channels=16, hidden=8).train()
    narrow = target([[377.2, 88.4, 378.6, 115.1], [10, 10, 60, 90]], [PERSON, PERSON])
    with torch.autocast("cpu", torch.bfloat16):
        losses = network([torch.rand(3, 384, 512)], [narrow])
    assert all(torch.isfinite(loss) for loss in losses.values())


def test_anchors_in_ignore_regions_are_no_negatives(network: PersonDetectorNetwork) -> None:
    anchors = [torch.tensor([[0.0, 0, 10, 30], [50, 50, 60, 80], [90, 90, 100, 120]])]
    labels, _ = network.rpn.assign_targets_to_anchors(
        anchors, [target([[0, 0, 10, 30], [45, 45, 65, 85]], [PERSON, IGNORE])]
    )
    assert labels[0].tolist() == [1.0, -1.0, 0.0]


def test_a_person_inside_an_ignore_region_stays_positive(network: PersonDetectorNetwork) -> None:
    anchors = [torch.tensor([[0.0, 0, 10, 30]])]
    labels, _ = network.rpn.assign_targets_to_anchors(
        anchors, [target([[0, 0, 10, 30], [0, 0, 100, 100]], [PERSON, IGNORE])]
    )
    assert labels[0].tolist() == [1.0]


def test_proposals_in_ignore_regions_are_not_sampled(network: PersonDetectorNetwork) -> None:
    proposals = [torch.tensor([[1.0, 0, 11, 30], [50, 50, 60, 80], [90, 90, 100, 120]])]
    kept, _, labels, _ = network.roi_heads.select_training_samples(
        proposals, [target([[0, 0, 10, 30], [45, 45, 65, 85]], [PERSON, IGNORE])]
    )
    by_corner = {tuple(b[:2].tolist()): int(label) for b, label in zip(kept[0], labels[0], strict=True)}
    # the labelled box itself is added to the proposals
    assert by_corner == {(1.0, 0.0): 1, (90.0, 90.0): 0, (0.0, 0.0): 1}


@pytest.mark.parametrize(
    "targets",
    [
        [target([], []), target([], [])],
        [target([[10, 10, 40, 90]], [PERSON]), target([[10, 10, 40, 90]], [IGNORE])],
    ],
    ids=["nobody", "one person, one ignore region"],
)
def test_losses_are_finite_and_reach_every_head(
    network: PersonDetectorNetwork, targets: list[dict[str, torch.Tensor]]
) -> None:
    network.train()
    losses = network([torch.rand(3, 128, 96)] * 2, targets)
    assert set(losses) == {"loss_objectness", "loss_rpn_box_reg", "loss_classifier", "loss_box_reg"}
    total = sum(losses.values())
    assert torch.isfinite(total)
    network.zero_grad()
    total.backward()
    assert network.roi_heads.box_predictor.logits.weight.grad.abs().sum() > 0
    assert network.rpn.head.objectness.weight.grad.abs().sum() > 0
    assert network.backbone.lateral[0].weight.grad.abs().sum() > 0


@torch.inference_mode()
def test_batched_equals_single(network: PersonDetectorNetwork) -> None:
    network.eval()
    torch.manual_seed(1)
    images = [torch.rand(3, 128, 96), torch.rand(3, 128, 96)]
    together = network(images)
    for image, expected in zip(images, together, strict=True):
        alone = network([image])[0]
        torch.testing.assert_close(alone["scores"], expected["scores"], atol=1e-4, rtol=1e-3)


def test_only_training_pictures_keep_their_size(network: PersonDetectorNetwork) -> None:
    image = torch.rand(3, 64, 32)
    assert network.train().transform([image])[0].image_sizes == [(64, 32)]
    assert network.eval().transform([image])[0].image_sizes == [(128, 64)]


@pytest.fixture(scope="module")
def guided() -> PersonDetectorNetwork:
    torch.manual_seed(0)
    return guided_person_detector(width=0.25, channels=16, hidden=8, input_size=128)


def found(*rows: list[float]) -> torch.Tensor:
    """What the guide says of one image, filled up."""
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


def test_a_new_guide_changes_neither_features_nor_deltas(
    network: PersonDetectorNetwork, guided: PersonDetectorNetwork
) -> None:
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
    losses = guided([torch.rand(3, 128, 96)] * 2, [target([[10, 10, 40, 90]], [PERSON])] * 2)
    guided.zero_grad()
    sum(losses.values()).backward()
    assert all(p.grad is None for p in guided.backbone.guide.parameters())
    assert guided.roi_heads.box_predictor.trust.grad.abs() > 0
    assert all(join.weight.grad.abs().sum() > 0 for join in guided.backbone.joins)
