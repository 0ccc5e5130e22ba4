import dataclasses
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from helpers import people_data

from posepart.data.sample import Sample
from posepart.metrics.collect import joint_errors, scored_joints
from posepart.metrics.judged import judge, part_similarity, pose_similarity, predicted_people
from posepart.metrics.measure import Measure, compare_scenes, measure_photos
from posepart.metrics.tables import format_comparisons, format_measures, measures_to_record
from posepart.schema import FLIP_JOINTS, PART_NAMES, Joint
from posepart.structures import Scene

LOWER_IS_BETTER = {"false_people_per_photo", "joint_calibration_error", "adk"}


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    return people_data.write_people(tmp_path)


def measured(pairs: Iterable[tuple[Sample, Scene]], replicates: int = 0) -> list[Measure]:
    return list(measure_photos([judge(*pair) for pair in pairs], replicates=replicates))


def values(pairs: Iterable[tuple[Sample, Scene]], replicates: int = 0) -> dict[str, Measure]:
    return {m.name: m for m in measured(pairs, replicates)}


def test_no_photos() -> None:
    measures = values([], replicates=10)
    assert all(np.isnan(m.value) and m.samples == 0 for m in measures.values())
    assert format_measures(list(measures.values())).count("\n") == 0


def test_perfect(samples: list[Sample]) -> None:
    measures = values([(s, people_data.perfect_scene(s)) for s in samples])
    defined = {name: m.value for name, m in measures.items() if m.samples}
    for name, value in defined.items():
        assert value == (0 if name in LOWER_IS_BETTER else 1), name
    assert {"box_ap50", "pck_lsp_extended", "oks_ap", "adk", "part_miou_derived", "parsing_pcp_50"} <= set(
        defined
    )
    assert {name: measures[name].samples / 12 for name in ("pck_coco", "pck_pelota", "pck_lsp_extended")} == {
        "pck_coco": 5, "pck_pelota": 1, "pck_lsp_extended": 1,
    }  # fmt: skip
    assert measures["pck_human"].samples == 7 * 12
    assert measures["oks_ap"].samples == 5
    assert (measures["box_ap50"].photos, measures["box_ap50"].samples) == (4, 6)


def test_empty(samples: list[Sample]) -> None:
    measures = values([(s, people_data.empty_scene(s)) for s in samples])
    zero = ["box_ap50", "box_recall", "pck_lsp_extended", "pck_coco", "pck_human", "oks_ap", "pose_map_pckh"]
    zero += ["pose_map_pose_box", "parsing_ap_p", "parsing_pcp_50"]
    zero += [f"part_iou_derived_{name}" for name in PART_NAMES[1:]]
    assert {name: measures[name].value for name in zero} == dict.fromkeys(zero, 0)
    assert measures["false_people_per_photo"].value == 0
    assert measures["people_free_photos_right"].value == 1


def test_shuffled_people_change_nothing(samples: list[Sample]) -> None:
    plain = values([(s, people_data.poor_scene(s)) for s in samples])
    shuffled = []
    for sample in samples[::-1]:
        scene = people_data.poor_scene(sample)
        count = len(scene.people)
        numbers = np.where(scene.person_map > 0, count + 1 - scene.person_map, 0).astype(np.uint8)
        scene = dataclasses.replace(scene, people=scene.people[::-1], person_map=numbers)
        shuffled.append((dataclasses.replace(sample, people=sample.people[::-1]), scene))
    for name, measure in values(shuffled).items():
        np.testing.assert_allclose(measure.value, plain[name].value, err_msg=name)


def test_poor_by_hand(samples: list[Sample]) -> None:
    """One limb joint of 12 is beyond 0.2 x 50 px, one class of 6 is lost, its pixels join another."""
    measures = values([(s, people_data.poor_scene(s)) for s in samples], replicates=50)
    np.testing.assert_allclose(measures["pck_human"].value, 11 / 12)
    np.testing.assert_allclose(measures["pose_map_pckh"].value, 6.5 / 7)
    np.testing.assert_allclose(measures["adk"].value, 3.0 / 2 / 8, rtol=1e-6)
    np.testing.assert_allclose(measures["joint_calibration_error"].value, 0.5 / 12)
    np.testing.assert_allclose(measures["part_miou_derived"].value, 5.5 / 7)
    miou = measures["part_miou_derived"]
    assert miou.low <= miou.value <= miou.high


def test_left_and_right_exchanged(samples: list[Sample]) -> None:
    """A person taken from the wrong side has no joint right; exchanged back all 12 are."""
    group = samples[1]
    scene = people_data.perfect_scene(group)
    first = scene.people[0]
    sides = list(FLIP_JOINTS)
    pose = dataclasses.replace(
        first.pose, xy=first.pose.xy[sides], joint_scores=first.pose.joint_scores[sides]
    )
    turned = dataclasses.replace(scene, people=(dataclasses.replace(first, pose=pose), *scene.people[1:]))
    measures = values([(group, turned)])
    np.testing.assert_allclose(measures["pck_human"].value, 2 / 3)
    assert measures["pck_human_unmirrored"].value == 1


