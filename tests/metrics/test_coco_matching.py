"""Box AP and OKS-AP by hand, and against pycocotools on random scenes."""

import contextlib
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from helpers.fixtures import PredictedOf, Scenes, TruthOf
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from posepart.geometry.boxes import box_areas
from posepart.metrics.average_precision import Detections, merge_detections
from posepart.metrics.coco_matching import (
    COCO_THRESHOLDS,
    coco_average_precision,
    match_boxes,
    match_detections,
    match_poses,
)
from posepart.metrics.people import LabelledPeople, PredictedPeople
from posepart.metrics.similarity import BODY_SHARE_OF_BOX
from posepart.schema import LIMB_JOINTS, OKS_SIGMAS

NONE = np.zeros((0, 4))
Record = dict[str, Any]


def boxes_of(*rows: tuple[float, float, float, float]) -> NDArray:
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def test_nobody() -> None:
    empty = match_boxes(NONE, np.zeros(0), NONE, NONE)
    assert np.isnan(coco_average_precision(empty)["ap"])
    assert coco_average_precision(match_boxes(NONE, np.zeros(0), boxes_of((0, 0, 9, 9)), NONE))["ap"] == 0
    assert len(match_poses(PredictedPeople.empty(), LabelledPeople.empty()).scores) == 0


def test_wrong_thresholds_are_refused() -> None:
    with pytest.raises(ValueError, match="COCO_THRESHOLDS"):
        coco_average_precision(Detections.empty())


def test_a_ground_truth_is_matched_once() -> None:
    similarity = np.array([[0.9, 0.6], [0.8, 0.2]])
    never = np.zeros(2, dtype=bool)
    matches = match_detections(similarity, np.array([0.5, 0.9]), never, never, np.array([0.5]))
    np.testing.assert_array_equal(matches, [[1, 0]])


def test_boxes_by_hand() -> None:
    truth = boxes_of((0, 0, 10, 10), (50, 50, 60, 60))
    predicted = boxes_of((0, 0, 10, 8), (0, 0, 10, 10), (50, 50, 60, 60))
    judged = match_boxes(predicted, np.array([0.9, 0.8, 0.7]), truth, NONE)
    # IoU 0.8 of the first takes the person up to 0.8; above, the exact second box does.
    np.testing.assert_array_equal(judged.hits[:7], [[True, False, True]] * 7)
    np.testing.assert_array_equal(judged.hits[7:], [[False, True, True]] * 3)


def test_boxes_in_an_ignore_region_count_neither_way() -> None:
    predicted = boxes_of((0, 0, 10, 10), (2, 2, 8, 8), (90, 90, 99, 99))
    judged = match_boxes(predicted, np.ones(3), NONE, boxes_of((0, 0, 10, 10)), np.array([0.5]))
    np.testing.assert_array_equal(judged.ignored, [[True, True, False]])
    assert judged.positives.sum() == 0


def test_people_without_joints_are_ignored(
    standing: NDArray, truth_of: TruthOf, predicted_of: PredictedOf
) -> None:
    labelled = np.array([[True] * 14, [False] * 14])
    truth = truth_of([standing, standing + 500], labelled)
    truth = LabelledPeople(truth.xy, labelled, np.array([truth.boxes[0], truth.boxes[0] + 500]))
    judged = match_poses(predicted_of([standing, standing + 500]), truth)
    np.testing.assert_array_equal(judged.ignored[0], [False, True])
    assert coco_average_precision(judged)["ap"] == 1
    only_second = match_poses(predicted_of([standing]), truth, counted=np.array([False, True]))
    assert only_second.positives.sum() == 0


def test_perfect_and_shuffled(scenes: Scenes) -> None:
    def score(order: np.random.Generator) -> dict[str, float]:
        judged = []
        for predicted, truth in scenes:
            rows = np.argsort(order.random(len(predicted)))
            columns = np.argsort(order.random(len(truth)))
            judged.append(match_poses(predicted.select(rows), truth.select(columns)))
        return coco_average_precision(merge_detections(judged))

    assert score(np.random.default_rng(0)) == score(np.random.default_rng(1))
    exact = [
        match_poses(
            PredictedPeople(t.xy, np.where(t.labelled, 0.9, 0.0), t.boxes, np.ones(len(t)), np.ones(len(t))),
            t,
        )
        for _, t in scenes
    ]
    assert coco_average_precision(merge_detections(exact)) == {"ap": 1, "ap50": 1, "ap75": 1}


