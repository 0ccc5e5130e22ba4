"""Backbones: TensorFlow's padding, folded norms, strides, initialisation."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from posepart.models.backbones import (
    MobileNetV2,
    ResNet101,
    SamePadConv2d,
    VGG16LargeFOV,
    normalise,
    read_arrays,
)

WIDTH = 0.35


@pytest.fixture(scope="module")
def unfused() -> MobileNetV2:
    """A MobileNetV2 with batch norms of random statistics."""
    torch.manual_seed(0)
    network = MobileNetV2(WIDTH, batch_norm=True).eval().requires_grad_(False)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.get_buffer("running_mean").normal_(0, 0.3)
            module.get_buffer("running_var").uniform_(0.5, 2.0)
            module.weight.uniform_(0.5, 1.5)
            module.bias.normal_(0, 0.3)
    return network


def arrays_of(network: nn.Module, prefix: str = "") -> dict[str, np.ndarray]:
    return {prefix + name: tensor.numpy() for name, tensor in network.state_dict().items()}


def test_normalise() -> None:
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 3, 1, 1)
    torch.testing.assert_close(normalise(images).flatten(), torch.tensor([-1.0, -0.6, 1.0]))
    assert images.flatten().tolist() == [0, 51, 255]  # the input is unchanged


def test_same_padding_by_hand() -> None:
    convolution = nn.Conv2d(1, 1, 3, stride=2, padding=1, bias=False)
    nn.init.ones_(convolution.weight)
    image = torch.arange(16.0).view(1, 1, 4, 4)
    # sums of the 3x3 windows whose top left corners are (0, 0), (0, 2), (2, 0), (2, 2); zeros right and below
    same = SamePadConv2d.replacing(convolution)
    assert same(image).flatten().tolist() == [45, 39, 66, 50]
    assert convolution(image).flatten().tolist() == [10, 24, 51, 90]  # symmetric padding gives other sums


def test_every_strided_convolution_of_the_mobilenet_is_padded_so() -> None:
    strided = [m for m in MobileNetV2(WIDTH).modules() if isinstance(m, nn.Conv2d) and m.stride == (2, 2)]
    assert len(strided) == 5
    assert all(isinstance(m, SamePadConv2d) and m.padding == (0, 0) for m in strided)


def test_mobilenet_levels() -> None:
    with torch.device("meta"):
        levels = MobileNetV2(1.0)(torch.zeros(2, 3, 64, 96))
    assert [tuple(x.shape) for x in levels] == [
        (2, 24, 16, 24), (2, 32, 8, 12), (2, 64, 4, 6), (2, 1280, 2, 3),
    ]  # fmt: skip
    with torch.device("meta"):
        wide = MobileNetV2(1.75)
    assert wide.channels == (40, 56, 112, 1280)
    assert wide.strides == (4, 8, 16, 32)


def test_folded_norms_change_nothing(unfused: MobileNetV2) -> None:
    fused = MobileNetV2(WIDTH)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in fused.modules())
    fused.load_people_weights(arrays_of(unfused, "backbone."))
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        for found, expected in zip(fused(images), unfused(images), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_initialisation_of_another_width_is_refused(unfused: MobileNetV2) -> None:
    with pytest.raises(ValueError, match=r"does not fit a MobileNetV2 of width 0\.5"):
        MobileNetV2(0.5).load_people_weights(arrays_of(unfused))


def test_initialisation_with_a_tensor_missing_or_unknown_is_refused(unfused: MobileNetV2) -> None:
    arrays = arrays_of(unfused)
    weight = arrays.pop("features.0.0.weight")
    with pytest.raises(ValueError, match=r"lacks \['features\.0\.0\.weight'\]"):
        MobileNetV2(WIDTH).load_people_weights(arrays)
    with pytest.raises(ValueError, match=r"unknown \['features\.99\.weight'\]"):
        MobileNetV2(WIDTH).load_people_weights(
            {**arrays, "features.0.0.weight": weight, "features.99.weight": weight}
        )


def test_initialisation_needs_folded_norms(unfused: MobileNetV2) -> None:
    with pytest.raises(ValueError, match="batch_norm=False"):
        MobileNetV2(WIDTH, batch_norm=True).load_people_weights(arrays_of(unfused))


@pytest.mark.parametrize(("backbone", "channels"), [(ResNet101, 2048), (VGG16LargeFOV, 1024)])
def test_the_papers_backbones_have_stride_8(backbone: type, channels: int) -> None:
    with torch.device("meta"):
        network = backbone()
        (features,) = network(torch.zeros(1, 3, 256, 192))
    assert features.shape == (1, channels, 32, 24)
    assert (network.channels, network.strides) == ((channels,), (8,))
    assert not any("input" in name for name in network.state_dict())


def test_resnet_has_deeplabs_dilations() -> None:
    """All 3x3 convolutions of Res-4 have dilation 2 and of Res-5 dilation 4, also in the first blocks."""
    with torch.device("meta"):
        network = ResNet101()
    middle = [
        [m for m in stage.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
        for stage in network.stages
    ]
    assert [len(stage) for stage in middle] == [3, 4, 23, 3]
    dilations = [{(m.dilation[0], m.padding[0]) for m in stage} for stage in middle]
    assert dilations == [{(1, 1)}, {(1, 1)}, {(2, 2)}, {(4, 4)}]
    assert [stage[0].stride[0] for stage in middle] == [1, 2, 1, 1]


def test_parameters_of_the_papers_trunks() -> None:
    """torchvision's ResNet-101 without its classifier; VGG-16's convolutions, fc6 and fc7 of LargeFOV."""
    with torch.device("meta"):
        resnet, vgg = ResNet101(), VGG16LargeFOV()
        whole = torchvision.models.resnet101(weights=None)
    size = count(whole) - 2048 * 1000 - 1000
    assert count(resnet) == size == 42_500_160
    channels = (3, 64, 64, 128, 128, 256, 256, 256, *[512] * 6)  # of the 13 convolutions, table 1, column D
    convolutions = sum(9 * a * b + b for a, b in pairwise(channels))
    assert count(vgg) == convolutions + (9 * 512 * 1024 + 1024) + (1024 * 1024 + 1024) == 20_483_904


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_narrow_trunks() -> None:
    images = torch.zeros(1, 3, 64, 64)
    resnet, vgg = ResNet101(0.125, (1, 1, 1, 1)), VGG16LargeFOV(0.125)
    assert resnet(images)[0].shape == (1, *resnet.channels, 8, 8) == (1, 256, 8, 8)
    assert vgg(images)[0].shape == (1, *vgg.channels, 8, 8) == (1, 128, 8, 8)


def test_vgg_has_the_large_field_of_view() -> None:
    with torch.device("meta"):
        network = VGG16LargeFOV()
    convolutions = [m for m in network.features if isinstance(m, nn.Conv2d)]
    assert [m.dilation[0] for m in convolutions] == [1] * 10 + [2] * 3
    assert [m.stride for m in network.features if isinstance(m, nn.MaxPool2d)] == [2, 2, 2, 1, 1]
    assert (network.fc6.dilation, network.fc6.kernel_size) == ((12, 12), (3, 3))


def test_blocks_from_the_input_on() -> None:
    """Together they hold all convolutions of the trunk, in order."""
    with torch.device("meta"):
        networks = (MobileNetV2(WIDTH), ResNet101(), VGG16LargeFOV())
    assert [len(network.blocks()) for network in networks] == [19, 5, 5]
    for network, rest in zip(networks, (0, 0, 2), strict=True):
        convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
        inside = [m for block in network.blocks() for m in block.modules() if isinstance(m, nn.Conv2d)]
        assert inside == convolutions[: len(convolutions) - rest]


def test_read_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "plain.npz", a=np.arange(3), b=np.eye(2))
    arrays = read_arrays(tmp_path / "plain.npz")
    assert sorted(arrays) == ["a", "b"]
    assert arrays["a"].tolist() == [0, 1, 2]


def test_read_arrays_never_unpickles(tmp_path: Path) -> None:
    np.savez(tmp_path / "objects.npz", a=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match=r"objects\.npz"):
        read_arrays(tmp_path / "objects.npz")


@pytest.mark.parametrize("content", [b"", b"no archive at all"])
def test_read_arrays_names_a_damaged_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"bad\.npz"):
        read_arrays(tmp_path / "bad.npz")


def test_read_arrays_names_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"absent\.npz: no such file"):
        read_arrays(tmp_path / "absent.npz")
