"""Scores of networks on labelled boxes, against a person whose joints and parts are known."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from torch import Tensor

from posepart.config import CropConfig
from posepart.data.sample import LabelledPerson, Sample
from posepart.schema import Joint, Part
from posepart.schema.lip import LIP, LipJoint, LipLabel
from posepart.stages.crops import box_affine
from posepart.training import crop_evaluation
from posepart.training.crop_evaluation import CropEvaluation, CropPrediction, values_of

SampleOf = Callable[..., Sample]
JointsAt = Callable[..., NDArray[np.float32]]
CROP = CropConfig(size=64, margin=1.0)
TORSO = {Joint.LEFT_SHOULDER: (10, 10), Joint.RIGHT_HIP: (10, 40), Joint.LEFT_WRIST: (40, 20)}  # 30 px long


def nothing(images: Tensor) -> CropPrediction:
    return CropPrediction(np.zeros((len(images), 7, 16, 16)), np.zeros((len(images), 14, 2)))


def test_no_photos_no_scores() -> None:
    (parts,) = CropEvaluation([], CROP)(nothing)
    assert (parts.name, parts.photos, parts.samples) == ("part_miou", 0, 0)
    assert values_of([parts]) == {}


def test_joints_by_hand(sample_of: SampleOf, joints_at: JointsAt) -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    box = np.array([0, 0, 63, 63], np.float32)
    joints = joints_at(TORSO)
    sample = sample_of(image, [LabelledPerson(box, joints)])
    affine = box_affine(box, CROP)

    def see(images: Tensor) -> CropPrediction:
        xy = np.zeros((len(images), 14, 2))
        xy[:] = affine.forward(joints[:, :2])
        xy[:, Joint.LEFT_WRIST, 0] += 7 * affine.scale  # 0.2 of the torso diameter of 30 px is 6 px
        return CropPrediction(np.zeros((len(images), 7, 16, 16)), xy)

    scores = CropEvaluation([sample], CROP)(see)
    assert [score.name for score in scores] == ["part_miou", "pck_human"], "no head length, no PCKh"
    assert values_of(scores)["pck_human"] == pytest.approx(2 / 3)
    assert scores[1].samples == 3
    assert scores[1].statistic(np.array([0])) != scores[1].statistic(np.array([1]))


def test_photos_are_weighed_one_by_one(sample_of: SampleOf) -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    person = LabelledPerson(np.array([0, 0, 63, 63], np.float32), None, "none")
    parts = np.full((64, 64), Part.HEAD, np.uint8)
    right = sample_of(image, [person], parts, name="right")
    wrong = sample_of(image, [person], parts + 1, name="wrong")

    def heads(images: Tensor) -> CropPrediction:
        scores = np.zeros((len(images), 7, 16, 16))
        scores[:, Part.HEAD] = 1
        return CropPrediction(scores)

    (parts_score,) = CropEvaluation([right, wrong], CROP)(heads)
    assert parts_score.photos == 2
    assert parts_score.statistic(np.array([1, 0])) > 0.9
    assert parts_score.statistic(np.array([0, 1])) == pytest.approx(0)


def test_lip_is_judged_in_its_own_schema(sample_of: SampleOf) -> None:
    """20 labels; PCKh by the head length of 10 px, without pelvis and spine."""
    labels = np.full((64, 64), LipLabel.LEFT_SHOE, np.uint8)
    joints = np.zeros((16, 3), np.float32)
    joints[LipJoint.HEAD_TOP], joints[LipJoint.NECK] = (30, 10, 2), (30, 20, 2)
    joints[LipJoint.LEFT_ANKLE], joints[LipJoint.SPINE] = (30, 60, 1), (30, 30, 2)
    sample = sample_of(np.zeros((64, 64, 3), np.uint8), [], labels)
    box = np.array([0, 0, 63, 63], np.float32)
    sample = replace(sample, people=(LabelledPerson(box, joints),), schema=LIP)
    affine = box_affine(box, CROP)

    def see(images: Tensor) -> CropPrediction:
        scores = np.zeros((len(images), 20, 16, 16))
        scores[:, LipLabel.LEFT_SHOE] = 1
        xy = np.zeros((len(images), 16, 2))
        xy[:] = affine.forward(joints[:, :2])
        xy[:, [LipJoint.LEFT_ANKLE, LipJoint.SPINE], 1] += 6 * affine.scale
        return CropPrediction(scores, xy)

    parts, joint_score = CropEvaluation([sample], CROP)(see)
    assert values_of([parts, joint_score]) == {"part_miou": 1.0, "pckh_human": pytest.approx(2 / 3)}
    assert "0.5 x neck-head top distance, 14 joints" in joint_score.counted
    given = replace(sample.people[0], head_size=12.0)  # MPII's head boxes come before the joints
    assert values_of(CropEvaluation([replace(sample, people=(given,))], CROP)(see))["pckh_human"] == 1


def test_too_many_crops_are_not_kept(sample_of: SampleOf, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = np.full((64, 64), Part.HEAD, np.uint8)
    person = LabelledPerson(np.array([0, 0, 63, 63], np.float32), None, "none")
    samples = [sample_of(np.zeros((64, 64, 3), np.uint8), [person], parts, name=f"{i}") for i in range(3)]
    kept = CropEvaluation(samples, CROP)
    monkeypatch.setattr(crop_evaluation, "KEPT", 2 * 4 * 64**2)
    lazy = CropEvaluation(samples, CROP)
    assert kept.kept is not None and lazy.kept is None
    assert values_of(kept(nothing, batch=2)) == values_of(lazy(nothing, batch=2))
