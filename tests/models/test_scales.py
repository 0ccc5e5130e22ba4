"""Several scales of one input."""

import pytest
import torch

from posepart.models.scales import merge_scales, resized, to_size


def test_resized_sides_are_multiples_of_32() -> None:
    images = torch.zeros(1, 3, 384, 384)
    assert resized(images, 1.0) is images
    assert [resized(images, s).shape[-1] for s in (0.5, 0.75, 1.25)] == [192, 288, 480]
    assert resized(torch.zeros(1, 3, 64, 96), 0.25).shape[-2:] == (32, 32)


def test_merging_by_hand() -> None:
    maps = [torch.tensor([[[[1.0, 4.0], [0.0, 2.0]]]]), torch.tensor([[[[3.0]]]])]
    assert merge_scales(maps, "max").flatten().tolist() == [3, 4, 3, 3]
    assert merge_scales(maps, "mean").flatten().tolist() == [2, 3.5, 1.5, 2.5]


def test_to_size_keeps_half_pixel_centres() -> None:
    row = torch.tensor([[[[0.0, 4.0]]]])
    assert to_size(row, (1, 4)).flatten().tolist() == [0, 1, 3, 4]
    assert to_size(row, (1, 4), "nearest").flatten().tolist() == [0, 0, 4, 4]
    assert to_size(row, (1, 2)) is row


@pytest.mark.parametrize("merge", ["max", "mean"])
def test_one_scale_is_itself(merge: str) -> None:
    one = torch.randn(1, 2, 3, 3)
    assert torch.equal(merge_scales([one], merge), one)