def test_false_people_and_ignore_regions(samples: list[Sample]) -> None:
    """The people of the group are reported on the photo without anybody."""
    nobody, group = samples[4], samples[2]
    scene = people_data.perfect_scene(group)
    measures = values([(nobody, scene)])
    assert measures["false_people_per_photo"].value == 2
    assert measures["people_free_photos_right"].value == 0
    region = np.array([[0, 0, people_data.WIDTH, people_data.HEIGHT]], np.float32)
    measures = values([(dataclasses.replace(nobody, ignore_boxes=region), scene)])
    assert measures["false_people_per_photo"].value == 0
    assert measures["people_free_photos_right"].samples == 0


def test_people_with_teacher_joints_are_no_truth(samples: list[Sample]) -> None:
    group = samples[1]
    people = tuple(dataclasses.replace(p, joints_from="teacher") for p in group.people)
    measures = values([(dataclasses.replace(group, people=people), people_data.perfect_scene(group))])
    assert measures["pck_teacher"].samples == 36
    assert "pck_coco" not in measures, "scores by source are of human and exact joints"
    assert measures["pck_human"].samples == measures["oks_ap"].samples == 0


def test_people_without_joints_are_legal(samples: list[Sample]) -> None:
    group = samples[1]
    people = (dataclasses.replace(group.people[0], joints=None, joints_from="none"), *group.people[1:])
    measures = values([(dataclasses.replace(group, people=people), people_data.perfect_scene(group))])
    assert measures["pck_human"].samples == 24
    assert measures["oks_ap"].value == measures["pose_map_pckh"].value == measures["box_ap50"].value == 1


def test_comparison(samples: list[Sample]) -> None:
    poor = [(s, people_data.poor_scene(s)) for s in samples]
    perfect = [(s, people_data.perfect_scene(s)) for s in samples]
    compared = {c.name: c for c in compare_scenes(poor, perfect, replicates=50)}
    pck = compared["pck_human"]
    np.testing.assert_allclose(pck.paired.difference.value, 1 / 12)
    np.testing.assert_allclose([pck.paired.difference.low, pck.paired.difference.high], 1 / 12)
    assert pck.paired.share_above == 1
    assert "pck_human" in format_comparisons(list(compared.values()))
    with pytest.raises(ValueError, match="same samples"):
        compare_scenes(poor, perfect[1:])


def test_results_of_another_size_are_refused(samples: list[Sample]) -> None:
    scene = people_data.empty_scene(samples[0])
    other = dataclasses.replace(scene, part_map=scene.part_map[1:], person_map=scene.person_map[1:])
    with pytest.raises(
        ValueError, match=r"photo_1.jpg: the labels are for 320 x 200 px, the result for 320 x 199"
    ):
        judge(samples[0], other)


def test_predicted_people_of_an_empty_scene(samples: list[Sample]) -> None:
    assert len(predicted_people(people_data.empty_scene(samples[0]))) == 0


def test_photos_are_sorted_by_similarity(samples: list[Sample]) -> None:
    group, nobody = samples[1], samples[4]
    perfect, poor = people_data.perfect_scene(group), people_data.poor_scene(group)
    assert pose_similarity(judge(group, perfect)) == part_similarity(judge(group, perfect)) == 1
    np.testing.assert_allclose(part_similarity(judge(group, poor)), 5.5 / 7)
    assert 11 / 12 < pose_similarity(judge(group, poor)) < 1, "one of twelve joints is off"
    one_of_three = dataclasses.replace(perfect, people=perfect.people[:1])
    np.testing.assert_allclose(pose_similarity(judge(group, one_of_three, parts=False)), 1 / 3)
    assert pose_similarity(judge(group, people_data.empty_scene(group))) == 0
    assert np.isnan(pose_similarity(judge(nobody, people_data.empty_scene(nobody))))
    assert np.isnan(part_similarity(judge(group, perfect, parts=False)))


def test_records(samples: list[Sample]) -> None:
    photos = [judge(s, people_data.poor_scene(s)) for s in samples]
    errors = joint_errors(photos)
    assert errors.shape == (7, 14)
    np.testing.assert_allclose(errors[:, Joint.LEFT_WRIST], 30 / 50)
    assert np.count_nonzero(errors) == 7
    joints = scored_joints(photos)
    assert (joints.photos, len(joints.scores), joints.right.sum()) == (4, 7 * 12, 7 * 11)
    assert joints.scores[~joints.right].tolist() == [0.5] * 7
    assert joint_errors([]).shape == (0, 14)
    assert len(scored_joints([]).scores) == 0


def test_tables(samples: list[Sample]) -> None:
    measures = measured([(s, people_data.poor_scene(s)) for s in samples], replicates=5)
    record = measures_to_record(measures)
    assert record["pck_exact"]["value"] is None
    assert record["pck_human"]["value"] == round(11 / 12, 6)
    lines = {line.split()[0]: line.split() for line in format_measures(measures).splitlines()}
    assert lines["pck_human"][1:] == ["91.7", "91.7", "..", "91.7", "4", "84"]
    assert lines["false_people_per_photo"][1] == "0.000"
    assert "pck_teacher" not in lines
