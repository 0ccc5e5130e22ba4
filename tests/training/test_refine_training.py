"""Training of the second stage."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from posepart.models.refine import RefineFCN
from posepart.schema import IGNORE, Part
from posepart.training.refine import (
    RefineBatches,
    RefineEvaluation,
    RefineExamples,
    RefineLoss,
    labelled_share,
)


def examples(count: int = 5, size: int = 6) -> RefineExamples:
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(count):
        parts = rng.dirichlet(np.ones(7), (size, size)).transpose(2, 0, 1)
        rows.append((parts, rng.random((2, size, size)), rng.integers(0, 7, (size, size)).astype(np.uint8)))
    return RefineExamples.stack(rows)


def test_stacked_examples_are_log_probabilities() -> None:
    parts = np.zeros((7, 2, 2))
    parts[Part.TORSO] = 1.0
    stacked = RefineExamples.stack([(parts, np.ones((2, 2, 2)), np.zeros((2, 2), np.uint8))])
    assert len(stacked) == 1
    assert (stacked.parts.dtype, stacked.poses.dtype, stacked.labels.dtype) == (
        np.float16,
        np.float16,
        np.uint8,
    )
    assert (stacked.parts[0, Part.TORSO] == 0).all()
    np.testing.assert_allclose(stacked.parts[0, Part.HEAD], np.log(1e-6), rtol=1e-3)


def test_maps_can_be_left_out() -> None:
    whole = examples()
    no_joints = whole.keeping(joint_map=False, skeleton_map=True)
    assert not no_joints.poses[:, 0].any()
    np.testing.assert_array_equal(no_joints.poses[:, 1], whole.poses[:, 1])
    assert not whole.keeping(joint_map=False, skeleton_map=False).poses.any()
    np.testing.assert_array_equal(whole.keeping(True, True).poses, whole.poses)


def test_same_step_same_batch() -> None:
    batches, again = RefineBatches(examples(), 8, 3), RefineBatches(examples(), 8, 3)
    again[0]
    for key, value in batches[5].items():
        assert torch.equal(value, again[5][key])
    assert not torch.equal(batches[5]["parts"], batches[6]["parts"])
    assert not torch.equal(batches[5]["parts"], RefineBatches(examples(), 8, 4)[5]["parts"])


def test_every_crop_is_whole_or_mirrored_as_a_whole() -> None:
    source = examples()
    batch = RefineBatches(source, 40, 0)[0]
    assert batch["parts"].dtype == batch["poses"].dtype == torch.float32
    assert batch["labels"].dtype == torch.uint8
    mirrored = 0
    for parts, poses, labels in zip(batch["parts"], batch["poses"], batch["labels"], strict=True):
        for row in range(len(source)):
            for turn in (1, -1):
                if np.array_equal(labels, source.labels[row][:, ::turn]):
                    np.testing.assert_array_equal(parts, source.parts[row].astype(np.float32)[..., ::turn])
                    np.testing.assert_array_equal(poses, source.poses[row].astype(np.float32)[..., ::turn])
                    mirrored += turn == -1
                    break
            else:
                continue
            break
        else:
            pytest.fail("a crop that is none of the examples")
    assert 10 <= mirrored <= 30


def test_drawing_a_batch_leaves_the_examples_alone() -> None:
    source = examples()
    before = source.labels.copy()
    RefineBatches(source, 40, 0)[0]
    np.testing.assert_array_equal(source.labels, before)


def test_loss_is_that_of_the_refined_scores() -> None:
    class Flat(nn.Module):
        def forward(self, parts: Tensor, poses: Tensor) -> Tensor:
            return parts * 0 + poses.sum() * 0

    batch = RefineBatches(examples(), 4, 0)[0]
    assert float(RefineLoss([1.0] * 7)(Flat(), batch)["loss"]) == pytest.approx(np.log(7), rel=1e-5)


def test_untrained_refinement_gains_nothing() -> None:
    result = RefineEvaluation(examples(20))(RefineFCN(width=8, separable=True), batch=7)
    assert result["gain"] == 0
    assert 0 < result["miou_first_stage"] == result["miou_second_stage"] < 1


def test_a_refinement_that_knows_the_truth_gains() -> None:
    source = examples(4)

    class Truth(nn.Module):
        def forward(self, parts: Tensor, poses: Tensor) -> Tensor:
            labels = torch.from_numpy(source.labels[: len(parts)]).long()
            return nn.functional.one_hot(labels, 7).permute(0, 3, 1, 2).float()

    result = RefineEvaluation(source)(Truth())
    assert result["miou_second_stage"] == 1
    assert result["gain"] == pytest.approx(1 - result["miou_first_stage"])


def test_labelled_share() -> None:
    labels = np.array([[0, IGNORE], [3, IGNORE]], np.uint8)
    assert labelled_share(labels) == 0.5
