import numpy as np
import pytest

from posepart.config import SkeletonMapConfig
from posepart.schema import FLIP_JOINTS, NUM_JOINTS, NUM_PARTS, Joint, Part
from posepart.skeleton_maps import draw_skeleton
from posepart.structures import Pose

CONFIG = SkeletonMapConfig()
LABEL = 1 / (NUM_PARTS - 1)


def pose_of(joints: dict[Joint, tuple[float, float]]) -> Pose:
    xy, scores = np.zeros((NUM_JOINTS, 2), np.float32), np.zeros(NUM_JOINTS, np.float32)
    for joint, place in joints.items():
        xy[joint], scores[joint] = place, 0.9
    return Pose(xy, scores, -1.0)


@pytest.mark.parametrize("pose", [None, pose_of({})])
def test_no_pose_gives_empty_maps(pose: Pose | None) -> None:
    maps = draw_skeleton(pose, 4.0, (64, 64), CONFIG, 256)
    assert maps.shape == (2, 64, 64)
    assert maps.dtype == np.float32
    assert not maps.any()


def test_disc_of_radius_3_with_the_first_part_of_the_joint() -> None:
    joints, sticks = draw_skeleton(pose_of({Joint.LEFT_ELBOW: (20, 30)}), 1.0, (64, 64), CONFIG, 64)
    assert set(np.unique(joints)) == {0, np.float32(Part.UPPER_ARM * LABEL)}
    y, x = np.mgrid[:64, :64]
    radius = np.hypot(x - 20, y - 30)
    np.testing.assert_array_equal(joints > 0, radius <= 3)
    assert not sticks.any()


def test_stick_of_width_7_with_the_part_of_the_pair() -> None:
    pose = pose_of({Joint.LEFT_ELBOW: (10, 30), Joint.LEFT_WRIST: (50, 30)})
    sticks = draw_skeleton(pose, 1.0, (64, 64), CONFIG, 64)[1]
    column = sticks[:, 30]
    np.testing.assert_allclose(column[27:34], Part.LOWER_ARM * LABEL)
    assert np.count_nonzero(column) == 7


def test_joints_that_are_no_neighbours_have_no_stick() -> None:
    pose = pose_of({Joint.FOREHEAD: (10, 30), Joint.LEFT_WRIST: (50, 30)})
    assert not draw_skeleton(pose, 1.0, (64, 64), CONFIG, 64)[1].any()


def test_cells_hold_the_average_of_their_crop_pixels() -> None:
    rng = np.random.default_rng(0)
    pose = pose_of({joint: tuple(rng.uniform(0, 255, 2)) for joint in Joint})
    fine = draw_skeleton(pose, 1.0, (256, 256), CONFIG, 256)
    coarse = draw_skeleton(pose, 4.0, (64, 64), CONFIG, 256)
    np.testing.assert_allclose(coarse, fine.reshape(2, 64, 4, 64, 4).mean(axis=(2, 4)), atol=1e-6)


def test_a_mirrored_pose_gives_mirrored_maps() -> None:
    rng = np.random.default_rng(1)
    xy = rng.uniform(20, 235, (NUM_JOINTS, 2)).astype(np.float32)
    mirrored = (np.array([255, 0]) + xy * [-1, 1])[list(FLIP_JOINTS)].astype(np.float32)
    ones = np.ones(NUM_JOINTS, np.float32)
    maps = draw_skeleton(Pose(xy, ones, 0.0), 4.0, (64, 64), CONFIG, 256)
    flipped = draw_skeleton(Pose(mirrored, ones, 0.0), 4.0, (64, 64), CONFIG, 256)
    np.testing.assert_allclose(maps[:, :, ::-1], flipped, atol=1e-6)


def test_joints_outside_the_crop_are_drawn_as_far_as_they_reach_in() -> None:
    pose = pose_of({Joint.LEFT_KNEE: (-500, 30), Joint.LEFT_ANKLE: (32, 30)})
    joints, sticks = draw_skeleton(pose, 1.0, (64, 64), CONFIG, 64)
    assert sticks[30, :32].all()
    assert np.count_nonzero(joints) > 0


def test_maps_that_do_not_cover_the_crop_are_refused() -> None:
    with pytest.raises(ValueError, match="do not cover a crop of 256 px"):
        draw_skeleton(None, 4.0, (32, 32), CONFIG, 256)