def run_pycocotools(
    images: list[Record],
    annotations: list[Record],
    results: list[Record],
    task: str,
    prepare: Callable[[Any], None] = lambda parameters: None,
) -> NDArray:
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {"images": images, "annotations": annotations, "categories": [{"id": 1}]}
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(results), task)
        prepare(evaluation.params)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats[:3]


def xywh(box: NDArray) -> list[float]:
    return [float(box[0]), float(box[1]), float(box[2] - box[0]), float(box[3] - box[1])]


def test_boxes_agree_with_pycocotools() -> None:
    random = np.random.default_rng(3)
    images: list[Record] = []
    annotations: list[Record] = []
    results: list[Record] = []
    judged = []
    for image in range(1, 31):
        corners = random.uniform(0, 100, (random.integers(0, 6), 2))
        truth = np.concatenate([corners, corners + random.uniform(10, 60, corners.shape)], axis=1)
        regions = truth[len(truth) - len(truth) // 3 :]
        truth = truth[: len(truth) - len(regions)]
        near = np.repeat(np.concatenate([truth, regions]), 2, axis=0)
        predicted = near + random.normal(0, 4, near.shape)
        scores = random.random(len(predicted))
        judged.append(match_boxes(predicted, scores, truth, regions))
        images.append({"id": image})
        for crowd, boxes in ((0, truth), (1, regions)):
            for box in boxes:
                annotations.append(
                    {"id": len(annotations) + 1, "image_id": image, "category_id": 1, "iscrowd": crowd}
                    | {"bbox": xywh(box), "area": float(box_areas(box[None])[0])}
                )
        results += [
            {"image_id": image, "category_id": 1, "bbox": xywh(b), "score": float(s)}
            for b, s in zip(predicted, scores, strict=True)
        ]
    expected = run_pycocotools(images, annotations, results, "bbox")
    ours = coco_average_precision(merge_detections(judged))
    assert 0.1 < ours["ap"] < 0.9
    np.testing.assert_allclose([ours["ap"], ours["ap50"], ours["ap75"]], expected, atol=1e-12)


def test_oks_agrees_with_pycocotools(scenes: Scenes) -> None:
    """On the 12 limb joints, absent joints placed far away for pycocotools."""
    limbs = list(LIMB_JOINTS)
    images: list[Record] = []
    annotations: list[Record] = []
    results: list[Record] = []
    judged = []
    for image, (predicted, truth) in enumerate(scenes, start=1):
        judged.append(match_poses(predicted, truth))
        images.append({"id": image})
        for xy, labelled, box in zip(truth.xy, truth.labelled, truth.boxes, strict=True):
            keypoints = np.concatenate([xy, 2.0 * labelled[:, None]], axis=1)[limbs]
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image, "category_id": 1, "iscrowd": 0}
                | {"bbox": xywh(box), "area": float(box_areas(box[None])[0] * BODY_SHARE_OF_BOX)}
                | {"keypoints": keypoints.ravel().tolist(), "num_keypoints": int(labelled[limbs].sum())}
            )
        for xy, present, score in zip(predicted.xy, predicted.present, predicted.pose_scores, strict=True):
            far = np.where(present[:, None], xy, -1e4)
            keypoints = np.concatenate([far, np.ones((14, 1))], axis=1)[limbs]
            results.append(
                {"image_id": image, "category_id": 1, "score": float(score)}
                | {"keypoints": keypoints.ravel().tolist()}
            )

    def use_our_sigmas(parameters: Any) -> None:
        parameters.kpt_oks_sigmas = OKS_SIGMAS[limbs]

    expected = run_pycocotools(images, annotations, results, "keypoints", use_our_sigmas)
    ours = coco_average_precision(merge_detections(judged))
    assert 0.1 < ours["ap"] < 0.9
    np.testing.assert_allclose([ours["ap"], ours["ap50"], ours["ap75"]], expected, atol=1e-12)
    assert len(COCO_THRESHOLDS) == 10
