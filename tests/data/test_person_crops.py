"""Training crops: image, joints and maps land together; what has no label is masked."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from posepart.config import CropConfig
from posepart.data.augment import NO_AUGMENTATION, AugmentConfig
from posepart.data.person_crops import MAX_PEOPLE, CropBatchConfig, PersonCrops, crop_labels
from posepart.data.sample import LabelledPerson, Sample
from posepart.geometry.frames import Affine, crop_to_map
from posepart.schema import IGNORE, Joint, Part
from posepart.schema.lip import LIP, LipJoint, LipLabel

SIZE = 64
CONFIG = CropBatchConfig(batch_size=4, crop=CropConfig(size=SIZE, margin=1.25), augment=NO_AUGMENTATION)
SPOT = {Joint.LEFT_ELBOW: (41.0, 37.0), Joint.NECK: (30.0, 20.0), Joint.RIGHT_ANKLE: (35.0, 70.0)}
ALL = {joint: (20.0 + 2 * joint, 30.0 + joint) for joint in Joint}
IDENTITY = Affine(np.eye(3)[:2])

SampleOf = Callable[..., Sample]
JointsAt = Callable[..., NDArray[np.float32]]


def person(
    joints: NDArray[np.float32] | None, box: tuple[float, ...] = (10, 10, 70, 80), **more: int
) -> LabelledPerson:
    return LabelledPerson(np.array(box, np.float32), joints, **more)  # type: ignore[arg-type]


def black(height: int = 90, width: int = 80) -> NDArray[np.uint8]:
    return np.zeros((height, width, 3), np.uint8)


def brightest(image: torch.Tensor, near: NDArray) -> NDArray[np.float64]:
    """(x, y) centre of gravity of the green light within 9 px of `near`."""
    light = image[1].numpy().astype(float)
    y, x = np.mgrid[: light.shape[0], : light.shape[1]]
    light = light * (abs(x - near[0]) <= 9) * (abs(y - near[1]) <= 9)
    assert light.any(), f"nothing is lit near {near}"
    return np.array([(light * x).sum(), (light * y).sum()]) / light.sum()


def test_nothing_to_train_on() -> None:
    with pytest.raises(ValueError, match="the data holds no person with joints: nothing to train on"):
        PersonCrops([], CONFIG)


def test_people_without_the_needed_labels_are_not_drawn(sample_of: SampleOf, joints_at: JointsAt) -> None:
    few = dict(list(SPOT.items())[:2])
    people = [person(joints_at(SPOT)), person(None), person(joints_at(few))]
    sample = sample_of(black(), people)
    assert PersonCrops([sample], CONFIG).index == [(0, 0)]  # the others have fewer than 3 joints
    with pytest.raises(ValueError, match="no person with parts"):
        PersonCrops([sample], replace(CONFIG, need="parts"))


def test_an_unknown_need_is_refused(sample_of: SampleOf, joints_at: JointsAt) -> None:
    sample = sample_of(black(), [person(joints_at(SPOT))])
    with pytest.raises(ValueError, match="'joint'"):
        PersonCrops([sample], replace(CONFIG, need="joint"))


def test_same_step_same_batch(sample_of: SampleOf, joints_at: JointsAt) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (90, 80, 3)).astype(np.uint8)
    instances = np.zeros((90, 80), np.uint8)
    instances[20:60, 30:50] = 9
    parts = (instances > 0).astype(np.uint8)
    sample = sample_of(noise, [person(joints_at(ALL), instance=9)], parts, instances)
    config = replace(CONFIG, augment=AugmentConfig(), seed=5)
    first, again = PersonCrops([sample], config), PersonCrops([sample], config)
    again[0]  # what was drawn before does not matter
    batch, same, other = first[3], again[3], first[4]
    assert sorted(batch) == ["box", "ignore", "image", "joints", "parts"]
    for key in batch:
        assert torch.equal(batch[key], same[key])
    assert not torch.equal(batch["image"], other["image"])
    reseeded = PersonCrops([sample], replace(config, seed=6))[3]
    assert not torch.equal(batch["image"], reseeded["image"])


def test_shapes_and_types(sample_of: SampleOf, joints_at: JointsAt) -> None:
    batch = PersonCrops([sample_of(black(), [person(joints_at(SPOT))])], CONFIG)[0]
    assert (batch["image"].shape, batch["image"].dtype) == ((4, 3, SIZE, SIZE), torch.uint8)
    assert (batch["joints"].shape, batch["joints"].dtype) == ((4, MAX_PEOPLE, 14, 3), torch.float32)
    assert (batch["box"].shape, batch["box"].dtype) == ((4, 4), torch.float32)
    assert (batch["ignore"].shape, batch["ignore"].dtype) == ((4, 16, 16), torch.bool)
    assert (batch["parts"].shape, batch["parts"].dtype) == ((4, 16, 16), torch.uint8)


GEOMETRY = replace(
    NO_AUGMENTATION, scale=(0.8, 1.2), scale_deviation=0.1, rotation=20, rotation_share=0.7, shift=0.03
)


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_one_lit_spot_its_joint_and_its_cell_land_together(
    sample_of: SampleOf, joints_at: JointsAt, flip: float
) -> None:
    x, y = (int(v) for v in SPOT[Joint.LEFT_ELBOW])
    image, parts = black(), np.zeros((90, 80), np.uint8)
    image[y - 1 : y + 2, x - 1 : x + 2, 1] = 255
    parts[y - 3 : y + 4, x - 3 : x + 4] = Part.LOWER_ARM
    sample = sample_of(image, [person(joints_at(SPOT))], parts)
    batch = PersonCrops([sample], replace(CONFIG, batch_size=12, augment=replace(GEOMETRY, flip=flip)))[0]
    elbow = Joint.RIGHT_ELBOW if flip else Joint.LEFT_ELBOW
    for photo, joints, labels in zip(batch["image"], batch["joints"][:, 0], batch["parts"], strict=True):
        assert joints[:, 2].sum() == 3
        assert joints[elbow, 2] == 1
        place = joints[elbow, :2].numpy()
        np.testing.assert_allclose(brightest(photo, place), place, atol=0.35)
        cells = np.argwhere(labels.numpy() == Part.LOWER_ARM)[:, ::-1]
        assert len(cells)
        np.testing.assert_allclose(cells.mean(0), crop_to_map(place, 4), atol=0.6)


def test_a_strongly_shrunk_crop_still_shows_every_spot(sample_of: SampleOf, joints_at: JointsAt) -> None:
    rng = np.random.default_rng(0)
    for number in range(8):
        x, y = (int(v) for v in rng.integers(300, 900, 2))
        image = black(1200, 1200)
        image[y - 2 : y + 3, x - 2 : x + 3, 1] = 255
        joints = joints_at({joint: (float(x), float(y)) for joint in SPOT})
        sample = sample_of(image, [person(joints, (50, 50, 1150, 1150))], name=f"large{number}")
        view = PersonCrops([sample], replace(CONFIG, batch_size=1))[0]
        place = view["joints"][0, 0, Joint.NECK, :2].numpy()
        np.testing.assert_allclose(brightest(view["image"][0], place), place, atol=0.6)


def test_joints_outside_the_crop_are_not_labelled(sample_of: SampleOf, joints_at: JointsAt) -> None:
    joints = joints_at(
        {
            Joint.NECK: (0, 0),
            Joint.LEFT_HIP: (63, 63),
            Joint.LEFT_KNEE: (63.5, 20),
            Joint.LEFT_ANKLE: (20, -1),
        }
    )
    view = crop_labels(sample_of(black(), [person(joints)]), 0, IDENTITY, False, SIZE, 4)
    assert np.flatnonzero(view["joints"][0, :, 2]).tolist() == [Joint.NECK, Joint.LEFT_HIP]
    assert (view["joints"][0, Joint.LEFT_KNEE] == 0).all()


def test_occluded_joints_count_as_labelled(sample_of: SampleOf, joints_at: JointsAt) -> None:
    joints = joints_at(ALL)
    joints[:, 2] = 1
    view = crop_labels(sample_of(black(), [person(joints)]), 0, IDENTITY, False, SIZE, 4)
    assert (view["joints"][0, :, 2] == 1).all()


def test_the_crops_own_person_comes_first(sample_of: SampleOf, joints_at: JointsAt) -> None:
    people = [person(joints_at({Joint.NECK: (5.0 * i, 9.0)})) for i in range(1, 4)]
    view = crop_labels(sample_of(black(), people), 2, IDENTITY, False, SIZE, 4)
    assert view["joints"][:4, Joint.NECK, 0].tolist() == [15, 5, 10, 0]


def test_a_photo_without_parts_is_ignored_everywhere(sample_of: SampleOf, joints_at: JointsAt) -> None:
    view = crop_labels(sample_of(black(), [person(joints_at(SPOT))]), 0, IDENTITY, False, SIZE, 4)
    assert (view["parts"] == IGNORE).all()


def test_ignored_pixels_stay_ignored_and_outside_is_background(
    sample_of: SampleOf, joints_at: JointsAt
) -> None:
    parts = np.full((32, 32), IGNORE, np.uint8)
    view = crop_labels(
        sample_of(black(32, 32), [person(joints_at(SPOT))], parts), 0, IDENTITY, False, SIZE, 4
    )
    assert (view["parts"][:8, :8] == IGNORE).all()
    assert (view["parts"][8:] == Part.BACKGROUND).all()
    assert (view["parts"][:, 8:] == Part.BACKGROUND).all()


def test_unlabelled_people_are_regions_to_ignore(sample_of: SampleOf, joints_at: JointsAt) -> None:
    complete = person(joints_at(ALL), (0, 0, 63, 63))
    sample = sample_of(black(), [complete], name="complete")
    assert not crop_labels(sample, 0, IDENTITY, False, SIZE, 4)["ignore"].any()
    # box 8..23 covers the cells 2..5, whose centres lie at 9.5, 13.5, 17.5 and 21.5
    sample = sample_of(black(), [complete, person(None, (9.5, 33.5, 21.5, 45.5))], name="unlabelled")
    ignore = crop_labels(sample, 0, IDENTITY, False, SIZE, 4)["ignore"]
    assert sorted({int(x) for _, x in np.argwhere(ignore)}) == [2, 3, 4, 5]
    assert sorted({int(y) for y, _ in np.argwhere(ignore)}) == [8, 9, 10, 11]
    assert ignore.sum() == 16


def test_crowds_are_regions_to_ignore(sample_of: SampleOf, joints_at: JointsAt) -> None:
    complete = person(joints_at(ALL), (0, 0, 63, 63))
    sample = sample_of(black(), [complete], ignored=[(9.5, 33.5, 21.5, 45.5)])
    assert crop_labels(sample, 0, IDENTITY, False, SIZE, 4)["ignore"].sum() == 16


def test_a_person_with_a_joint_missing_may_have_it_anywhere_in_the_box(
    sample_of: SampleOf, joints_at: JointsAt
) -> None:
    sample = sample_of(black(), [person(joints_at(SPOT), (9.5, 33.5, 21.5, 45.5))])
    assert crop_labels(sample, 0, IDENTITY, False, SIZE, 4)["ignore"].sum() == 16


def test_people_beyond_the_limit_are_ignored(sample_of: SampleOf, joints_at: JointsAt) -> None:
    people = [person(joints_at(ALL), (0, 0, 20, 20)) for _ in range(MAX_PEOPLE)]
    people.append(person(joints_at(ALL), (9.5, 33.5, 21.5, 45.5)))
    view = crop_labels(sample_of(black(), people), 0, IDENTITY, False, SIZE, 4)
    assert view["ignore"][8:12, 2:6].all()


@pytest.mark.parametrize(
    ("affine", "expected"),
    [
        (IDENTITY, (10, 10, 70, 80)),
        (Affine(np.array([[0.5, 0, 1], [0, 0.5, 2]])), (6, 7, 36, 42)),
        # a quarter turn: the hull lies down
        (Affine(np.array([[0.0, -1, 90], [1, 0, 0]])), (10, 10, 80, 70)),
    ],
)
def test_box_of_the_crops_own_person(
    sample_of: SampleOf, affine: Affine, expected: tuple[float, ...]
) -> None:
    view = crop_labels(sample_of(black(), [person(None)]), 0, affine, False, SIZE, 4)
    np.testing.assert_allclose(view["box"], expected)


def test_sources_are_drawn_by_their_shares(sample_of: SampleOf, joints_at: JointsAt) -> None:
    samples = []
    for i in range(5):
        image = black(12, 12) + np.uint8(250 if i == 0 else 10)
        joints = joints_at(dict.fromkeys(SPOT, (5.0, 5.0)))
        samples.append(
            sample_of(image, [person(joints, (2, 2, 9, 9))], name=f"s{i}", source="a" if i == 0 else "b")
        )
    crops = PersonCrops(
        samples, replace(CONFIG, batch_size=200, source_shares={"a": 0.6}, crop=CropConfig(size=8))
    )
    bright = (crops[0]["image"][:, 0, 4, 4] > 200).float().mean()
    assert 0.5 < float(bright) < 0.7  # one sample of five without shares


def donor_sample(sample_of: SampleOf, joints_at: JointsAt) -> Sample:
    """A white square person with instance value 3 on black; the neck in the middle."""
    image, instances, parts = black(90, 90), np.zeros((90, 90), np.uint8), np.zeros((90, 90), np.uint8)
    image[25:65, 25:65], instances[25:65, 25:65], parts[25:65, 25:65] = 255, 3, Part.TORSO
    places = {Joint.NECK: (45.0, 45.0), Joint.LEFT_HIP: (30.0, 60.0), Joint.RIGHT_HIP: (60.0, 60.0)}
    return sample_of(
        image, [person(joints_at(places), (25, 25, 64, 64), instance=3)], parts, instances, "donor"
    )


def test_pasted_people_bring_pixels_parts_and_joints(sample_of: SampleOf, joints_at: JointsAt) -> None:
    sample = donor_sample(sample_of, joints_at)
    config = replace(CONFIG, batch_size=16, augment=replace(NO_AUGMENTATION, paste=1.0))
    batch = PersonCrops([sample], config)[0]
    pasted = 0
    for image, joints, parts in zip(batch["image"], batch["joints"], batch["parts"], strict=True):
        blocks = image[1].numpy().reshape(16, 4, 16, 4)
        torso = parts.numpy() == Part.TORSO
        bright, dark = blocks.min((1, 3)) > 200, blocks.max((1, 3)) < 50  # the others lie on an edge
        assert torso[bright].all()
        assert not torso[dark].any()
        assert min(bright.sum(), dark.sum()) > 20
        for row in range(MAX_PEOPLE):
            if joints[row, Joint.NECK, 2] and row != 0:
                x, y = joints[row, Joint.NECK, :2].round().long().tolist()
                assert image[1, y, x] > 200
                assert torso[min(y // 4, 15), min(x // 4, 15)]
                pasted += 1
    assert pasted >= 8


def test_joints_under_a_pasted_person_are_hidden(sample_of: SampleOf, joints_at: JointsAt) -> None:
    sample = donor_sample(sample_of, joints_at)
    config = replace(CONFIG, batch_size=24, augment=replace(NO_AUGMENTATION, paste=1.0))
    plain = PersonCrops([sample], replace(config, augment=NO_AUGMENTATION, batch_size=1))[0]["joints"][0, 0]
    own = PersonCrops([sample], config)[0]["joints"][:, 0]
    kept = own[..., 2] > 0
    assert (~kept[:, plain[:, 2] > 0]).any()  # some are covered, and only whole rows go
    assert (own[~kept] == 0).all()
    torch.testing.assert_close(own[kept], plain.expand_as(own)[kept])


def test_a_rectangle_turns_parts_to_background_but_keeps_ignored_cells(
    sample_of: SampleOf, joints_at: JointsAt
) -> None:
    parts = np.full((90, 80), Part.TORSO, np.uint8)
    parts[:45] = IGNORE
    sample = sample_of(black(), [person(joints_at(SPOT))], parts)
    config = replace(CONFIG, batch_size=16)
    plain = PersonCrops([sample], config)[0]["parts"]
    covered = PersonCrops([sample], replace(config, augment=replace(NO_AUGMENTATION, rectangle=1.0)))[0][
        "parts"
    ]
    assert ((plain == IGNORE) == (covered == IGNORE)).all()
    changed = plain != covered
    assert changed.any()
    assert (covered[changed] == Part.BACKGROUND).all()


def lip_sample(sample_of: SampleOf) -> Sample:
    """The person's left arm is on the right of the picture."""
    labels = np.full((64, 64), LipLabel.RIGHT_ARM, np.uint8)
    labels[:, 32:] = LipLabel.LEFT_ARM
    joints = np.zeros((16, 3), np.float32)
    joints[[LipJoint.LEFT_WRIST, LipJoint.LEFT_ELBOW, LipJoint.SPINE]] = [
        [50, 20, 2],
        [45, 30, 2],
        [32, 40, 1],
    ]
    sample = sample_of(black(64, 64), [], labels)
    return replace(sample, people=(person(joints, (0, 0, 63, 63)),), schema=LIP)


