"""Body schemas: what each data set has, and what a mirror does to it."""

import numpy as np
import pytest

from posepart.schema import FLIP_JOINTS, IGNORE, POSEPART, BodySchema
from posepart.schema.atr_and_cihp import ATR, CIHP, AtrLabel
from posepart.schema.lip import LIP, LipJoint, LipLabel
from posepart.schema.mpii import MPII, MpiiJoint
from posepart.schema.named import SCHEMAS, schema_named


@pytest.mark.parametrize(
    ("name", "joints", "labels", "regions"),
    [("posepart", 14, 7, 6), ("lip", 16, 20, 9), ("cihp", 0, 20, 9), ("atr", 0, 18, 9), ("mpii", 16, 0, 0)],
)
def test_sizes(name: str, joints: int, labels: int, regions: int) -> None:
    schema = schema_named(name)
    assert (len(schema.joints), len(schema.labels), len(schema.regions)) == (joints, labels, regions)


def test_an_unknown_name() -> None:
    with pytest.raises(
        ValueError, match="schema: expected one of posepart, lip, cihp, atr, mpii, got 'coco'"
    ):
        schema_named("coco")


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_names_of_flips(schema: BodySchema) -> None:
    swap = {"left": "right", "right": "left"}
    for names, flips in ((schema.joints, schema.flip_joints), (schema.labels, schema.flip_labels)):
        for name, flip in zip(names, flips, strict=True):
            side, _, rest = name.partition("_")
            assert names[flip] == (f"{swap[side]}_{rest}" if side in swap else name)


def test_label_maps_of_mirrored_pictures() -> None:
    ids = np.array([[0, LipLabel.LEFT_ARM, LipLabel.RIGHT_SHOE, LipLabel.FACE, IGNORE]], np.uint8)
    assert LIP.mirrored(ids).tolist() == [[0, LipLabel.RIGHT_ARM, LipLabel.LEFT_SHOE, LipLabel.FACE, IGNORE]]
    assert CIHP.mirrored(ids).tolist() == LIP.mirrored(ids).tolist()
    assert ATR.mirrored(np.array([[AtrLabel.LEFT_LEG]], np.uint8)).item() == AtrLabel.RIGHT_LEG
    assert POSEPART.mirrored(ids) is ids  # our parts have no sides


def test_flips_of_our_schema_are_those_of_always() -> None:
    assert POSEPART.flip_joints == FLIP_JOINTS
    assert POSEPART.flip_labels == (0, 1, 2, 3, 4, 5, 6)


def test_head_and_groups() -> None:
    assert MPII.head == (MpiiJoint.UPPER_NECK, MpiiJoint.HEAD_TOP)
    assert LIP.head == (LipJoint.NECK, LipJoint.HEAD_TOP)
    assert list(MPII.joint_groups) == ["head", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"]
    assert MPII.joint_groups == LIP.joint_groups  # MPII's order is LIP's
    assert POSEPART.joint_groups["elbow"] == (4, 5)
    assert len(MPII.total_joints) == len(LIP.total_joints) == 14
    assert ATR.regions["head"] == (AtrLabel.HAT, AtrLabel.HAIR, AtrLabel.SUNGLASSES, AtrLabel.FACE)
    assert ATR.regions["upper_body"] == (AtrLabel.UPPER_CLOTHES, AtrLabel.SCARF)  # ATR has no coat


def test_a_network_of_another_schema_is_refused() -> None:
    LIP.require(joints=16, labels=20)
    CIHP.require(labels=20)
    with pytest.raises(
        ValueError, match=r"the network has 7 labels, the schema lip has 20: set arguments \{labels"
    ):
        LIP.require(labels=7)


def test_flips_must_pair_the_names() -> None:
    with pytest.raises(ValueError, match="do not pair its 2 names"):
        BodySchema("odd", ("left_eye", "right_eye"), (1, 1), (), ())
