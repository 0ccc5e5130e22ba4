import numpy as np
import pytest

from posepart.arrays import check_shape
from posepart.metrics.people import (
    JOINT_GROUPS,
    JOINT_TYPES,
    LabelledPeople,
    PredictedPeople,
    mean_defined,
)
from posepart.schema import Joint


def test_empty_people() -> None:
    assert len(LabelledPeople.empty()) == 0
    assert len(PredictedPeople.empty()) == 0
    assert PredictedPeople.empty().present.shape == (0, 14)


def test_groups_hold_every_joint_once() -> None:
    assert sorted(j for joints in JOINT_GROUPS.values() for j in joints) == list(Joint)
    assert sorted(j for joints in JOINT_TYPES.values() for j in joints) == list(Joint)
    assert (len(JOINT_GROUPS), len(JOINT_TYPES)) == (7, 8)


def test_wrong_shape_is_named() -> None:
    with pytest.raises(ValueError, match=r"LabelledPeople.labelled: expected shape \(1, 14\), got \(1, 13\)"):
        LabelledPeople(np.zeros((1, 14, 2)), np.zeros((1, 13), bool), np.zeros((1, 4)))
    with pytest.raises(ValueError, match=r"expected shape \(_, 4\), got \(3,\)"):
        check_shape("boxes", np.zeros(3), (None, 4))


@pytest.mark.parametrize(("values", "expected"), [([], np.nan), ([np.nan], np.nan), ([1, np.nan, 3], 2.0)])
def test_mean_defined(values: list[float], expected: float) -> None:
    np.testing.assert_equal(mean_defined(np.array(values)), expected)
