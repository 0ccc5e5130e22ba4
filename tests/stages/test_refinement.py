import numpy as np
import pytest
import torch
from helpers.candidates import skeleton
from torch import Tensor

from posepart.config import CropConfig, PipelineConfig
from posepart.models.refine import RefineFCN
from posepart.stages.refinement import Refiner
from posepart.stages.skeleton_maps import PoseEncoder
from posepart.structures import Choice, PartMaps, Pose


class Listens(RefineFCN):
    """Answers with equal scores, and remembers what it saw."""

    def __init__(self) -> None:
        super().__init__(width=8)
        self.seen: list[tuple[Tensor, Tensor]] = []

    def forward(self, parts: Tensor, poses: Tensor) -> Tensor:
        self.seen.append((parts, poses))
        return torch.zeros(len(parts), 7, *parts.shape[2:])


CONFIG = PipelineConfig(crop=CropConfig(size=64))
SHAPE = (16, 16)


def torso() -> PartMaps:
    scores = np.zeros((7, *SHAPE), np.float32)
    scores[2] = 1.0
    return PartMaps(scores, 4.0)


def pose() -> Pose:
    return Pose(skeleton(32, 12, 40), np.full(14, 0.9, np.float32), -1.0)


def test_no_crops_no_maps() -> None:
    assert Refiner(Listens(), CONFIG)([], []) == []


def test_the_network_sees_log_probabilities_and_the_drawn_pose() -> None:
    network = Listens()
    (refined,) = Refiner(network, CONFIG)([torso()], [Choice(pose(), ())])
    ((parts, poses),) = network.seen
    assert parts[0, 2].abs().max() == 0
    np.testing.assert_allclose(parts[0, 0], np.log(1e-6), rtol=1e-5)  # never minus infinity
    expected = PoseEncoder(network.encoding, 64, CONFIG.skeleton)([pose()], 4.0, SHAPE)
    np.testing.assert_array_equal(poses[0], expected)
    assert expected.any()
    assert refined.stride == 4.0
    np.testing.assert_allclose(refined.scores, 1 / 7, rtol=1e-6)


def test_a_crop_without_a_pose_has_empty_maps() -> None:
    network = Listens()
    Refiner(network, CONFIG)([torso()], [Choice(None, ())])
    assert not network.seen[0][1].any()


def test_without_a_pose_of_the_box_all_poses_are_drawn() -> None:
    network = Listens()
    Refiner(network, CONFIG)([torso()], [Choice(None, (pose(),))])
    assert network.seen[0][1].any()


@pytest.mark.parametrize(("joint_map", "skeleton_map"), [(True, False), (False, True), (False, False)])
def test_maps_can_be_left_out(joint_map: bool, skeleton_map: bool) -> None:
    network = Listens()
    Refiner(network, CONFIG, joint_map, skeleton_map)([torso()], [Choice(pose(), ())])
    (_, poses) = network.seen[0]
    half = 1 if network.encoding == "labels" else poses.shape[1] // 2
    assert bool(poses[0, :half].any()) == joint_map
    assert bool(poses[0, half:].any()) == skeleton_map


def test_crops_go_through_in_batches() -> None:
    network = Listens()
    config = PipelineConfig(crop=CropConfig(size=64), batch_size=2)
    refined = Refiner(network, config)([torso()] * 5, [Choice(pose(), ())] * 5)
    assert [len(parts) for parts, _ in network.seen] == [2, 2, 1]
    assert len(refined) == 5
