import numpy as np
import pytest

from posepart.arrays import Float32
from posepart.config import SkeletonMapConfig
from posepart.schema import FLIP_JOINTS, NUM_JOINTS, NUM_PARTS, SKELETON, Joint, Part
from posepart.stages.skeleton_maps import DISTANCES, JOINT_GROUPS, LABELS, LAYERS, STICK_GROUPS, PoseEncoder
from posepart.structures import Pose

CONFIG = SkeletonMapConfig()
LABEL = 1 / (NUM_PARTS - 1)


def skeleton_maps(
    pose: Pose | None, stride: float, shape: tuple[int, int], crop_size: int, encoding: str, **options: bool
) -> Float32:
    encode = PoseEncoder(encoding, crop_size, CONFIG, **options)
    return encode([] if pose is None else [pose], stride, shape)


def pose_of(joints: dict[Joint, tuple[float, float]]) -> Pose:
    xy, scores = np.zeros((NUM_JOINTS, 2), np.float32), np.zeros(NUM_JOINTS, np.float32)
    for joint, place in joints.items():
        xy[joint], scores[joint] = place, 0.9
    return Pose(xy, scores, -1.0)


@pytest.mark.parametrize("encoding", LAYERS)
@pytest.mark.parametrize("pose", [None, pose_of({})])
def test_no_pose_gives_empty_maps(pose: Pose | None, encoding: str) -> None:
    maps = skeleton_maps(pose, 4.0, (64, 64), 256, encoding)
    assert maps.shape == (sum(LAYERS[encoding]), 64, 64)
    assert maps.dtype == np.float32
    assert not maps.any()


def test_disc_of_radius_3_with_the_first_part_of_the_joint() -> None:
    joints, sticks = skeleton_maps(pose_of({Joint.LEFT_ELBOW: (20, 30)}), 1.0, (64, 64), 64, LABELS)
    assert set(np.unique(joints)) == {0, np.float32(Part.UPPER_ARM * LABEL)}
    y, x = np.mgrid[:64, :64]
    radius = np.hypot(x - 20, y - 30)
    np.testing.assert_array_equal(joints > 0, radius <= 3)
    assert not sticks.any()


PRINTED = SkeletonMapConfig(joint_values="joints", sharp=True)


def labels_as_printed(pose: Pose, stride: float, size: int) -> Float32:
    """The two label maps, multiplied back to ids: joints from 1, parts."""
    cells = round(size / stride)
    maps = PoseEncoder(LABELS, size, PRINTED)([pose], stride, (cells, cells))
    return np.round(maps * np.array([NUM_JOINTS, NUM_PARTS - 1])[:, None, None], 4).astype(np.float32)


def test_the_joint_label_map_holds_joints() -> None:
    pose = pose_of({Joint.FOREHEAD: (20, 10), Joint.LEFT_ELBOW: (20, 30), Joint.RIGHT_ELBOW: (40, 30)})
    joints, sticks = labels_as_printed(pose, 1.0, 64)
    for joint, (x, y) in (
        (Joint.FOREHEAD, (20, 10)),
        (Joint.LEFT_ELBOW, (20, 30)),
        (Joint.RIGHT_ELBOW, (40, 30)),
    ):
        assert joints[y, x] == joints[y + 3, x] == joint + 1
        assert joints[y, x + 4] == 0
    assert not sticks.any()
    assert PoseEncoder(LABELS, 64, PRINTED).sided and not PoseEncoder(LABELS, 64, CONFIG).sided
    assert not PoseEncoder(DISTANCES, 64, PRINTED).sided
    with pytest.raises(ValueError, match=r"skeleton\.joint_values 'ids': choose one of joints, parts"):
        SkeletonMapConfig(joint_values="ids")


@pytest.mark.parametrize("stride", [4.0, 8.0])
def test_sharp_maps_hold_labels_at_every_stride_and_lose_no_joint(stride: float) -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        places = {
            joint: (float(x), float(y))
            for joint, (x, y) in zip(Joint, rng.uniform(6, 249, (14, 2)), strict=True)
        }
        for joint, place in places.items():
            joints, _ = labels_as_printed(pose_of({joint: place}), stride, 256)
            assert set(np.unique(joints)) == {0, joint + 1}
        joints, sticks = labels_as_printed(pose_of(places), stride, 256)
        assert set(np.unique(joints)) <= set(range(NUM_JOINTS + 1))
        assert set(np.unique(sticks)) <= set(range(NUM_PARTS))
        for start, end, part in SKELETON:
            _, stick = labels_as_printed(pose_of({start: places[start], end: places[end]}), stride, 256)
            length = np.hypot(*np.subtract(places[start], places[end]))
            assert set(np.unique(stick)) == {0, part}
            assert np.count_nonzero(stick) >= length / (np.sqrt(2) * stride)  # no gap


