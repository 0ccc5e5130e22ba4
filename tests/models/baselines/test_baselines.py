"""The networks of the comparison tables: shapes and published parameter counts."""

import pytest
import torch
from torch import nn

from posepart.models.backbones import Backbone
from posepart.models.baselines.deeplab import DeepLab
from posepart.models.baselines.hourglass import StackedHourglass
from posepart.models.builders import build, segnet
from posepart.models.scales import merge_scales

# Millions of parameters, as counted for these architectures elsewhere; the output layer is LIP's.
PARSERS = {
    "deeplab_vgg16": (8, 20.5),
    "deeplab_resnet101": (8, 44.0),
    "fcn8s": (8, 134.4),
    "segnet": (1, 29.5),
}
POSE_NETWORKS = {"stacked_hourglass": (4, 16, 8, 25.4), "cpm": (8, 17, 6, 30.9)}


def millions(network: nn.Module) -> float:
    return round(sum(p.numel() for p in network.parameters()) / 1e6, 1)


@pytest.mark.parametrize("name", PARSERS)
def test_parsers(name: str) -> None:
    stride, size = PARSERS[name]
    with torch.device("meta"):
        network = build(name)
        logits = network(torch.zeros(1, 3, 128, 192))
    assert network.stride == stride
    assert logits.shape == (1, 20, 128 // stride, 192 // stride)
    assert millions(network) == size


@pytest.mark.parametrize("name", POSE_NETWORKS)
def test_pose_networks(name: str) -> None:
    stride, outputs, stages, size = POSE_NETWORKS[name]
    with torch.device("meta"):
        network = build(name)
        maps = network(torch.zeros(1, 3, 128, 192))
    assert network.stride == stride
    assert [tuple(m.shape) for m in maps] == [(1, outputs, 128 // stride, 192 // stride)] * stages
    assert millions(network) == size


def test_deeplabs_have_the_papers_parameters() -> None:
    """With the 21 classes of PASCAL VOC: LargeFOV's 20.5 M (Chen et al. 2015, Table 2), and ResNet-101 with ASPP."""
    with torch.device("meta"):
        sizes = [
            sum(p.numel() for p in build(name, {"labels": 21}).parameters())
            for name in ("deeplab_vgg16", "deeplab_resnet101")
        ]
    assert sizes == [20_483_904 + 1024 * 21 + 21, 42_500_160 + 4 * (9 * 2048 * 21 + 21)]


def test_every_scale_can_be_supervised() -> None:
    network = build(
        "deeplab_resnet101", {"labels": 7, "width": 0.125, "blocks": (1, 1, 1, 1), "rates": (1, 2)}
    )
    images = torch.randn(1, 3, 128, 128)
    with torch.inference_mode():
        maps = network.eval().at_scales(images)  # type: ignore[operator]
        assert [tuple(m.shape[-2:]) for m in maps] == [(16, 16), (12, 12), (8, 8)]
        assert torch.equal(network(images), merge_scales(maps, "max"))


def test_resnet_for_joints_is_deeplab_with_another_output() -> None:
    with torch.device("meta"):
        network = build("joints_resnet101")
        assert network(torch.zeros(1, 3, 64, 64)).shape == (1, 16, 8, 8)


class Width(Backbone):
    """Takes the place of a backbone: every feature is the width of the input."""

    channels = (1,)
    strides = (1,)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        return [torch.full_like(x[:, :1], x.shape[-1])]


def test_several_scales_are_merged_by_their_maximum() -> None:
    network = DeepLab(Width(), outputs=2, scales=(1.0, 0.5)).requires_grad_(False)
    network.get_parameter("out.weight").copy_(torch.tensor([1.0, -1.0]).view(2, 1, 1, 1))
    nn.init.zeros_(network.get_parameter("out.bias"))
    scores = network(torch.zeros(1, 3, 64, 64))
    assert scores.shape == (1, 2, 64, 64)
    assert scores.amax((0, 2, 3)).tolist() == scores.amin((0, 2, 3)).tolist() == [64, -32]


def test_segnet_mirrors_its_encoder() -> None:
    with torch.device("meta"):
        network = segnet()
    outputs = [
        [m.out_channels for m in level.children() if isinstance(m, nn.Conv2d)]
        for level in (*network.encoder, *reversed(list(network.decoder)))
    ]
    assert outputs[:5] == [[64, 64], [128, 128], [256] * 3, [512] * 3, [512] * 3]
    assert outputs[5:] == [[512] * 3, [512, 512, 256], [256, 256, 128], [128, 64], [64]]


def test_hourglass_reads_its_own_maps() -> None:
    """A change of the first stack's score layer reaches the second stack's maps."""
    torch.manual_seed(0)
    network = StackedHourglass(joints=2, stacks=2, features=8).eval().requires_grad_(False)
    images = torch.randn(1, 3, 64, 64)
    before = network(images)
    nn.init.constant_(network.get_parameter("scores.0.bias"), 5.0)
    after = network(images)
    assert not torch.allclose(before[1], after[1])


def test_cpm_reads_its_own_beliefs_and_the_image() -> None:
    with torch.device("meta"):
        network = build("cpm", {"joints": 14, "stages": 2})
        first = [m for m in network.get_submodule("later.0").children() if isinstance(m, nn.Conv2d)]
    assert [(m.in_channels, m.kernel_size[0], m.out_channels) for m in first] == [
        (47, 11, 128), (128, 11, 128), (128, 11, 128), (128, 1, 128), (128, 1, 15),
    ]  # fmt: skip
