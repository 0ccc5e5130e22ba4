import numpy as np
import pytest

from posepart.arrays import Float32, Ids
from posepart.config import FeatureConfig
from posepart.schema import NUM_JOINTS, NUM_PARTS, Joint, Part
from posepart.stages.features import (
    FEATURE_NAMES,
    OFFSET_FEATURES,
    SWAP,
    PartGeometry,
    joint_part_compatibility,
    label_map,
    line_share,
    pairwise_features,
    part_geometry,
    rectangle_iou,
)
from posepart.structures import Candidates, PartMaps

CONFIG = FeatureConfig()
SIZE = 64


def geometry_of(labels: Ids) -> PartGeometry:
    scores = (np.arange(NUM_PARTS)[:, None, None] == labels).astype(np.float32)
    return part_geometry(PartMaps(scores, 1.0), CONFIG)


def candidates_of(joints: dict[Joint, tuple[float, float]]) -> Candidates:
    n = len(joints)
    return Candidates(
        np.array(list(joints.values()), np.float32).reshape(n, 2),
        np.array(list(joints), np.int64),
        np.zeros((n, NUM_JOINTS), np.float32),
        np.zeros((n, NUM_JOINTS, NUM_JOINTS, 2), np.float32),
    )


def features_of(
    candidates: Candidates, geometry: PartGeometry | None, config: FeatureConfig = CONFIG
) -> Float32:
    u, v = np.triu_indices(len(candidates), 1)
    return pairwise_features(candidates, geometry, np.arange(len(candidates)), candidates.joint, u, v, config)


def torso_block() -> Ids:
    """A 20 x 40 torso in a crop of 64 x 64."""
    labels = np.zeros((SIZE, SIZE), np.uint8)
    labels[12:52, 22:42] = Part.TORSO
    return labels


@pytest.mark.parametrize(("segment_term", "columns"), [(True, 14), (False, 4)])
def test_no_pairs_give_empty_features(segment_term: bool, columns: int) -> None:
    config = FeatureConfig(segment_term=segment_term)
    geometry = geometry_of(torso_block()) if segment_term else None
    assert features_of(Candidates.empty(), geometry, config).shape == (0, columns)


def test_fourteen_names_and_the_swap_is_its_own_inverse() -> None:
    assert len(FEATURE_NAMES) == 14
    assert FEATURE_NAMES[:4] == OFFSET_FEATURES
    np.testing.assert_array_equal(SWAP[SWAP], np.arange(14))
    assert FEATURE_NAMES[SWAP[0]] == "distance_u_to_v"
    assert FEATURE_NAMES[SWAP[FEATURE_NAMES.index("u_near_p2")]] == "v_near_p2"


def test_offset_features_by_hand() -> None:
    candidates = candidates_of({Joint.NECK: (10, 10), Joint.LEFT_HIP: (10, 30)})
    # from the neck the hip is expected at (25, 10): direct vector (0, 20), predicted (15, 0)
    candidates.offsets[0, Joint.NECK, Joint.LEFT_HIP] = [15, 0]
    # from the hip the neck is expected at (10, 14): direct (0, -20), predicted (0, -16)
    candidates.offsets[1, Joint.LEFT_HIP, Joint.NECK] = [0, -16]
    row = features_of(candidates, None, FeatureConfig(segment_term=False))[0]
    np.testing.assert_allclose(row, [4, 25, 0, np.pi / 2], atol=1e-6)


def test_angle_with_a_zero_vector_is_zero() -> None:
    candidates = candidates_of({Joint.NECK: (10, 10), Joint.LEFT_HIP: (10, 10)})
    candidates.offsets[0, Joint.NECK, Joint.LEFT_HIP] = [3, 4]
    row = features_of(candidates, None, FeatureConfig(segment_term=False))[0]
    np.testing.assert_allclose(row, [0, 5, 0, 0], atol=1e-6)


@pytest.mark.parametrize(
    ("xy", "expected"),
    [
        # the torso spans x 22..41, y 12..51; its outline has the pixels on both sides of its border
        ((22.0, 30.0), [1, 1]),  # innermost side of the border
        ((31.0, 31.0), [1, 1]),  # 9 px from column 22
        ((21.0, 30.0), [0, 1]),  # just outside
        ((11.0, 30.0), [0, 1]),  # 10 px from column 21
        ((10.0, 30.0), [0, 0]),  # 11 px from column 21
        ((31.0, 5.0), [0, 1]),
        ((31.0, 0.0), [0, 0]),
    ],
)
def test_inside_and_near_the_boundary(xy: tuple[float, float], expected: list[int]) -> None:
    geometry = geometry_of(torso_block())
    row = joint_part_compatibility(geometry, np.array([xy], np.float32), np.array([Joint.LEFT_HIP]))[0]
    assert row.tolist() == [*expected, 0, 0]  # p1 = torso, p2 = upper leg, which is absent


def test_the_middle_of_a_large_part_is_not_near_its_boundary() -> None:
    labels = np.zeros((SIZE, SIZE), np.uint8)
    labels[4:60, 4:60] = Part.HEAD
    row = joint_part_compatibility(
        geometry_of(labels), np.array([[32, 32]], np.float32), np.array([Joint.FOREHEAD])
    )[0]
    assert row.tolist() == [1, 0, 1, 0]  # p2 = p1


