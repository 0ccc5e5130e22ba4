"""MPII, from its MATLAB file and from the JSON files made of it."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.lip_layout import write_mpii, write_mpii_matlab

from posepart.data.mpii import mpii_splits, read_mpii
from posepart.data.readers import find_layout, read_samples
from posepart.schema import Joint
from posepart.schema.mpii import MPII, MpiiJoint


def test_no_mpii(tmp_path: Path) -> None:
    assert mpii_splits(tmp_path) == ()
    (tmp_path / "images").mkdir()
    assert mpii_splits(tmp_path) == ()
    with pytest.raises(ValueError, match="has no split 'train'; there are"):
        read_mpii(tmp_path)


def test_both_forms_hold_the_same(tmp_path: Path) -> None:
    exported = read_samples(write_mpii(tmp_path / "json"), "train", "mpii")
    released = read_samples(write_mpii_matlab(tmp_path / "matlab"), "train", "mpii")
    assert find_layout(tmp_path / "json").name == find_layout(tmp_path / "matlab").name == "MPII"
    assert (
        [len(sample.people) for sample in exported]
        == [len(sample.people) for sample in released]
        == [1, 2, 1]
    )
    for one, other in zip(exported, released, strict=True):
        for a, b in zip(one.people, other.people, strict=True):
            assert a.joints is not None and b.joints is not None
            np.testing.assert_allclose(a.box, b.box)
            np.testing.assert_allclose(a.joints[:, :2], b.joints[:, :2])
            np.testing.assert_array_equal(a.joints[:, 2] > 0, b.joints[:, 2] > 0)
            assert a.head_size == 0 < b.head_size  # the JSON files have no head boxes


def test_head_size_is_a_share_of_the_diagonal(tmp_path: Path) -> None:
    person = read_mpii(write_mpii_matlab(tmp_path), "train", MPII)[0].people[0]
    assert person.joints is not None
    top, neck = person.joints[MpiiJoint.HEAD_TOP], person.joints[MpiiJoint.UPPER_NECK]
    # the helper's head boxes are 6 px wide and reach from one pixel below the head top, counted from 1, to the neck
    assert person.head_size == pytest.approx(0.6 * np.hypot(6, neck[1] - top[1]), abs=0.01)


def test_pixels_are_counted_from_0(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    write_mpii(tmp_path, {"train": 1})
    (entry,) = json.loads((tmp_path / "train.json").read_text())
    entry["joints"][MpiiJoint.PELVIS] = [1, 1]
    (tmp_path / "train.json").write_text(json.dumps([entry]))
    joints = read_mpii(tmp_path, "train", MPII)[0].people[0].joints
    assert joints is not None
    assert joints[MpiiJoint.PELVIS].tolist() == [0, 0, 2]


def test_pictures_of_one_person(tmp_path: Path) -> None:
    write_mpii(tmp_path, {"train": 5})
    assert mpii_splits(tmp_path) == ("train",)
    assert len(read_mpii(tmp_path, "single")) == 3


def test_in_our_schema(tmp_path: Path) -> None:
    write_mpii(tmp_path, {"train": 1})
    own, ours = (read_samples(tmp_path, "train", name)[0].people[0].joints for name in ("mpii", "posepart"))
    assert own is not None and ours is not None
    assert ours.shape == (14, 3)
    np.testing.assert_array_equal(ours[Joint.LEFT_KNEE], own[MpiiJoint.LEFT_KNEE])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{", "train.json: not a JSON file that can be read"),
        ("{}", "expected a list of people, got dict"),
        ('[{"image": "a.jpg"}]', "person 1: expected image, center, scale"),
        (
            '[{"image": "a.jpg", "scale": 1, "center": [1, 2], "joints": [[1, 2]], "joints_vis": [1]}]',
            r"person 1: expected joints \(16, 2\)",
        ),
        (
            json.dumps(
                [
                    {
                        "image": "a.jpg",
                        "scale": 1e300,
                        "center": [1, 2],
                        "joints": [[1, 2]] * 16,
                        "joints_vis": [1] * 16,
                    }
                ]
            ),
            "no finite number",
        ),
        (
            json.dumps([{"image": "a.jpg", "scale": 1, "center": 10**400, "joints": [], "joints_vis": []}]),
            "person 1: expected image, center, scale",
        ),
        (
            json.dumps([{"image": "1" * 400, "scale": 1, "center": [], "joints": [], "joints_vis": []}]),
            r"person 1: '1+\.\.\.' is no name of a picture; correct it",
        ),
    ],
)
def test_wrong_json(tmp_path: Path, content: str, expected: str) -> None:
    (tmp_path / "train.json").write_text(content)
    with pytest.raises(ValueError, match=expected):
        read_mpii(tmp_path, "train")


def test_a_damaged_matlab_file(tmp_path: Path) -> None:
    path = write_mpii_matlab(tmp_path) / "mpii_human_pose_v1_u12_1.mat"
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(ValueError, match=r"not MPII's MATLAB file .*; copy it again"):
        read_mpii(tmp_path, "train")
