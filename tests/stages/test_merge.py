"""People and part scores of all crops, merged in the frame of the photo."""

import tracemalloc

import numpy as np
import pytest
from helpers.scenes import make_pose, person_of
from numpy.typing import NDArray

from posepart.config import CropConfig, MergeConfig, PipelineConfig
from posepart.geometry import windows
from posepart.geometry.frames import Affine
from posepart.schema import NUM_PARTS, Joint, Part
from posepart.stages.crops import box_affine
from posepart.stages.merge import merge, merge_parts, softened_scores
from posepart.stages.ownership import pixel_owners
from posepart.structures import Candidates, Certificate, Choice, Crop, Evidence, Grouping, PartMaps

CONFIG = MergeConfig()
CROP = CropConfig(size=64, margin=1.0)


def certain(part_map: NDArray, confidence: float = 1.0) -> NDArray[np.float32]:
    """Scores (7, h, w) that give each cell's part `confidence` and the background the rest."""
    scores = (np.arange(NUM_PARTS)[:, None, None] == part_map).astype(np.float32) * np.float32(confidence)
    scores[Part.BACKGROUND] += 1 - confidence
    return scores


def test_no_crops_give_background() -> None:
    assert not merge_parts([], [], 64, (5, 7), CONFIG).any()


def test_merged_parts_of_one_crop_land_where_the_crop_lies() -> None:
    labels = np.zeros((16, 16), np.uint8)
    labels[4:8, 8:12] = Part.TORSO  # cells of 4 crop px: crop rows 16..31, columns 32..47
    affine = box_affine(np.array([99.5, 49.5, 227.5, 177.5]), CROP)  # 2 photo px per crop px, from (100, 50)
    merged = merge_parts([PartMaps(certain(labels), 4.0)], [affine], 64, (200, 300), CONFIG)
    expected = np.zeros((200, 300), np.uint8)
    expected[50 + 32 : 50 + 64, 100 + 64 : 100 + 96] = Part.TORSO
    assert (merged != expected).mean() < 0.002  # interpolation rounds the corners
    assert merged[88, 170] == merged[107, 189] == merged[83, 180] == Part.TORSO
    assert merged[80, 165] == merged[116, 165] == Part.BACKGROUND


def test_scores_are_averaged_where_crops_overlap() -> None:
    everywhere = np.ones((16, 16), np.uint8)
    sure = PartMaps(certain(everywhere * Part.HEAD, 0.9), 4.0)
    unsure = PartMaps(certain(everywhere * Part.TORSO, 0.8), 4.0)
    left = Affine.identity()
    right = Affine(np.array([[1.0, 0, -32], [0, 1.0, 0]]))
    merged = merge_parts([sure, unsure], [left, right], 64, (70, 100), MergeConfig(part_power=1.0))
    assert (merged[:64, :64] == Part.HEAD).all()  # 0.45 against 0.40 where both are
    assert (merged[:64, 64:96] == Part.TORSO).all()
    assert not merged[64:].any() and not merged[:, 96:].any()


@pytest.mark.parametrize("power, winner", [(1.0, Part.BACKGROUND), (0.25, Part.HEAD)])
def test_the_surer_crop_counts_more_where_scores_are_softened(power: float, winner: Part) -> None:
    everywhere = np.full((16, 16), Part.HEAD)
    maps = [PartMaps(certain(everywhere, confidence), 4.0) for confidence in (0.999, 0.2, 0.2)]
    merged = merge_parts(maps, [Affine.identity()] * 3, 64, (64, 64), MergeConfig(part_power=power))
    assert (merged == winner).all()  # the means of the head are 0.47 and 0.56


def test_softened_scores_have_smaller_logits_and_sum_to_one() -> None:
    scores = (
        np.random.default_rng(0).dirichlet(np.ones(NUM_PARTS), (5, 4)).transpose(2, 0, 1).astype(np.float32)
    )
    softened = softened_scores(PartMaps(scores, 4.0), 0.25)
    assert softened.stride == 4.0
    np.testing.assert_allclose(softened.scores.sum(0), 1, rtol=1e-6)
    logits, small = np.log(scores), np.log(softened.scores)
    np.testing.assert_allclose(small - small[:1], (logits - logits[:1]) / 4, atol=1e-5)


def test_crops_may_reach_over_the_border_of_the_photo_or_miss_it() -> None:
    maps = PartMaps(certain(np.full((16, 16), Part.HEAD)), 4.0)
    over = Affine(np.array([[1.0, 0, 40], [0, 1.0, 40]]))
    far = Affine(np.array([[1.0, 0, 500], [0, 1.0, 0]]))
    merged = merge_parts([maps, maps], [over, far], 64, (50, 60), CONFIG)
    assert (merged[:24, :24] == Part.HEAD).all()
    assert np.count_nonzero(merged) == 24 * 24


def test_a_small_person_is_averaged_down() -> None:
    rng = np.random.default_rng(0)
    noisy = np.where(rng.random((64, 64)) < 0.7, Part.HEAD, Part.TORSO)
    shrink = Affine(np.array([[8.0, 0, 3.5], [0, 8.0, 3.5]]))  # 8 crop px per photo px
    merged = merge_parts([PartMaps(certain(noisy), 1.0)], [shrink], 64, (8, 8), CONFIG)
    assert (merged == Part.HEAD).all()


