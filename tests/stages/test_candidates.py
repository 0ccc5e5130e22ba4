import numpy as np
import pytest
import torch

from posepart.arrays import Float32
from posepart.config import CandidateConfig
from posepart.schema import NEIGHBOURS, NUM_JOINTS, Joint
from posepart.stages.candidates import propose, sample
from posepart.stages.neighbour_offsets import FeatureOffsets
from posepart.structures import PoseMaps

CONFIG = CandidateConfig()
STRIDE = 4.0


def offset_maps(size: int = 16) -> Float32:
    return np.zeros((NUM_JOINTS, NUM_JOINTS - 1, 2, size, size), np.float32)


def pose_maps(size: int = 16, stride: float = STRIDE, offsets: Float32 | None = None) -> PoseMaps:
    features = torch.from_numpy(offset_maps(size) if offsets is None else offsets).flatten(0, 2)
    made = FeatureOffsets((features,), lambda rows: rows, stride)
    return PoseMaps(np.zeros((NUM_JOINTS, size, size), np.float32), made, stride)


def test_maps_without_a_peak_give_no_candidate() -> None:
    assert len(propose(pose_maps(), CONFIG)) == 0


def test_one_lit_cell_becomes_one_candidate_at_the_centre_of_the_cell() -> None:
    maps = pose_maps()
    maps.joints[Joint.LEFT_KNEE, 5, 9] = 0.7
    found = propose(maps, CONFIG)
    assert found.joint.tolist() == [Joint.LEFT_KNEE]
    np.testing.assert_allclose(found.xy, [[9 * 4 + 1.5, 5 * 4 + 1.5]])
    expected = np.zeros(NUM_JOINTS)
    expected[Joint.LEFT_KNEE] = 0.7
    np.testing.assert_allclose(found.scores[0], expected)


def test_peak_lies_at_the_vertex_of_the_parabola() -> None:
    maps = pose_maps()
    maps.joints[Joint.NECK, 5, 8:11] = [0.5, 0.9, 0.7]
    # vertex: (0.7 - 0.5) / (2 * (2 * 0.9 - 0.5 - 0.7)) = 1 / 6 of a cell to the right
    x, y = propose(maps, CONFIG).xy[0]
    assert x == pytest.approx(9 * 4 + 1.5 + 4 / 6, abs=1e-4)
    assert y == pytest.approx(5 * 4 + 1.5)


def test_peak_at_the_border_is_not_shifted_across_it() -> None:
    maps = pose_maps()
    maps.joints[Joint.NECK, 0, :2] = [0.9, 0.8]
    np.testing.assert_allclose(propose(maps, CONFIG).xy, [[1.5, 1.5]])


def test_own_score_is_the_peak_and_other_scores_are_interpolated() -> None:
    maps = pose_maps()
    maps.joints[Joint.NECK, 5, 8:11] = [0.5, 0.9, 0.7]
    maps.joints[Joint.FOREHEAD, 5, 9:11] = [0.03, 0.06]
    found = propose(maps, CONFIG)
    assert found.scores[0, Joint.NECK] == pytest.approx(0.9)
    assert found.scores[0, Joint.FOREHEAD] == pytest.approx(0.03 + 0.03 / 6, abs=1e-5)


@pytest.mark.parametrize(("score", "count"), [(0.09, 0), (0.1, 1)])
def test_score_threshold_is_inclusive(score: float, count: int) -> None:
    maps = pose_maps()
    maps.joints[Joint.NECK, 5, 5] = score
    assert len(propose(maps, CONFIG)) == count


@pytest.mark.parametrize(("cells", "count"), [(3, 1), (4, 2)])
def test_proposals_keep_their_distance_of_16_pixels(cells: int, count: int) -> None:
    maps = pose_maps()
    maps.joints[Joint.NECK, 5, 5] = 0.9
    maps.joints[Joint.NECK, 5, 5 + cells] = 0.8
    maps.joints[Joint.FOREHEAD, 5, 5 + cells] = 0.3  # another type keeps no distance
    found = propose(maps, CONFIG)
    assert np.count_nonzero(found.joint == Joint.NECK) == count
    assert np.count_nonzero(found.joint == Joint.FOREHEAD) == 1


