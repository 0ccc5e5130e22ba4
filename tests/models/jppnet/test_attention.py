"""Attention to scale."""

import pytest
import torch
from torch import Tensor, nn

from posepart.models.builders import attention_vgg16, build
from posepart.models.jppnet.attention import AttentionToScale, FinestLevel


class Mean(nn.Module):
    """A backbone of stride 2: the mean of the channels of 2x2 pixels."""

    def forward(self, images: Tensor) -> list[Tensor]:
        return [nn.functional.avg_pool2d(images, 2).mean(1, keepdim=True)]


def small() -> AttentionToScale:
    torch.manual_seed(0)
    return AttentionToScale(Mean(), FinestLevel(), 1, labels=3, stride=2, scales=(1.0, 0.5), hidden=4).eval()


def test_weights_of_the_scales_are_shares() -> None:
    maps = small().attend(torch.randn(2, 3, 64, 128))
    assert (maps.merged.shape, maps.weights.shape) == ((2, 3, 32, 64), (2, 2, 32, 64))
    assert [tuple(s.shape) for s in maps.scales] == [(2, 3, 32, 64), (2, 3, 16, 32)]
    torch.testing.assert_close(maps.weights.sum(1), torch.ones(2, 32, 64))


def test_all_attention_on_one_scale_is_that_scale() -> None:
    network = small()
    nn.init.zeros_(network.get_parameter("attention.3.weight"))
    with torch.no_grad():
        network.get_parameter("attention.3.bias").copy_(torch.tensor([50.0, -50.0]))
    images = torch.randn(1, 3, 64, 64)
    maps = network.attend(images)
    torch.testing.assert_close(maps.merged, maps.scales[0])
    torch.testing.assert_close(network(images), maps.merged)


def test_equal_attention_is_the_mean() -> None:
    network = small()
    nn.init.zeros_(network.get_parameter("attention.3.weight"))
    nn.init.zeros_(network.get_parameter("attention.3.bias"))
    maps = network.attend(torch.full((1, 3, 64, 64), 0.7))
    torch.testing.assert_close(maps.merged, maps.scales[0])  # a flat picture looks the same at every scale


@pytest.mark.parametrize(("name", "labels", "stride"), [("attention_vgg16", 20, 8), ("attention_s", 7, 4)])
def test_builders(name: str, labels: int, stride: int) -> None:
    with torch.device("meta"):
        network = build(name)
        logits = network(torch.zeros(1, 3, 128, 64))
    assert network.stride == stride
    assert logits.shape == (1, labels, 128 // stride, 64 // stride)


def test_the_papers_attention() -> None:
    with torch.device("meta"):
        network = attention_vgg16()
    shapes = [tuple(m.weight.shape) for m in network.attention if isinstance(m, nn.Conv2d)]
    assert network.scales == (1.0, 0.75, 0.5)
    assert shapes == [(512, 3 * 1024, 3, 3), (3, 512, 1, 1)]


def test_scales_start_with_the_input_itself() -> None:
    with pytest.raises(ValueError, match=r"scales start with 1\.0"):
        AttentionToScale(Mean(), FinestLevel(), 1, 3, 2, scales=(0.5, 1.0))