def test_strips_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    rng, shape = np.random.default_rng(1), (300, 400)
    maps, affines = [], []
    for _ in range(4):
        corner = rng.uniform(0, [shape[1] * 0.6, shape[0] * 0.6])
        affines.append(box_affine(np.concatenate([corner, corner + rng.uniform(60, 150, 2)]), CROP))
        labels = rng.integers(0, NUM_PARTS, (4, 4)).repeat(4, 0).repeat(4, 1)
        maps.append(PartMaps(certain(labels, 0.8), 4.0))
    whole = merge_parts(maps, affines, 64, shape, CONFIG)
    monkeypatch.setattr(windows, "STRIP_PIXELS", 400 * 7)
    in_strips = merge_parts(maps, affines, 64, shape, CONFIG)
    assert (in_strips != whole).mean() < 1e-3  # OpenCV warps in 1/32 of a cell


def test_a_huge_photo_needs_little_more_memory_than_its_label_maps() -> None:
    shape = (3000, 4000)
    box = np.array([100.0, 100.0, 2900.0, 2900.0])
    affine = box_affine(box, CROP)
    maps = PartMaps(certain(np.full((16, 16), Part.TORSO)), 4.0)
    person = person_of({Joint.NECK: (1500, 500), Joint.LEFT_HIP: (1500, 2000)}, box=tuple(box))
    tracemalloc.start()
    merged = merge_parts([maps], [affine], 64, shape, CONFIG)
    owner = pixel_owners(merged, [person], [affine], 64, CONFIG)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert owner[1500, 1500] == 1
    assert peak < 2 * 3000 * 4000 + 20e6


def shifted_crop(x: float, box: tuple[float, float, float, float], score: float) -> Evidence:
    """A crop of 256 px whose left border is column x of the photo; its parts are a torso throughout."""
    affine = Affine(np.array([[1.0, 0, -x], [0, 1.0, 0]]))
    crop = Crop(np.zeros((256, 256, 3), np.uint8), affine, np.array(box, np.float32), score)
    return Evidence(crop, Candidates.empty(), PartMaps(certain(np.full((64, 64), Part.TORSO)), 4.0))


def test_people_of_two_crops_by_hand() -> None:
    """The first crop shows its own person, the person of the second crop, and a third without a box of its own."""
    config = PipelineConfig()
    evidence = [
        shifted_crop(0, (0, 0, 100, 200), 0.5),
        shifted_crop(200, (200, 0, 300, 200), 0.75),
        shifted_crop(400, (400, 0, 500, 200), 1.0),
    ]
    first, neighbour, third = make_pose(), make_pose((200, 0)), make_pose((130, 10), 0.5)
    second = make_pose()  # in the second crop's frame
    certificates = [Certificate(-float(k), -float(k), 0.0, "optimal") for k in range(3)]
    choices = [Choice(first, (neighbour, third)), Choice(second, ()), Choice(None, ())]
    groupings = [
        Grouping((first, neighbour, third), certificates[0]),
        Grouping((second,), certificates[1]),
        Grouping((), certificates[2]),
    ]
    parts = [item.parts for item in evidence]
    merged = merge(evidence, groupings, choices, parts, (256, 700), config)

    # The ranks of the owners of the boxes: 0.5 and 0.75, times the same fit. People without a box come last, and the
    # neighbour, seen twice, is dropped.
    assert [source.crop for source in merged.sources] == [1, 0, 0]
    for source, pose in zip(merged.sources, (second, first, third), strict=True):
        assert source.pose is pose
    assert [person.certificate for person in merged.people] == [certificates[k] for k in (1, 0, 0)]
    np.testing.assert_array_equal(merged.people[0].pose.xy, neighbour.xy)
    np.testing.assert_array_equal(merged.people[1].pose.xy, first.xy)
    np.testing.assert_array_equal(merged.people[0].box, [200, 0, 300, 200])
    assert [person.box_score for person in merged.people[:2]] == [0.75, 0.5]
    # The third's joints span x 137 to 173 and y 17.5 to 102.5; 8 % of 85 px are 6.8 px.
    np.testing.assert_allclose(merged.people[2].box, [130.2, 10.7, 179.8, 109.3], atol=1e-4)
    assert merged.people[2].box_score == pytest.approx(0.5 * (0.9 - 0.03 * 6.5), rel=1e-6)
    # The crop without a pose gives no parts: columns 0 to 455 are covered by the two others.
    assert (merged.part_map[:, :456] == Part.TORSO).all() and not merged.part_map[:, 456:].any()
    assert merged.person_map[100, 250] == 1
    assert merged.person_map[100, 50] == 2
    assert merged.person_map[60, 155] == 3
    assert not merged.person_map[:, 456:].any()


def test_no_crops_no_people() -> None:
    merged = merge([], [], [], [], (5, 7), PipelineConfig())
    assert merged.people == merged.sources == ()
    assert merged.part_map.shape == merged.person_map.shape == (5, 7)
    assert not merged.part_map.any() and not merged.person_map.any()