def test_crops_of_another_schema_swap_joints_and_labels(sample_of: SampleOf) -> None:
    config = replace(CONFIG, crop=CropConfig(size=64, margin=1.0), batch_size=1)
    plain, mirrored = (
        PersonCrops([lip_sample(sample_of)], replace(config, augment=replace(NO_AUGMENTATION, flip=flip)))[0]
        for flip in (0.0, 1.0)
    )
    assert plain["joints"].shape == mirrored["joints"].shape == (1, MAX_PEOPLE, 16, 3)
    left, right = plain["joints"][0, 0, LipJoint.LEFT_WRIST], mirrored["joints"][0, 0, LipJoint.RIGHT_WRIST]
    assert left[2] == right[2] == 1
    assert float(left[0] + right[0]) == pytest.approx(63, abs=0.01)
    assert mirrored["joints"][0, 0, LipJoint.LEFT_WRIST, 2] == 0
    # the person's left arm is now on the left of the picture, where it is her right one
    assert (plain["parts"][0, :, 9:] == LipLabel.LEFT_ARM).all()
    assert (mirrored["parts"][0, :, :7] == LipLabel.RIGHT_ARM).all()
    assert (mirrored["parts"][0, :, 9:] == LipLabel.LEFT_ARM).all()


def test_samples_of_two_schemas_are_refused(sample_of: SampleOf, joints_at: JointsAt) -> None:
    ours = sample_of(black(), [person(joints_at(SPOT))], name="ours")
    with pytest.raises(
        ValueError, match=r"labels of several schemas \(lip, posepart\): train on one of them"
    ):
        PersonCrops([lip_sample(sample_of), ours], CONFIG)
