"""The guide of the detector: boxes, strides, published weights."""

import numpy as np
import pytest
import torch
from helpers.nanodet_arrays import published_arrays

from posepart.models.detector.nanodet import BINS, CHANNELS, CLASSES, STRIDES, NanoDet, _boxes

SIDES = 4 * BINS


@pytest.fixture(scope="module")
def network() -> NanoDet:
    torch.manual_seed(0)
    return NanoDet().eval()


@torch.inference_mode()
def test_strides_and_locations(network: NanoDet) -> None:
    features, found = network(torch.rand(2, 3, 64, 96) * 2 - 1)
    assert [tuple(x.shape) for x in features] == [
        (2, CHANNELS, 8, 12), (2, CHANNELS, 4, 6), (2, CHANNELS, 2, 3),
    ]  # fmt: skip
    assert found.shape == (2, 8 * 12 + 4 * 6 + 2 * 3, 5)


@torch.inference_mode()
def test_colours_are_blue_green_red_about_their_means(network: NanoDet) -> None:
    seen = []
    handle = network.stem.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    network(
        torch.tensor([1.0, 0.0, -1.0]).view(1, 3, 1, 1).expand(1, 3, 32, 32)
    )  # red 255, green 127.5, blue 0
    handle.remove()
    expected = [(0 - 103.53) / 57.375, (127.5 - 116.28) / 57.12, (255 - 123.675) / 58.395]
    torch.testing.assert_close(seen[0][0, :, 5, 5], torch.tensor(expected))


def test_a_distance_is_the_mean_of_its_distribution() -> None:
    maps = torch.zeros(1, 1 + SIDES, 2, 3)
    maps[0, 0, 1, 2] = 4.0  # a person at row 1, column 2, its sides 1, 2, 3 and 4 strides away
    for side, distance in enumerate((1, 2, 3, 4)):
        maps[0, 1 + side * BINS + distance, 1, 2] = 100.0
    boxes = _boxes(maps, 8)
    centre_x, centre_y = 2.5 * 8, 1.5 * 8
    torch.testing.assert_close(
        boxes[0, 5], torch.tensor([centre_x - 8, centre_y - 16, centre_x + 24, centre_y + 32, 4.0])
    )
    # without any information all distances are equally likely: five strides on average
    torch.testing.assert_close(boxes[0, 0], torch.tensor([4.0 - 40, 4 - 40, 4 + 40, 4 + 40, 0.0]))


def test_published_weights_keep_the_person_alone() -> None:
    torch.manual_seed(1)
    arrays = published_arrays(NanoDet())
    for array in arrays.values():
        if len(array) == CLASSES + SIDES:
            array[1:CLASSES] = 7.0  # the classes that are not used
    network = NanoDet()
    network.load_published(arrays)
    last = f"convolution{len(arrays) // 2 - 1}"
    loaded = {name: parameter.detach() for name, parameter in network.named_parameters()}
    np.testing.assert_array_equal(loaded["out.2.weight"][0], arrays[f"{last}.weight"][0])
    np.testing.assert_array_equal(loaded["out.2.weight"][1:], arrays[f"{last}.weight"][CLASSES:])
    np.testing.assert_array_equal(loaded["out.2.bias"][1:], arrays[f"{last}.bias"][CLASSES:])
    np.testing.assert_array_equal(loaded["stem.0.weight"], arrays["convolution0.weight"])
    np.testing.assert_array_equal(loaded["towers.0.0.weight"], arrays["convolution28.weight"])
    assert len(network.out) == len(STRIDES)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("convolution3.bias", None, "lacks convolution3.bias"),
        ("convolution3.weight", np.zeros((3, 3), np.float32), "convolution3 has shape"),
    ],
)
def test_weights_that_do_not_fit(name: str, value: np.ndarray | None, message: str) -> None:
    network = NanoDet()
    arrays = {key: array for key, array in published_arrays(network).items() if key != name}
    if value is not None:
        arrays[name] = value
    with pytest.raises(ValueError, match=message):
        network.load_published(arrays)
