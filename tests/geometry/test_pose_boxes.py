import numpy as np
import pytest

from posepart.geometry.pose_boxes import body_box, pose_extent, pose_fit


def test_extent_of_a_pose_by_hand() -> None:
    np.testing.assert_allclose(pose_extent(np.array([[20.0, 30.0], [40.0, 80.0]]), 0.1), [15, 25, 45, 85])


def test_fit_is_intersection_over_union_of_the_grown_extent() -> None:
    xy = np.array([[100.0, 100.0], [150.0, 200.0]])  # grown by 8 of 100 px: 66 x 116
    expected = 66 * 116 / (2 * 66 * 116)
    assert pose_fit(xy, np.array([92.0, 92.0, 158.0, 324.0]), 0.08) == pytest.approx(expected)
    assert pose_fit(xy, np.array([0.0, 0.0, 1.0, 1.0]), 0.08) == 0


def test_body_box_is_widened_to_the_aspect() -> None:
    head = np.array([[10, 10], [12, 30]])
    np.testing.assert_allclose(body_box(head, 0.5), [6, 10, 16, 30])
    np.testing.assert_allclose(body_box(head, 0.0), [10, 10, 12, 30])
    line = np.array([[50.0, 10.0], [50.0, 50.0]])
    np.testing.assert_allclose(body_box(line, 0.5), [40, 10, 60, 50])
    np.testing.assert_allclose(body_box(line, 0.0), [50, 10, 50, 50])


def test_too_few_joints_have_no_body_box() -> None:
    assert np.isnan(body_box(np.zeros((0, 2)), 0.5)).all()
    assert np.isnan(body_box(np.array([[1.0, 2.0]]), 0.5)).all()
    assert np.isnan(body_box(np.array([[1.0, 2.0], [1.0, 2.0]]), 0.5)).all()
