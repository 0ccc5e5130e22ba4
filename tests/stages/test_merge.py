import tracemalloc

import numpy as np
import pytest
from helpers.scenes import person_of

from posepart.config import CropConfig, MergeConfig
from posepart.geometry import windows
from posepart.geometry.frames import Affine
from posepart.schema import NUM_PARTS, Joint, Part
from posepart.stages.crops import box_affine
from posepart.stages.merge import merge_parts, softened_scores
from posepart.stages.ownership import bone_distances, pixel_owners
from posepart.structures import PartMaps, Person

CONFIG = MergeConfig()
CROP = CropConfig(size=64, margin=1.0)


def certain(part_map: np.ndarray, confidence: float = 1.0) -> np.ndarray:
    """Scores (7, h, w) that give each cell's part `confidence` and the background the rest."""
    scores = (np.arange(NUM_PARTS)[:, None, None] == part_map).astype(np.float32) * np.float32(confidence)
    scores[Part.BACKGROUND] += 1 - confidence
    return scores


def identity() -> Affine:
    return Affine(np.array([[1.0, 0, 0], [0, 1.0, 0]]))


def test_no_people_stay_no_people() -> None:
    assert not merge_parts([], [], 64, (5, 7), CONFIG).any()
    owner = pixel_owners(np.full((5, 7), Part.HEAD, np.uint8), [], [], 64, CONFIG)
    assert owner.shape == (5, 7)
    assert not owner.any()


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
    left = Affine(np.array([[1.0, 0, 0], [0, 1.0, 0]]))
    right = Affine(np.array([[1.0, 0, -32], [0, 1.0, 0]]))
    merged = merge_parts([sure, unsure], [left, right], 64, (70, 100), MergeConfig(part_power=1.0))
    assert (merged[:64, :64] == Part.HEAD).all()  # 0.45 against 0.40 where both are
    assert (merged[:64, 64:96] == Part.TORSO).all()
    assert not merged[64:].any() and not merged[:, 96:].any()


@pytest.mark.parametrize("power, winner", [(1.0, Part.BACKGROUND), (0.25, Part.HEAD)])
def test_the_surer_crop_counts_more_where_scores_are_softened(power: float, winner: Part) -> None:
    everywhere = np.full((16, 16), Part.HEAD)
    maps = [PartMaps(certain(everywhere, confidence), 4.0) for confidence in (0.999, 0.2, 0.2)]
    merged = merge_parts(maps, [identity()] * 3, 64, (64, 64), MergeConfig(part_power=power))
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


@pytest.mark.parametrize("power", [0.0, -1.0, 1.5, float("nan")])
def test_powers_that_do_not_soften_are_refused(power: float) -> None:
    with pytest.raises(ValueError, match=r"merge\.part_power: expected a number in"):
        MergeConfig(part_power=power)


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


def random_scene(seed: int, size: tuple[int, int]) -> tuple[list[PartMaps], list[Affine], list[Person]]:
    rng = np.random.default_rng(seed)
    maps, affines, people = [], [], []
    for _ in range(4):
        corner = rng.uniform(0, [size[1] * 0.6, size[0] * 0.6])
        box = np.concatenate([corner, corner + rng.uniform(60, 150, 2)])
        affines.append(box_affine(box, CROP))
        labels = rng.integers(0, NUM_PARTS, (4, 4)).repeat(4, 0).repeat(4, 1)
        maps.append(PartMaps(certain(labels, 0.8), 4.0))
        joints = {joint: tuple(rng.uniform(box[:2], box[2:])) for joint in Joint}
        people.append(person_of(joints, box=tuple(box)))
    return maps, affines, people


def test_strips_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    shape = (300, 400)
    maps, affines, people = random_scene(1, shape)
    whole = merge_parts(maps, affines, 64, shape, CONFIG)
    owner = pixel_owners(whole, people, affines, 64, CONFIG)
    monkeypatch.setattr(windows, "STRIP_PIXELS", 400 * 7)
    assert (
        merge_parts(maps, affines, 64, shape, CONFIG) != whole
    ).mean() < 1e-3  # OpenCV warps in 1/32 of a cell
    np.testing.assert_array_equal(pixel_owners(whole, people, affines, 64, CONFIG), owner)
    assert len(np.unique(owner)) == 5


