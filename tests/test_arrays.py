"""The check of shapes, and batches."""

import numpy as np
import pytest

from posepart.arrays import check_shape, in_batches


def test_no_items_no_batches() -> None:
    assert list(in_batches([], 8)) == []


@pytest.mark.parametrize(
    ("size", "batches"),
    [(1, [["a"], ["b"], ["c"]]), (2, [["a", "b"], ["c"]]), (3, [["a", "b", "c"]]), (8, [["a", "b", "c"]])],
)
def test_batches_keep_the_order_and_the_last_is_smaller(size: int, batches: list[list[str]]) -> None:
    assert list(in_batches(["a", "b", "c"], size)) == batches


@pytest.mark.parametrize("shape", [(2, 3), (None, 3), (None, None)])
def test_shapes_that_fit(shape: tuple[int | None, ...]) -> None:
    check_shape("Crop.box", np.zeros((2, 3)), shape)


@pytest.mark.parametrize(
    ("shape", "wanted"), [((2, 4), r"\(2, 4\)"), ((None, 4), r"\(_, 4\)"), ((None,), r"\(_\)")]
)
def test_shapes_that_differ_are_named(shape: tuple[int | None, ...], wanted: str) -> None:
    with pytest.raises(ValueError, match=rf"Crop\.box: expected shape {wanted}, got \(2, 3\)"):
        check_shape("Crop.box", np.zeros((2, 3)), shape)
