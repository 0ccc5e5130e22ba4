"""The networks of the comparison tables: shapes and published parameter counts."""

from typing import Any

import pytest
import torch
from torch import nn

from posepart.models.backbones import Backbone, MobileNetV2
from posepart.models.baselines.deeplab import DeepLab
from posepart.models.baselines.hourglass import StackedHourglass, stem
from posepart.models.baselines.small import DilatedMobileNetV2
from posepart.models.builders import BUILDERS, build
from posepart.models.scales import merge_scales
from posepart.models.supervision import supervision

# Millions of parameters, as counted for these architectures elsewhere; the output layer is LIP's.
PARSERS = {
    "deeplab_vgg16": (8, 20.5),
    "deeplab_resnet101": (8, 44.0),
    "fcn8s": (8, 134.4),
    "segnet": (1, 29.5),
}
# Of CPM the count includes the centre map: 5 stages x 11 x 11 x 128 weights.
POSE_NETWORKS = {"stacked_hourglass": (4, 16, 8, 25.4), "cpm": (8, 17, 6, 31.0)}
# Of those with VGG-16 LargeFOV as trunk, 20.5 M: three trunks; and the LSTMs.
ON_LARGE_FOV = {"hazn": (8, 61.5), "lg_lstm": (8, 34.4), "graph_lstm": (4, 20.7)}
SMALL = sorted(name for name in BUILDERS if name.endswith("_s") and not name.startswith("jppnet"))


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


@pytest.mark.parametrize("name", ON_LARGE_FOV)
def test_parsers_on_large_fov(name: str) -> None:
    torch.manual_seed(0)
    stride, size = ON_LARGE_FOV[name]
    network = build(name).eval()
    with torch.inference_mode():
        assert network(torch.randn(1, 3, 64, 64)).shape == (1, 7, 64 // stride, 64 // stride)
    assert (network.stride, millions(network)) == (stride, size)


@pytest.mark.parametrize("name", SMALL)
def test_small_variants(name: str) -> None:
    torch.manual_seed(0)
    network: Any = build(name, {} if name == "segnet_s" else {"width": 0.35}).eval()
    with torch.inference_mode():
        found = network(torch.randn(2, 3, 96, 96))
    maps = found if isinstance(found, tuple) else (found,)
    outputs = {"cpm_s": 15, "joints_s": 14, "stacked_hourglass_s": 14}.get(name, 7)
    cells = 96 // network.stride
    assert {tuple(m.shape) for m in maps} == {(2, outputs, cells, cells)}
    assert len(maps) == {"cpm_s": 3, "stacked_hourglass_s": 2}.get(name, 1)
    assert millions(network) < 4


def test_dilation_reads_the_same_pixels() -> None:
    """Where the dilated trunk keeps every cell of stride 32, its features are those of the plain one; SAME padding
    aside, whose half cell a constant picture does not show."""
    torch.manual_seed(0)
    dilated, plain = DilatedMobileNetV2(0.35).eval(), MobileNetV2(0.35).eval()
    plain.load_state_dict(dilated.state_dict())
    images = torch.full((1, 3, 640, 640), 0.3)
    with torch.inference_mode():
        (fine,), coarse = dilated(images), plain(images)[-1]
    assert (fine.shape[-1], coarse.shape[-1]) == (80, 20)
    torch.testing.assert_close(fine[..., 40, 40], coarse[..., 10, 10], rtol=1e-3, atol=1e-3)


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


def test_deeplab_supervises_its_scales() -> None:
    network = DeepLab(Width(), outputs=2, scales=(1.0, 0.5))
    images, labels = torch.zeros(1, 3, 64, 64), torch.zeros(1, 64, 64, dtype=torch.long)
    seen = supervision(network, images, labels, torch.zeros(1, 4))
    assert [maps.shape[-1] for maps in seen.logits] == [64, 64, 32]
    one = supervision(DeepLab(Width(), outputs=2), images, labels, torch.zeros(1, 4))
    assert len(one.logits) == len(one.labels) == 1


def test_several_scales_are_merged_by_their_maximum() -> None:
    network = DeepLab(Width(), outputs=2, scales=(1.0, 0.5)).requires_grad_(False)
    network.get_parameter("out.weight").copy_(torch.tensor([1.0, -1.0]).view(2, 1, 1, 1))
    nn.init.zeros_(network.get_parameter("out.bias"))
    scores = network(torch.zeros(1, 3, 64, 64))
    assert scores.shape == (1, 2, 64, 64)
    assert scores.amax((0, 2, 3)).tolist() == scores.amin((0, 2, 3)).tolist() == [64, -32]


def test_segnet_mirrors_its_encoder() -> None:
    with torch.device("meta"):
        network: Any = build("segnet")
    outputs = [
        [m.out_channels for m in level.children() if isinstance(m, nn.Conv2d)]
        for level in (*network.encoder, *reversed(list(network.decoder)))
    ]
    assert outputs[:5] == [[64, 64], [128, 128], [256] * 3, [512] * 3, [512] * 3]
    assert outputs[5:] == [[512] * 3, [512, 512, 256], [256, 256, 128], [128, 64], [64]]


def test_hourglass_reads_its_own_maps() -> None:
    """A change of the first stack's score layer reaches the second stack's maps."""
    torch.manual_seed(0)
    network = StackedHourglass(stem(8), nn.Identity(), 2, stacks=2, features=8).eval().requires_grad_(False)
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
        (48, 11, 128), (128, 11, 128), (128, 11, 128), (128, 1, 128), (128, 1, 15),
    ]  # fmt: skip


def test_cpms_centre_map_tells_whom_it_looks_for() -> None:
    torch.manual_seed(0)
    network = build("cpm_s", {"width": 0.35}).eval()
    images = torch.randn(1, 3, 96, 96)
    with torch.inference_mode():
        middle, given, other = (
            network(images, centres)
            for centres in (None, torch.tensor([[47.5, 47.5]]), torch.tensor([[10.0, 47.5]]))
        )
    assert torch.equal(middle[1], given[1])
    assert torch.equal(middle[0], other[0]), "the first stage has no centre map"
    assert not torch.allclose(middle[1], other[1])