def test_at_most_six_proposals_of_a_type_the_best_first() -> None:
    maps = pose_maps(size=64)
    scores = np.linspace(0.3, 0.9, 9, dtype=np.float32)
    maps.joints[Joint.NECK, 10, 5:50:5] = scores
    found = propose(maps, CONFIG)
    np.testing.assert_allclose(found.scores[:, Joint.NECK], scores[::-1][:6])


def test_constant_maps_give_spread_out_proposals() -> None:
    maps = pose_maps(size=64)
    maps.joints[:] = 0.5
    found = propose(maps, CONFIG)
    assert len(found) == NUM_JOINTS * 6
    neck = found.xy[found.joint == Joint.NECK]
    apart = np.linalg.norm(neck[:, None] - neck[None], axis=2)[np.triu_indices(6, 1)]
    assert apart.min() >= 16


def test_suppression_equals_the_plain_greedy_loop() -> None:
    rng = np.random.default_rng(0)
    maps = pose_maps(size=32)
    maps.joints[:] = rng.random(maps.joints.shape) ** 4
    everything = propose(maps, CandidateConfig(max_per_joint=10_000, min_distance=0.0))
    found = propose(maps, CONFIG)
    for joint in Joint:
        rows = np.flatnonzero(everything.joint == joint)
        kept: list[int] = []
        for i in rows[np.argsort(-everything.scores[rows, joint], kind="stable")]:
            distance = np.linalg.norm(everything.xy[kept] - everything.xy[i], axis=1)
            if len(kept) < 6 and not np.any(distance < 16):
                kept.append(int(i))
        np.testing.assert_array_equal(found.xy[found.joint == joint], everything.xy[kept])


def test_offsets_are_stored_under_the_joint_they_lead_to() -> None:
    given = offset_maps()
    for joint in Joint:
        for k, other in enumerate(NEIGHBOURS[joint]):
            given[joint, k] = np.array([100 * joint + other, -1])[:, None, None]
    maps = pose_maps(offsets=given)
    maps.joints[Joint.NECK, 5, 5] = 0.9
    offsets = propose(maps, CONFIG).offsets[0]
    assert offsets[Joint.LEFT_KNEE, Joint.NECK].tolist() == [100 * Joint.LEFT_KNEE + Joint.NECK, -1]
    assert offsets[Joint.NECK, Joint.LEFT_KNEE].tolist() == [100 * Joint.NECK + Joint.LEFT_KNEE, -1]
    assert not offsets[np.arange(NUM_JOINTS), np.arange(NUM_JOINTS)].any()


def test_offsets_are_interpolated_at_the_candidate() -> None:
    given = offset_maps()
    given[Joint.NECK, :, 0] = np.arange(16, dtype=np.float32)
    maps = pose_maps(offsets=given)
    maps.joints[Joint.NECK, 5, 8:11] = [0.5, 0.9, 0.7]
    offsets = propose(maps, CONFIG).offsets[0]
    np.testing.assert_allclose(offsets[Joint.NECK, Joint.FOREHEAD], [9 + 1 / 6, 0], atol=1e-5)


def test_sample_continues_the_outermost_cells() -> None:
    values = sample(np.array([[[1.0, 3.0]]], np.float32), np.array([[-1, 0], [3.5, 9], [7, 0]]), STRIDE)
    np.testing.assert_allclose(values, [[1], [2], [3]])


@pytest.mark.parametrize("bad", [np.nan, -0.1, 1.5])
def test_scores_that_are_no_probabilities_are_refused(bad: float) -> None:
    maps = pose_maps()
    maps.joints[Joint.NECK, 3, 3] = bad
    with pytest.raises(ValueError, match=r"outside \[0, 1\]"):
        propose(maps, CONFIG)