def test_sharp_maps_of_stride_4_are_the_printed_maps_at_the_centres_of_cells() -> None:
    """Radius 3 and width 7, no wider."""
    pose = pose_of({Joint.LEFT_ELBOW: (100, 90), Joint.LEFT_WRIST: (150, 120)})
    x, y = np.meshgrid(np.arange(64) * 4 + 1.5, np.arange(64) * 4 + 1.5)
    joints, sticks = labels_as_printed(pose, 4.0, 256)
    near = np.minimum(np.hypot(x - 100, y - 90), np.hypot(x - 150, y - 120))
    np.testing.assert_array_equal(joints > 0, near <= 3)
    along = np.clip(((x - 100) * 50 + (y - 90) * 30) / (50**2 + 30**2), 0, 1)
    np.testing.assert_array_equal(sticks > 0, np.hypot(x - 100 - 50 * along, y - 90 - 30 * along) <= 3.5)


def test_stick_of_width_7_with_the_part_of_the_pair() -> None:
    pose = pose_of({Joint.LEFT_ELBOW: (10, 30), Joint.LEFT_WRIST: (50, 30)})
    sticks = skeleton_maps(pose, 1.0, (64, 64), 64, LABELS)[1]
    column = sticks[:, 30]
    np.testing.assert_allclose(column[27:34], Part.LOWER_ARM * LABEL)
    assert np.count_nonzero(column) == 7


def test_joints_that_are_no_neighbours_have_no_stick() -> None:
    pose = pose_of({Joint.FOREHEAD: (10, 30), Joint.LEFT_WRIST: (50, 30)})
    assert not skeleton_maps(pose, 1.0, (64, 64), 64, LABELS)[1].any()


def test_cells_hold_the_average_of_their_crop_pixels() -> None:
    rng = np.random.default_rng(0)
    pose = pose_of({joint: tuple(rng.uniform(0, 255, 2)) for joint in Joint})
    fine = skeleton_maps(pose, 1.0, (256, 256), 256, LABELS)
    coarse = skeleton_maps(pose, 4.0, (64, 64), 256, LABELS)
    np.testing.assert_allclose(coarse, fine.reshape(2, 64, 4, 64, 4).mean(axis=(2, 4)), atol=1e-6)


@pytest.mark.parametrize("encoding", LAYERS)
def test_a_mirrored_pose_gives_mirrored_maps(encoding: str) -> None:
    rng = np.random.default_rng(1)
    xy = rng.uniform(20, 235, (NUM_JOINTS, 2)).astype(np.float32)
    mirrored = (np.array([255, 0]) + xy * [-1, 1])[list(FLIP_JOINTS)].astype(np.float32)
    ones = np.ones(NUM_JOINTS, np.float32)
    maps = skeleton_maps(Pose(xy, ones, 0.0), 4.0, (64, 64), 256, encoding)
    flipped = skeleton_maps(Pose(mirrored, ones, 0.0), 4.0, (64, 64), 256, encoding)
    np.testing.assert_allclose(maps[:, :, ::-1], flipped, atol=1e-6)


@pytest.mark.parametrize("encoding", LAYERS)
@pytest.mark.parametrize(("joint_map", "skeleton_map"), [(True, False), (False, True)])
def test_maps_can_be_left_out(encoding: str, joint_map: bool, skeleton_map: bool) -> None:
    pose = pose_of({Joint.LEFT_ELBOW: (100, 90), Joint.LEFT_WRIST: (150, 90)})
    whole = skeleton_maps(pose, 4.0, (64, 64), 256, encoding)
    kept = skeleton_maps(pose, 4.0, (64, 64), 256, encoding, joint_map=joint_map, skeleton_map=skeleton_map)
    joints = LAYERS[encoding][0]
    np.testing.assert_array_equal(kept[:joints], whole[:joints] * joint_map)
    np.testing.assert_array_equal(kept[joints:], whole[joints:] * skeleton_map)
    assert whole[:joints].any()
    assert whole[joints:].any()


