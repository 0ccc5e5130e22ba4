"""The body, its poses and its clothes have the geometry that was requested."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from posepart.synthetic.clothes.outfits import MINOR_AGE, sample_outfit
from posepart.synthetic.people.body import BODY_FILE, BodyModel, BodyShape, load_body
from posepart.synthetic.people.families import FAMILIES, sample_pose
from posepart.synthetic.people.gestures import each, free_arm
from posepart.synthetic.people.poses import Arm, Pose, Reach
from posepart.synthetic.people.posing import bone_rotations, limbs_are_clear
from posepart.synthetic.people.rotations import between, euler, from_vector, partial, to_vector


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body()


@pytest.fixture(scope="module")
def shape(body: BodyModel) -> BodyShape:
    return body.sample_shape(np.random.default_rng(3), adults_only=True)


def test_a_changed_body_file_is_refused(tmp_path: Path) -> None:
    damaged = bytearray(BODY_FILE.read_bytes())
    damaged[5000] ^= 1
    path = tmp_path / "body.npz"
    path.write_bytes(bytes(damaged))
    with pytest.raises(ValueError, match="SHA-256"):
        load_body(path)


def test_rotations() -> None:
    vector = np.array([0.3, -0.5, 0.9])
    np.testing.assert_allclose(to_vector(from_vector(vector)), vector, atol=1e-12)
    np.testing.assert_allclose(
        partial(from_vector(vector), 0.5) @ partial(from_vector(vector), 0.5), from_vector(vector)
    )
    np.testing.assert_allclose(between([1, 0, 0], [0, 2, 0]) @ [1, 0, 0], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(between([1, 0, 0], [-1, 0, 0]) @ [1, 0, 0], [-1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(euler(z=90) @ [1, 0, 0], [0, 1, 0], atol=1e-12)


def test_skinning_without_rotation_is_the_rest_pose(body: BodyModel, shape: BodyShape) -> None:
    rotations = np.repeat(np.eye(3)[None], len(shape.bone_heads), 0)
    vertices, bones = body.skin(shape.vertices, shape.bone_heads, rotations)
    root = shape.bone_heads[0]
    np.testing.assert_allclose(vertices, shape.vertices - root, atol=1e-5)
    np.testing.assert_allclose(bones, shape.bone_heads - root, atol=1e-12)


def test_a_turn_of_the_root_turns_everything(body: BodyModel, shape: BodyShape) -> None:
    turn = euler(z=30)
    rotations = np.repeat(turn[None], len(shape.bone_heads), 0)
    vertices, _ = body.skin(shape.vertices, shape.bone_heads, rotations)
    np.testing.assert_allclose(vertices, (shape.vertices - shape.bone_heads[0]) @ turn.T, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_keeps_bones_rigid_and_can_be_clear(
    body: BodyModel, shape: BodyShape, family: str
) -> None:
    rng = np.random.default_rng(0)
    clear = 0
    for _ in range(6):
        pose = sample_pose(rng, family)
        rotations = bone_rotations(body, shape.bone_heads, pose, rng.uniform(-180, 180))
        np.testing.assert_allclose(
            rotations @ rotations.transpose(0, 2, 1), np.broadcast_to(np.eye(3), rotations.shape), atol=1e-6
        )
        clear += limbs_are_clear(body, shape.bone_heads, rotations)
        assert pose.family == family
    assert clear > 0


def test_acrobats_turn_every_way_and_are_drawn_on_request_only() -> None:
    rng = np.random.default_rng(0)
    up = [sample_pose(rng, "acrobat").root[2, 2] for _ in range(200)]
    assert 60 < np.sum(np.array(up) < 0) < 140
    assert "acrobat" not in {sample_pose(rng).family for _ in range(500)}


def test_unknown_family_is_named() -> None:
    with pytest.raises(ValueError, match="swim"):
        sample_pose(np.random.default_rng(0), "swim")


@pytest.mark.parametrize("yaw", [0.0, 130.0])
def test_left_is_the_persons_own(body: BodyModel, shape: BodyShape, yaw: float) -> None:
    rotations = bone_rotations(body, shape.bone_heads, Pose("stand"), yaw)
    bones = body.forward_kinematics(shape.bone_heads, rotations)
    across = bones[body.bones["upperarm01.L"]] - bones[body.bones["upperarm01.R"]]
    across /= np.linalg.norm(across)
    np.testing.assert_allclose(across, euler(z=yaw) @ [1, 0, 0], atol=0.05)


@pytest.mark.parametrize("side", [0, 1])
def test_reach_brings_the_wrist_to_the_point(body: BodyModel, shape: BodyShape, side: int) -> None:
    s = "LR"[side]
    rest = body.forward_kinematics(shape.bone_heads, bone_rotations(body, shape.bone_heads, Pose("stand"), 0))
    target = rest[body.bones[f"upperarm01.{s}"]] + [(0.2, -0.2)[side], -0.3, 0.1]
    x, y, z = (float(v) for v in target)
    pose = replace(Pose("stand"), arms=each((Arm(), Arm()), side, Arm(reach=Reach(None, (x, y, z)))))
    posed = body.forward_kinematics(shape.bone_heads, bone_rotations(body, shape.bone_heads, pose, 0))
    assert np.linalg.norm(posed[body.bones[f"wrist.{s}"]] - target) < 0.04


def test_reach_for_a_bone_is_mirrored(body: BodyModel, shape: BodyShape) -> None:
    place = Reach("head", (0.12, -0.06, -0.02))
    pose = replace(Pose("phone"), arms=(Arm(reach=place), Arm(reach=place)))
    posed = body.forward_kinematics(shape.bone_heads, bone_rotations(body, shape.bone_heads, pose, 0))
    left, right = (posed[body.bones[f"wrist.{s}"]] for s in "LR")
    np.testing.assert_allclose(left, right * [-1, 1, 1], atol=0.02)


def test_free_arms_point_inwards_as_well_as_outwards() -> None:
    rng = np.random.default_rng(0)
    arms = [free_arm(rng) for _ in range(4000)]
    outwards = np.mean([np.cos(np.radians(arm.azimuth)) for arm in arms])
    across = np.mean([arm.azimuth > 90 for arm in arms])
    up = np.mean([arm.elevation > 90 for arm in arms])
    assert outwards < 0.6 and 0.15 < across < 0.3 and 0.4 < up < 0.6


def test_people_under_20_are_fully_dressed(body: BodyModel) -> None:
    rng, seen = np.random.default_rng(0), 0
    for _ in range(240):
        shape = body.sample_shape(rng)
        outfit = sample_outfit(rng, shape)
        if shape.age < MINOR_AGE:
            seen += 1
            assert outfit.top.kind not in ("swim", "bare") and outfit.bottom.kind != "brief"
    assert seen > 30


def test_the_younger_ancestor_of_a_mixture_gives_the_age(body: BodyModel) -> None:
    rng = np.random.default_rng(1)
    assert all(body.sample_shape(rng, adults_only=True).age >= MINOR_AGE for _ in range(50))
