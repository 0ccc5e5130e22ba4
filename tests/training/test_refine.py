"""Training of the second stage."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from posepart.config import SkeletonMapConfig
from posepart.models.refine import RefineFCN
from posepart.schema import IGNORE, Joint, Part
from posepart.stages.skeleton_maps import PoseEncoder
from posepart.structures import Pose
from posepart.training.refine import (
    RefineBatches,
    RefineEvaluation,
    RefineExamples,
    RefineLoss,
    encoded,
    labelled_share,
)

ENCODE = PoseEncoder("labels", 24)


def examples(count: int = 5, size: int = 6) -> RefineExamples:
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(count):
        parts = rng.dirichlet(np.ones(7), (size, size)).transpose(2, 0, 1)
        pose = Pose(
            rng.uniform(0, 4 * size, (14, 2)).astype(np.float32), rng.random(14).astype(np.float32), 0.0
        )
        rows.append((parts, pose, rng.integers(0, 7, (size, size)).astype(np.uint8)))
    return RefineExamples.stack(rows)


def batches_of(source: RefineExamples, batch_size: int, seed: int) -> RefineBatches:
    return RefineBatches(source, ENCODE, batch_size, seed)


def test_stacked_examples_are_log_probabilities() -> None:
    parts = np.zeros((7, 2, 2))
    parts[Part.TORSO] = 1.0
    xy, scores = np.full((14, 2), 3, np.float32), np.zeros(14, np.float32)
    scores[4] = 0.3
    stacked = RefineExamples.stack([(parts, Pose(xy, scores, 0.0), np.zeros((2, 2), np.uint8))])
    assert len(stacked) == 1
    assert (stacked.parts.dtype, stacked.poses.dtype, stacked.labels.dtype) == (
        np.float16,
        np.float32,
        np.uint8,
    )
    assert stacked.poses[0, 4].tolist() == [3, 3, 1]
    assert np.count_nonzero(stacked.poses) == 3
    assert (stacked.parts[0, Part.TORSO] == 0).all()
    np.testing.assert_allclose(stacked.parts[0, Part.HEAD], np.log(1e-6), rtol=1e-3)


def test_a_box_without_a_pose_has_empty_maps() -> None:
    parts = np.full((7, 6, 6), 1 / 7)
    stacked = RefineExamples.stack([(parts, None, np.zeros((6, 6), np.uint8))])
    assert not encoded(ENCODE, stacked.poses, (6, 6)).any()


def test_same_step_same_batch() -> None:
    batches, again = batches_of(examples(), 8, 3), batches_of(examples(), 8, 3)
    again[0]
    for key, value in batches[5].items():
        assert torch.equal(value, again[5][key])
    assert not torch.equal(batches[5]["parts"], batches[6]["parts"])
    assert not torch.equal(batches[5]["parts"], batches_of(examples(), 8, 4)[5]["parts"])


def test_every_crop_is_whole_or_mirrored_as_a_whole() -> None:
    source = examples()
    batch = batches_of(source, 40, 0)[0]
    assert batch["parts"].dtype == batch["poses"].dtype == torch.float32
    assert batch["labels"].dtype == torch.uint8
    mirrored = 0
    for parts, poses, labels in zip(batch["parts"], batch["poses"], batch["labels"], strict=True):
        for row in range(len(source)):
            for turn in (1, -1):
                if np.array_equal(labels, source.labels[row][:, ::turn]):
                    np.testing.assert_array_equal(parts, source.parts[row].astype(np.float32)[..., ::turn])
                    own = encoded(ENCODE, source.poses[row : row + 1], (6, 6))[0].numpy()
                    np.testing.assert_array_equal(poses, own[..., ::turn])
                    mirrored += turn == -1
                    break
            else:
                continue
            break
        else:
            pytest.fail("a crop that is none of the examples")
    assert 10 <= mirrored <= 30


def test_joints_change_sides_in_mirrored_crops() -> None:
    """A joint label map holds ids of joints, so that the mirrored map of a left wrist would be wrong."""
    encode = PoseEncoder("labels", 24, SkeletonMapConfig(joint_values="joints", sharp=True))
    xy, scores = np.zeros((14, 2), np.float32), np.zeros(14, np.float32)
    xy[Joint.LEFT_WRIST], scores[Joint.LEFT_WRIST] = (5.5, 13.5), 0.9
    parts = np.full((7, 6, 6), 1 / 7)
    labels = np.tile(np.arange(6, dtype=np.uint8), (6, 1))
    source = RefineExamples.stack([(parts, Pose(xy, scores, 0.0), labels)])
    before = source.poses.copy()
    batch = RefineBatches(source, encode, 40, 0)[0]
    turned = batch["labels"][:, 0, 0] == 5
    assert 10 <= int(turned.sum()) <= 30
    for row, maps in enumerate(batch["poses"].numpy()):
        joint, column = (Joint.RIGHT_WRIST, 4) if turned[row] else (Joint.LEFT_WRIST, 1)
        assert maps[0, 3, column] == np.float32((joint + 1) / 14)
        assert set(np.unique(maps[0])) == {0, np.float32((joint + 1) / 14)}
    np.testing.assert_array_equal(source.poses, before)


def test_background_that_the_first_stage_is_sure_of_is_ignored() -> None:
    parts = np.full((7, 3, 3), 0.01)
    parts[Part.BACKGROUND] = [0.99, 0.9, 0.99]
    labels = np.tile(np.array([Part.BACKGROUND, Part.BACKGROUND, Part.HEAD], np.uint8), (3, 1))
    source = RefineExamples.stack([(parts, None, labels)])
    seen = RefineBatches(source, PoseEncoder("labels", 12), 1, 0)[0]["labels"][0, 0].tolist()
    assert sorted(seen) == [Part.BACKGROUND, Part.HEAD, IGNORE]


def test_drawing_a_batch_leaves_the_examples_alone() -> None:
    source = examples()
    before = source.labels.copy()
    batches_of(source, 40, 0)[0]
    np.testing.assert_array_equal(source.labels, before)


def test_loss_is_that_of_the_refined_scores() -> None:
    class Flat(nn.Module):
        def forward(self, parts: Tensor, poses: Tensor) -> Tensor:
            return parts * 0 + poses.sum() * 0

    batch = batches_of(examples(), 4, 0)[0]
    assert float(RefineLoss([1.0] * 7)(Flat(), batch)["loss"]) == pytest.approx(np.log(7), rel=1e-5)


def test_untrained_refinement_gains_nothing() -> None:
    result = RefineEvaluation(examples(20), ENCODE)(RefineFCN(width=8), batch=7)
    assert result["gain"] == 0
    assert 0 < result["miou_first_stage"] == result["miou_second_stage"] < 1


def test_a_refinement_that_knows_the_truth_gains() -> None:
    source = examples(4)

    class Truth(nn.Module):
        def forward(self, parts: Tensor, poses: Tensor) -> Tensor:
            labels = torch.from_numpy(source.labels[: len(parts)]).long()
            return nn.functional.one_hot(labels, 7).permute(0, 3, 1, 2).float()

    result = RefineEvaluation(source, ENCODE)(Truth())
    assert result["miou_second_stage"] == 1
    assert result["gain"] == pytest.approx(1 - result["miou_first_stage"])


def test_labelled_share() -> None:
    labels = np.array([[0, IGNORE], [3, IGNORE]], np.uint8)
    assert labelled_share(labels) == 0.5
