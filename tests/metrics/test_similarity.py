import numpy as np
from helpers.fixtures import PredictedOf, TruthOf
from numpy.typing import NDArray

from posepart.metrics.people import LabelledPeople, PredictedPeople
from posepart.metrics.similarity import object_keypoint_similarity, pose_box_iou, pose_boxes
from posepart.schema import OKS_SIGMAS, Joint


def test_pose_boxes_by_hand(standing: NDArray) -> None:
    present = np.zeros((3, 14), dtype=bool)
    present[1, Joint.NECK] = True
    present[2] = True
    boxes = pose_boxes(np.stack([standing] * 3), present)
    np.testing.assert_array_equal(boxes, [[0, 0, 0, 0], [-0.5, 19.5, 0.5, 20.5], [-30.5, -0.5, 30.5, 150.5]])


def test_pose_box_of_one_joint_overlaps_itself(
    standing: NDArray, truth_of: TruthOf, predicted_of: PredictedOf
) -> None:
    scores = np.zeros((1, 14))
    scores[0, Joint.NECK] = 0.5
    overlap = pose_box_iou(predicted_of([standing], [1.0], scores), truth_of([standing], scores > 0))
    np.testing.assert_array_equal(overlap, [[1.0]])


def test_oks_of_nobody(standing: NDArray, truth_of: TruthOf, predicted_of: PredictedOf) -> None:
    assert object_keypoint_similarity(PredictedPeople.empty(), truth_of([standing])).shape == (0, 1)
    assert object_keypoint_similarity(predicted_of([standing]), LabelledPeople.empty()).shape == (1, 0)


def test_oks_by_hand(standing: NDArray, truth_of: TruthOf, predicted_of: PredictedOf) -> None:
    moved = standing.copy()
    moved[Joint.LEFT_WRIST] += (3, 4)
    joints = (Joint.LEFT_ELBOW, Joint.LEFT_WRIST)
    similarity = object_keypoint_similarity(
        predicted_of([moved]), truth_of([standing]), joints, areas=np.array([400.0])
    )
    wrist = np.exp(-25 / (2 * 400 * (2 * OKS_SIGMAS[Joint.LEFT_WRIST]) ** 2))
    np.testing.assert_allclose(similarity, [[(1 + wrist) / 2]])


def test_oks_of_an_absent_joint_is_zero(
    standing: NDArray, truth_of: TruthOf, predicted_of: PredictedOf
) -> None:
    scores = np.ones((1, 14))
    scores[0, Joint.LEFT_WRIST] = 0
    similarity = object_keypoint_similarity(predicted_of([standing], [1.0], scores), truth_of([standing]))
    np.testing.assert_allclose(similarity, [[13 / 14]])


def test_oks_ignores_unlabelled_joints(
    standing: NDArray, truth_of: TruthOf, predicted_of: PredictedOf
) -> None:
    labelled = np.ones((1, 14), dtype=bool)
    labelled[0, Joint.LEFT_WRIST] = False
    moved = standing.copy()
    moved[Joint.LEFT_WRIST] += 500
    similarity = object_keypoint_similarity(predicted_of([moved]), truth_of([standing], labelled))
    np.testing.assert_allclose(similarity, [[1.0]])
