"""The records that pass between stages, their validation, and the affine between frames."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from posepart.geometry.frames import Affine, crop_to_map, map_to_crop
from posepart.stages.neighbour_offsets import FeatureOffsets
from posepart.structures import (
    Candidates,
    Certificate,
    Crop,
    PartMaps,
    Person,
    PersonBoxes,
    Pose,
    PoseMaps,
    Scene,
)


def zeros(*shape: int) -> NDArray:
    return np.zeros(shape, np.float32)


def test_empty_forms() -> None:
    assert len(PersonBoxes.empty()) == 0
    assert len(Candidates.empty()) == 0
    assert PersonBoxes.empty().xyxy.shape == (0, 4)
    assert Candidates.empty().offsets.shape == (0, 14, 14, 2)


def test_cell_centres() -> None:
    # cell 0 of stride 4 covers pixels 0..3, whose middle is 1.5
    np.testing.assert_allclose(map_to_crop(np.array([0, 1, 10]), 4), [1.5, 5.5, 41.5])
    np.testing.assert_allclose(map_to_crop(np.array([0, 31]), 8), [3.5, 251.5])
    np.testing.assert_allclose(crop_to_map(np.array([1.5, 5.5, 41.5]), 4), [0, 1, 10])
    np.testing.assert_allclose(map_to_crop(np.array([0, 7]), 1), [0, 7])


def test_affine_by_hand() -> None:
    affine = Affine(np.array([[0, -2, 10], [2, 0, 20]], float))  # a quarter turn, twice as large, shifted
    np.testing.assert_allclose(affine.forward(np.array([3, 4])), [2, 26])
    np.testing.assert_allclose(affine.forward(np.array([[0, 0], [1, 0]])), [[10, 20], [10, 22]])
    np.testing.assert_allclose(affine.inverse(np.array([2, 26])), [3, 4])
    assert affine.scale == pytest.approx(2)


def test_affine_of_a_mirror_has_a_positive_scale() -> None:
    assert Affine(np.array([[-0.5, 0, 99], [0, 0.5, 0]])).scale == pytest.approx(0.5)


def test_affine_inverse_undoes_forward() -> None:
    rng = np.random.default_rng(0)
    affine = Affine(rng.normal(0, 1, (2, 3)) + np.array([[2, 0, 5], [0, 2, -7]]))
    xy = rng.uniform(-1000, 1000, (3, 7, 2))
    np.testing.assert_allclose(affine.inverse(affine.forward(xy)), xy, atol=1e-9)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Affine(np.eye(3)), r"Affine\.matrix: expected shape \(2, 3\), got \(3, 3\)"),
        (
            lambda: PersonBoxes(zeros(3, 5), zeros(3)),
            r"PersonBoxes\.xyxy: expected shape \(_, 4\), got \(3, 5\)",
        ),
        (
            lambda: PersonBoxes(zeros(3, 4), zeros(2)),
            r"PersonBoxes\.scores: expected shape \(3\), got \(2,\)",
        ),
        (
            lambda: Crop(zeros(8, 8), Affine(np.eye(3)[:2]), zeros(4)),
            r"Crop\.image: .*\(_, _, 3\), got \(8, 8\)",
        ),
        (
            lambda: Crop(zeros(8, 8, 3), Affine(np.eye(3)[:2]), zeros(1, 4)),
            r"Crop\.box: expected shape \(4\), got \(1, 4\)",
        ),
        (
            lambda: PoseMaps(zeros(17, 6, 6), FeatureOffsets((), lambda rows: rows, 4), 4),
            r"PoseMaps\.joints: .*\(14, _, _\), got \(17, 6, 6\)",
        ),
        (lambda: PartMaps(zeros(20, 6, 6), 4), r"PartMaps\.scores: .*\(7, _, _\), got \(20, 6, 6\)"),
        (
            lambda: Candidates(zeros(2, 2), np.zeros(2, int), zeros(2, 14), zeros(2, 14, 13, 2)),
            r"Candidates\.offsets: .*\(2, 14, 14, 2\), got \(2, 14, 13, 2\)",
        ),
        (lambda: Pose(zeros(17, 2), zeros(14), 0), r"Pose\.xy: expected shape \(14, 2\), got \(17, 2\)"),
        (lambda: Pose(zeros(14, 2), zeros(17), 0), r"Pose\.joint_scores: expected shape \(14\), got \(17,\)"),
        (
            lambda: Scene((), np.zeros((4, 5), np.uint8), np.zeros((5, 4), np.uint8), ""),
            r"Scene\.person_map: expected shape \(4, 5\), got \(5, 4\)",
        ),
    ],
)
def test_wrong_shapes_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_pose_presence() -> None:
    scores = zeros(14)
    scores[[0, 13]] = 0.3, 1.0
    assert np.flatnonzero(Pose(zeros(14, 2), scores, -1.0).present).tolist() == [0, 13]


def test_scene_size_and_the_parts_of_one_person() -> None:
    parts = np.array([[1, 2, 0], [3, 4, 6]], np.uint8)
    owners = np.array([[1, 2, 0], [2, 1, 0]], np.uint8)
    person = Person(Pose(zeros(14, 2), zeros(14), 0.0), zeros(4), 0.9, Certificate.none("made up"))
    scene = Scene((person, person), parts, owners, "model")
    assert scene.size == (3, 2)
    assert scene.person_parts(0).tolist() == [[1, 0, 0], [0, 4, 0]]
    assert scene.person_parts(1).tolist() == [[0, 2, 0], [3, 0, 0]]
    assert scene.person_parts(0).dtype == np.uint8
