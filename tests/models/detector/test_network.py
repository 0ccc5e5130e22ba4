"""The person detector's network: shapes, ignore regions, empty pictures."""

import pytest
import torch

from posepart.models.builders import build
from posepart.models.detector.network import (
    IGNORE,
    PERSON,
    PersonDetectorNetwork,
    ignored_boxes,
    person_detector,
)


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


@pytest.mark.parametrize("builder", ["person_detector", "guided_person_detector"])
def test_a_narrow_person_keeps_its_width_in_bfloat16(builder: str) -> None:
    torch.manual_seed(0)
    network = build(builder, {"width": 0.25, "channels": 16, "hidden": 8}).train()
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