def test_a_huge_photo_needs_no_more_than_its_label_maps() -> None:
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


def arm(x: float, box: tuple[float, ...] = (0, 0, 63, 63)) -> Person:
    return person_of({Joint.LEFT_ELBOW: (x, 10), Joint.LEFT_WRIST: (x, 50)}, box=box)


def test_pixels_go_to_the_nearest_bone_of_their_part() -> None:
    part_map = np.zeros((64, 64), np.uint8)
    part_map[30, :] = Part.LOWER_ARM
    owner = pixel_owners(part_map, [arm(10), arm(50)], [identity()] * 2, 64, CONFIG)
    assert (owner[30, :30] == 1).all()
    assert (owner[30, 31:] == 2).all()
    assert np.count_nonzero(owner) == 64


def test_a_bone_of_the_part_beats_a_nearer_bone_of_another_part() -> None:
    part_map = np.zeros((64, 64), np.uint8)
    part_map[30, 22] = Part.LOWER_LEG
    leg = person_of({Joint.LEFT_KNEE: (40, 10), Joint.LEFT_ANKLE: (40, 50)})
    owner = pixel_owners(part_map, [arm(20), leg], [identity()] * 2, 64, CONFIG)
    assert owner[30, 22] == 2  # 18 px against 2 + 24 px
    assert pixel_owners(part_map, [arm(20)], [identity()], 64, CONFIG)[30, 22] == 1


def test_outside_its_box_a_person_reaches_only_so_far() -> None:
    part_map = np.zeros((64, 64), np.uint8)
    part_map[30, :] = Part.LOWER_ARM
    owner = pixel_owners(part_map, [arm(10, box=(5, 5, 15, 55))], [identity()], 64, CONFIG)
    assert (owner[30, :34] == 1).all()
    assert not owner[30, 36:].any()
    whole = pixel_owners(part_map, [arm(10, box=(5, 5, 60, 55))], [identity()], 64, CONFIG)
    assert (whole[30, :61] == 1).all()


def test_people_of_different_sizes_are_measured_by_their_own_size() -> None:
    part_map = np.zeros((128, 128), np.uint8)
    part_map[60, 60] = Part.LOWER_ARM
    small, large = arm(50, box=(0, 0, 127, 127)), arm(75, box=(0, 0, 127, 127))
    fine = Affine(np.array([[2.0, 0, -60], [0, 2.0, -60]]))  # crop of 32 photo px
    coarse = Affine(np.array([[0.5, 0, 0], [0, 0.5, 0]]))  # crop of 128 photo px
    owner = pixel_owners(part_map, [small, large], [fine, coarse], 64, CONFIG)
    assert owner[60, 60] == 2  # 10 px are 20 of the small crop's, 18 px are 9 of the large one's


def test_background_and_people_without_joints_get_nothing() -> None:
    part_map = np.zeros((64, 64), np.uint8)
    assert not pixel_owners(part_map, [arm(10)], [identity()], 64, CONFIG).any()
    part_map[:] = Part.HEAD
    assert not pixel_owners(part_map, [person_of({})], [identity()], 64, CONFIG).any()


def test_distance_field_by_hand() -> None:
    field = bone_distances(arm(20).pose, identity(), 64, CONFIG) / 16
    assert field[Part.LOWER_ARM, 30, 30] == pytest.approx(10, abs=0.1)
    assert field[Part.UPPER_ARM, 10, 24] == pytest.approx(4, abs=0.5)  # the elbow alone
    assert field[Part.HEAD, 30, 30] == pytest.approx(34, abs=0.1)
    assert (field[Part.BACKGROUND] > 4000).all()


def test_more_people_than_ids_are_refused() -> None:
    with pytest.raises(ValueError, match="256 people"):
        pixel_owners(np.zeros((4, 4), np.uint8), [arm(1)] * 256, [identity()] * 256, 64, CONFIG)