def test_the_edge_of_the_crop_is_no_boundary() -> None:
    labels = np.full((SIZE, SIZE), Part.HEAD, np.uint8)
    row = joint_part_compatibility(
        geometry_of(labels), np.array([[1, 1]], np.float32), np.array([Joint.FOREHEAD])
    )[0]
    assert row.tolist() == [1, 0, 1, 0]


def test_line_share_by_hand() -> None:
    labels = torso_block()
    start, end = (
        np.array([[31, 2], [31, 20], [5, 5]], np.float32),
        np.array([[31, 21], [31, 20], [50, 5]], np.float32),
    )
    share = line_share(labels, start, end, np.full(3, Part.TORSO))
    # rows 2..21 hold 10 torso pixels of 20; a single pixel inside; a line outside
    np.testing.assert_allclose(share, [0.5, 1, 0])


def test_rectangle_iou_by_hand() -> None:
    geometry = geometry_of(torso_block())
    start, end = np.array([[31.5, 11.5]], np.float32), np.array([[31.5, 51.5]], np.float32)
    # rectangle 40 x 16 inside the torso's 40 x 20: intersection 640, union 800
    assert rectangle_iou(geometry, start, end, np.array([Part.TORSO]), 2.5)[0] == pytest.approx(0.8, abs=0.01)


def test_rectangle_iou_of_a_point_and_of_an_absent_part_is_zero() -> None:
    geometry = geometry_of(torso_block())
    start = np.array([[31, 31], [20, 20]], np.float32)
    end = np.array([[31, 31], [40, 40]], np.float32)
    assert rectangle_iou(geometry, start, end, np.array([Part.TORSO, Part.HEAD]), 2.5).tolist() == [0, 0]


def test_rectangle_iou_against_a_count_of_pixels() -> None:
    rng = np.random.default_rng(1)
    labels = np.where(rng.random((8, 8)) < 0.5, Part.TORSO, Part.BACKGROUND).repeat(16, 0).repeat(16, 1)
    geometry = geometry_of(labels.astype(np.uint8))
    y, x = np.mgrid[:128, :128]
    for start, end in rng.uniform(10, 118, (20, 2, 2)).astype(np.float32):
        axis = end - start
        length = np.hypot(*axis)
        along = ((x - start[0]) * axis[0] + (y - start[1]) * axis[1]) / length
        across = ((y - start[1]) * axis[0] - (x - start[0]) * axis[1]) / length
        rectangle = (along >= 0) & (along <= length) & (np.abs(across) <= length / 5)
        region = labels == Part.TORSO
        expected = (rectangle & region).sum() / (rectangle | region).sum()
        found = rectangle_iou(geometry, start[None], end[None], np.array([Part.TORSO]), 2.5)[0]
        assert found == pytest.approx(expected, abs=0.01)


def test_only_neighbouring_pairs_have_line_and_rectangle() -> None:
    candidates = candidates_of({Joint.NECK: (31, 14), Joint.LEFT_HIP: (31, 50), Joint.LEFT_KNEE: (31, 40)})
    rows = features_of(candidates, geometry_of(torso_block()))
    assert rows[0, -2] == 1  # neck - hip: all in the torso
    assert rows[0, -1] > 0.5
    assert rows[1, -2:].tolist() == [0, 0]  # neck - knee


def test_swapped_pairs_have_swapped_columns() -> None:
    rng = np.random.default_rng(2)
    candidates = candidates_of({joint: tuple(rng.uniform(5, 59, 2)) for joint in Joint})
    candidates.offsets[:] = rng.normal(0, 20, candidates.offsets.shape)
    labels = rng.integers(0, NUM_PARTS, (8, 8)).repeat(8, 0).repeat(8, 1).astype(np.uint8)
    geometry = geometry_of(labels)
    node, (u, v) = np.arange(NUM_JOINTS), np.triu_indices(NUM_JOINTS, 1)
    forward = pairwise_features(candidates, geometry, node, candidates.joint, u, v, CONFIG)
    backward = pairwise_features(candidates, geometry, node, candidates.joint, v, u, CONFIG)
    np.testing.assert_allclose(forward[:, SWAP], backward, atol=0.02)  # lines may round half pixels apart
    np.testing.assert_allclose(forward[:, SWAP][:, :12], backward[:, :12], atol=1e-5)


def test_the_four_columns_are_the_first_of_the_fourteen() -> None:
    candidates = candidates_of({Joint.NECK: (31, 14), Joint.LEFT_HIP: (31, 50)})
    candidates.offsets[:] = 7
    full = features_of(candidates, geometry_of(torso_block()))
    np.testing.assert_array_equal(
        full[:, :4], features_of(candidates, None, FeatureConfig(segment_term=False))
    )


def test_segment_term_without_part_maps_is_refused() -> None:
    with pytest.raises(ValueError, match="part maps"):
        features_of(candidates_of({Joint.NECK: (1, 1), Joint.LEFT_HIP: (2, 2)}), None)


def test_label_map_has_crop_resolution_and_interpolates_scores() -> None:
    scores = np.zeros((NUM_PARTS, 2, 2), np.float32)
    scores[Part.BACKGROUND, :, 0] = 1
    scores[Part.HEAD, :, 1] = 1
    labels = label_map(PartMaps(scores, 4.0))
    assert labels.shape == (8, 8)
    assert (labels[:, :4] == Part.BACKGROUND).all()
    assert (labels[:, 4:] == Part.HEAD).all()