def test_joints_and_limbs_share_a_map_with_their_mirror_image() -> None:
    assert {joint for group in JOINT_GROUPS for joint in group} == set(range(NUM_JOINTS))
    assert sum(len(group) for group in STICK_GROUPS) == len(SKELETON)
    assert (Joint.LEFT_ELBOW, Joint.RIGHT_ELBOW) in JOINT_GROUPS
    assert (Joint.NECK,) in JOINT_GROUPS
    for group in STICK_GROUPS:
        assert len({SKELETON[row][2] for row in group}) == 1


def test_distances_by_hand() -> None:
    """A forearm of 50 px and nothing else: cells 30 px beside it, and 40 px beyond its end."""
    pose = pose_of({Joint.LEFT_ELBOW: (10, 30), Joint.LEFT_WRIST: (60, 30)})
    maps = skeleton_maps(pose, 1.0, (128, 128), 128, DISTANCES)
    elbows, wrists = (JOINT_GROUPS.index((left, left + 1)) for left in (Joint.LEFT_ELBOW, Joint.LEFT_WRIST))
    forearms = next(
        i for i, group in enumerate(STICK_GROUPS) if SKELETON[group[0]][2] is Part.LOWER_ARM
    ) + 2 * len(JOINT_GROUPS)
    near, far = CONFIG.decays
    assert maps[forearms, 60, 40] == pytest.approx(np.exp(-near * 30 / 50))
    assert maps[forearms, 30, 100] == pytest.approx(np.exp(-near * 40 / 50))
    assert maps[forearms + len(STICK_GROUPS), 30, 100] == pytest.approx(np.exp(-far * 40 / 50))
    assert maps[elbows, 30, 10] == maps[wrists, 30, 60] == 1
    assert maps[wrists + len(JOINT_GROUPS), 30, 35] == pytest.approx(np.exp(-far * 25 / 50))
    present = {elbows, wrists, elbows + len(JOINT_GROUPS), wrists + len(JOINT_GROUPS)}
    present |= {forearms, forearms + len(STICK_GROUPS)}
    assert {i for i, layer in enumerate(maps) if layer.any()} == present


def test_distances_grow_with_the_person() -> None:
    rng = np.random.default_rng(2)
    xy = rng.uniform(10, 60, (NUM_JOINTS, 2)).astype(np.float32)
    ones = np.ones(NUM_JOINTS, np.float32)
    small = skeleton_maps(Pose(xy, ones, 0.0), 1.0, (64, 64), 64, DISTANCES)
    large = skeleton_maps(Pose((xy + 0.5) * 4 - 0.5, ones, 0.0), 4.0, (64, 64), 256, DISTANCES)
    np.testing.assert_allclose(large, small, atol=1e-5)


def test_joints_outside_the_crop_are_drawn_as_far_as_they_reach_in() -> None:
    pose = pose_of({Joint.LEFT_KNEE: (-500, 30), Joint.LEFT_ANKLE: (32, 30)})
    joints, sticks = skeleton_maps(pose, 1.0, (64, 64), 64, LABELS)
    assert sticks[30, :32].all()
    assert np.count_nonzero(joints) > 0


def test_maps_that_do_not_cover_the_crop_are_refused() -> None:
    with pytest.raises(ValueError, match="do not cover a crop of 256 px"):
        skeleton_maps(None, 4.0, (32, 32), 256, LABELS)


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(
        ValueError, match="unknown encoding 'heat' of the pose: choose one of labels, distances"
    ):
        skeleton_maps(None, 4.0, (64, 64), 256, "heat")


@pytest.mark.parametrize("encoding", LAYERS)
def test_of_several_poses_the_higher_value_stays(encoding: str) -> None:
    one = pose_of({Joint.LEFT_ELBOW: (100, 90), Joint.LEFT_WRIST: (150, 90)})
    other = pose_of({Joint.LEFT_ELBOW: (120, 60), Joint.LEFT_WRIST: (120, 130)})
    encode = PoseEncoder(encoding, 256, CONFIG)
    alone = [encode([pose], 4.0, (64, 64)) for pose in (one, other)]
    np.testing.assert_array_equal(encode([one, other], 4.0, (64, 64)), np.maximum(*alone))
