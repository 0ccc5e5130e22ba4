"""The fixtures in the papers' file layouts, read back by the readers of the real data sets."""

from pathlib import Path

import numpy as np
import pytest

from posepart.data.cihp import read_atr
from posepart.data.lip import read_lip
from posepart.data.mpii import read_mpii
from posepart.data.pascal_person_part import read_pascal_person_part
from posepart.data.readers import find_layout
from posepart.reproduction.fixtures import (
    scenes_of_splits,
    write_atr,
    write_lip,
    write_mpii,
    write_pascal_person_part,
)
from posepart.reproduction.lip_labels import lip_joints, lip_labels
from posepart.schema import Joint, Part
from posepart.schema.lip import LipJoint, LipLabel
from posepart.schema.mpii import MPII
from posepart.synthetic.scene import SyntheticScene


@pytest.fixture(scope="module")
def scenes() -> dict[str, list[SyntheticScene]]:
    return scenes_of_splits({"train": 2, "val": 2})


def test_pascal_person_part_comes_back(tmp_path: Path, scenes: dict[str, list[SyntheticScene]]) -> None:
    write_pascal_person_part(tmp_path, scenes)
    assert find_layout(tmp_path).name == "PASCAL-Person-Part"
    for split, drawn in scenes.items():
        samples = read_pascal_person_part(tmp_path, split)
        assert len(samples) == len(drawn) == 2
        for sample, scene in zip(samples, drawn, strict=True):
            assert sample.boxes_complete
            np.testing.assert_array_equal(sample.read_parts(), scene.parts)
            for found, person in zip(sample.people, scene.people, strict=True):
                np.testing.assert_allclose(found.box, person.box)
                assert found.joints is not None
                inside = person.joints[:, 2] > 0
                np.testing.assert_allclose(found.joints[inside, :2], person.joints[inside, :2], rtol=1e-6)
                np.testing.assert_array_equal(found.joints[:, 2] > 0, inside)


def test_lip_comes_back(tmp_path: Path, scenes: dict[str, list[SyntheticScene]]) -> None:
    write_lip(tmp_path, scenes)
    assert find_layout(tmp_path).name == "LIP"
    pictures = read_lip(tmp_path, "val")
    assert len(pictures) >= 3
    areas = [np.prod(picture.size()) for picture in pictures]
    assert max(areas) > 321**2 > 153**2 > min(areas)
    seen: set[int] = set()
    for picture in pictures:
        labels, joints = picture.read_labels(), picture.joints
        assert labels is not None and joints is not None
        assert labels.shape[::-1] == picture.size()
        assert (joints[:, :2].max(axis=0) < picture.size()).all()
        seen |= set(np.unique(labels).tolist())
    arms = {LipLabel.LEFT_ARM, LipLabel.RIGHT_ARM, LipLabel.LEFT_SHOE, LipLabel.RIGHT_SHOE}
    assert seen >= {LipLabel.BACKGROUND, LipLabel.FACE, LipLabel.HAIR, *arms}
    assert read_lip(tmp_path, "test")[0].read_labels() is None


def test_atr_comes_back(tmp_path: Path, scenes: dict[str, list[SyntheticScene]]) -> None:
    write_lip(tmp_path / "lip", scenes)
    write_atr(tmp_path / "atr", scenes["val"])
    for atr, lip in zip(read_atr(tmp_path / "atr", "val"), read_lip(tmp_path / "lip", "val"), strict=True):
        found, labels = atr.read_lip_labels(), lip.read_labels()
        assert found is not None and labels is not None
        np.testing.assert_array_equal(found, np.where(labels == LipLabel.COAT, LipLabel.BACKGROUND, labels))


def test_mpii_comes_back(tmp_path: Path, scenes: dict[str, list[SyntheticScene]]) -> None:
    write_lip(tmp_path / "lip", scenes)
    write_mpii(tmp_path / "mpii", scenes["val"])
    samples = read_mpii(tmp_path / "mpii", "single", MPII)
    for sample, picture in zip(samples, read_lip(tmp_path / "lip", "val"), strict=True):
        found, joints = sample.people[0].joints, picture.joints
        assert found is not None and joints is not None
        inside = joints[:, 2] > 0
        np.testing.assert_allclose(found[inside, :2], joints[inside, :2], atol=0.01)
        np.testing.assert_array_equal(found[:, 2] > 0, inside)


def test_the_sides_of_a_standing_person() -> None:
    """A person who faces us: its left is on the right of the picture."""
    joints = np.zeros((14, 3))
    joints[:, 2] = 2
    for side, x in (("LEFT", 20), ("RIGHT", 10)):
        for name, y in (
            ("SHOULDER", 10),
            ("ELBOW", 15),
            ("WRIST", 20),
            ("HIP", 20),
            ("KNEE", 30),
            ("ANKLE", 40),
        ):
            joints[Joint[f"{side}_{name}"], :2] = x, y
    joints[Joint.NECK, :2], joints[Joint.FOREHEAD, :2] = (15, 8), (15, 4)
    parts = np.zeros((45, 30), np.uint8)
    parts[0:8, 13:18], parts[8:20, 12:19] = Part.HEAD, Part.TORSO
    parts[10:20, 9:12], parts[10:20, 19:22] = Part.UPPER_ARM, Part.LOWER_ARM
    parts[30:44, 9:12], parts[30:44, 19:22] = Part.LOWER_LEG, Part.LOWER_LEG
    labels = lip_labels(parts, joints, outfit=1)
    assert labels[15, 10] == LipLabel.RIGHT_ARM and labels[15, 20] == LipLabel.LEFT_ARM
    assert labels[32, 10] == LipLabel.RIGHT_LEG and labels[32, 20] == LipLabel.LEFT_LEG
    assert labels[42, 10] == LipLabel.RIGHT_SHOE and labels[42, 20] == LipLabel.LEFT_SHOE
    assert (labels[1, 15], labels[7, 15], labels[12, 15]) == (LipLabel.HAIR, LipLabel.FACE, LipLabel.COAT)
    lip = lip_joints(joints)
    assert lip[LipJoint.PELVIS].tolist() == [15, 20, 2]
    assert lip[LipJoint.SPINE].tolist() == [15, 15, 2]
    joints[Joint.LEFT_HIP, 2] = 0
    assert lip_joints(joints)[LipJoint.PELVIS].tolist() == [0, 0, 0]
