"""JPPNet against Table 7 of the paper, written out by hand."""

import pytest
import torch
from torch import Tensor, nn

from posepart.models.backbones import MobileNetV2
from posepart.models.builders import build, jppnet_resnet101
from posepart.models.fcn import PoseFCN
from posepart.models.jppnet.network import (
    JPPNet,
    JPPNetConfig,
    PyramidBranches,
    ResNet101Stages,
    StageMaps,
    released_jppnet,
)

# name: (input channels, kernel, channels), as printed; a context has 256 channels, a remap 128, Res-4 1024 and
# Res-5 2048.
PART_MODULE = {"conv-1": (2048, 3, 512), "conv-2": (512, 3, 256)}
JOINT_MODULE = {
    "conv-1": (1024, 3, 512),
    "conv-2": (512, 3, 512),
    "conv-3": (512, 3, 256),
    "conv-4": (256, 3, 256),
    "conv-5": (256, 3, 256),
    "conv-6": (256, 3, 256),
    "conv-7": (256, 1, 512),
    "conv-8": (512, 1, 16),
}
REFINEMENT = {
    "remap-1": (16, 1, 128),
    "remap-2": (20, 1, 128),
    "conv-1": (512, 3, 512),
    "conv-2": (512, 5, 256),
    "conv-3": (256, 7, 256),
    "conv-4": (256, 9, 256),
    "conv-5": (256, 1, 256),
}
POSE_LAST = {"conv-6": (256, 1, 16)}

# Weights and biases: the sum of kernel**2 * inputs * channels + channels over the rows above.
PARAMETERS = {
    "part_module": 9_437_696 + 1_179_904 + 4 * (2048 * 9 * 20 + 20),
    "joint_module": 10_168_848,
    "pose_refinement": 14_231_824,
    "parsing_refinement": 14_231_824 - 4_112 + 4 * (256 * 9 * 20 + 20),
}


@pytest.fixture(scope="module")
def network() -> JPPNet:
    with torch.device("meta"):
        return build("jppnet_resnet101")  # type: ignore[return-value]


def small(config: JPPNetConfig, features: int) -> JPPNet:
    backbone = MobileNetV2(0.35)
    return JPPNet(backbone, PyramidBranches(backbone.channels, features), config)


def convolutions(*modules: nn.Module) -> list[tuple[int, int, int]]:
    layers = [m for module in modules for m in module.modules() if isinstance(m, nn.Conv2d)]
    assert all(m.bias is not None and m.stride == (1, 1) for m in layers)
    return [(m.in_channels, m.kernel_size[0], m.out_channels) for m in layers]


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_part_module_is_table_7(network: JPPNet) -> None:
    part = network.part_module
    assert convolutions(part.conv_1, part.conv_2) == list(PART_MODULE.values())
    assert count(part) == PARAMETERS["part_module"]


def test_joint_module_is_table_7(network: JPPNet) -> None:
    assert convolutions(network.joint_module) == list(JOINT_MODULE.values())
    assert count(network.joint_module) == PARAMETERS["joint_module"]


def test_refinements_are_table_7(network: JPPNet) -> None:
    assert len(network.pose_refinement) == len(network.parsing_refinement) == 2
    for pose, parsing in zip(network.pose_refinement, network.parsing_refinement, strict=True):
        assert convolutions(pose) == list({**REFINEMENT, **POSE_LAST}.values())
        assert convolutions(parsing) == [*REFINEMENT.values(), *[(256, 3, 20)] * 4]
        assert count(pose) == PARAMETERS["pose_refinement"]
        assert count(parsing) == PARAMETERS["parsing_refinement"]


def test_aspp_has_deeplabs_rates(network: JPPNet) -> None:
    for name in ("part_module.aspp", "parsing_refinement.1.last"):
        branches = list(network.get_submodule(name).children())
        assert [branch.dilation for branch in branches] == [(6, 6), (12, 12), (18, 18), (24, 24)]
        assert [branch.padding for branch in branches] == [(6, 6), (12, 12), (18, 18), (24, 24)]


def test_parameters_in_all(network: JPPNet) -> None:
    modules = 2 * PARAMETERS["pose_refinement"] + 2 * PARAMETERS["parsing_refinement"]
    assert count(network.backbone) == 42_500_160  # torchvision's ResNet-101 without its classifier
    assert count(network) == 42_500_160 + PARAMETERS["part_module"] + PARAMETERS["joint_module"] + modules


def test_shapes_and_gradients_at_384(network: JPPNet) -> None:
    """Every layer's output on the input that the paper trains on; no numbers are computed."""
    seen: dict[str, tuple[int, ...]] = {}
    handles = [
        module.register_forward_hook(lambda _m, _i, out, name=name: seen.__setitem__(name, tuple(out.shape)))
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d)
    ]
    images = torch.zeros(1, 3, 384, 384, device="meta")
    network.stages(images)
    for handle in handles:
        handle.remove()
    heads = {name: shape for name, shape in seen.items() if not name.startswith("backbone")}
    assert len(heads) == 6 + 8 + 2 * (8 + 11)
    assert all(shape == (1, network.get_submodule(n).out_channels, 48, 48) for n, shape in heads.items())
    assert [tuple(r.shape) for r in network.backbone(images)] == [(1, 1024, 48, 48), (1, 2048, 48, 48)]
    maps = network(images)
    assert [tuple(m.shape) for m in maps.merged.parsing] == [(1, 20, 48, 48)] * 3
    assert [tuple(m.shape) for m in maps.merged.pose] == [(1, 16, 48, 48)] * 3
    assert [tuple(s.pose[2].shape) for s in maps.scales] == [(1, 16, n, n) for n in (48, 36, 24)]
    torch.stack([m.sum() for m in (*maps.merged.parsing, *maps.merged.pose)]).sum().backward()
    assert all(p.grad is not None and p.grad.shape == p.shape for p in network.backbone.parameters())
    network.zero_grad()


def test_forward_and_backward_at_384() -> None:
    torch.manual_seed(0)
    config = JPPNetConfig(labels=7, joints=14, scales=(1.0,), width=32, separable=True)
    network = small(config, features=32)
    maps = network(torch.randn(1, 3, 384, 384)).merged
    assert [tuple(m.shape) for m in (*maps.parsing, *maps.pose)] == [(1, 7, 96, 96)] * 3 + [
        (1, 14, 96, 96)
    ] * 3
    assert max(float(m.detach().abs().max()) for m in maps.pose) < 0.2, (
        "a squared loss starts near empty maps"
    )
    (maps.parsing[-1].square().mean() + maps.pose[-1].square().mean()).backward()
    silent = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert silent == []
    gradient = network.get_parameter("backbone.features.0.0.weight").grad
    assert gradient is not None and float(gradient.abs().sum()) > 0


@pytest.mark.parametrize("stages", [0, 1])
def test_joint_and_s1(stages: int) -> None:
    with torch.device("meta"):
        network = build("jppnet_s", {"stages": stages, "scales": [1.0, 0.5]})
        maps = network(torch.zeros(1, 3, 128, 192))
    assert len(maps.merged.parsing) == len(maps.merged.pose) == stages + 1
    assert [tuple(s.parsing[-1].shape) for s in maps.scales] == [(1, 7, 32, 48), (1, 7, 16, 24)]


class Recorder(nn.Module):
    """Takes the place of a module: keeps its inputs and returns fixed outputs."""

    def __init__(self, *outputs: Tensor) -> None:
        super().__init__()
        self.outputs = outputs
        self.inputs: tuple[Tensor, ...] = ()

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        self.inputs = inputs
        return self.outputs


def test_stages_are_wired_as_figure_9() -> None:
    """Both refinements read both maps of the previous stage, but only the context of their own task."""
    network = build("jppnet_s", {"channels": 2, "width": 0.35})
    marks = {name: torch.tensor(float(i)) for i, name in enumerate(
        ["res4", "res5", "parsing0", "parse_context0", "pose0", "pose_context0", "pose1", "pose_context1",
         "parsing1", "parse_context1", "pose2", "pose_context2", "parsing2", "parse_context2"])}  # fmt: skip

    def recorder(*names: str) -> Recorder:
        return Recorder(*(marks[n] for n in names))

    network.backbone = nn.Identity()
    network.branches = recorder("res4", "res5")
    network.part_module = recorder("parsing0", "parse_context0")
    network.joint_module = recorder("pose0", "pose_context0")
    network.pose_refinement = nn.ModuleList(
        [recorder("pose1", "pose_context1"), recorder("pose2", "pose_context2")]
    )
    network.parsing_refinement = nn.ModuleList(
        [recorder("parsing1", "parse_context1"), recorder("parsing2", "parse_context2")]
    )
    assert isinstance(network, JPPNet)
    maps = network.stages(torch.zeros(1))
    assert maps == StageMaps(
        tuple(marks[f"parsing{i}"] for i in range(3)), tuple(marks[f"pose{i}"] for i in range(3))
    )

    def read(module: nn.Module) -> list[str]:
        assert isinstance(module, Recorder)
        return [name for value in module.inputs for name, mark in marks.items() if value is mark]

    assert read(network.joint_module) == ["res4"]
    assert read(network.pose_refinement[0]) == ["pose0", "parsing0", "pose_context0"]
    assert read(network.parsing_refinement[0]) == ["pose0", "parsing0", "parse_context0"]
    assert read(network.pose_refinement[1]) == ["pose1", "parsing1", "pose_context1"]
    assert read(network.parsing_refinement[1]) == ["pose1", "parsing1", "parse_context1"]


def refined_context(config: JPPNetConfig) -> tuple[Tensor, Tensor, Tensor]:
    """The context that a refinement passes on, and the outputs of its conv-4 and conv-5."""
    torch.manual_seed(0)
    network = small(config, features=8)
    refinement = network.pose_refinement[0].eval()
    kept: dict[str, Tensor] = {}
    for name in ("conv_4", "conv_5"):
        getattr(refinement, name).register_forward_hook(
            lambda _m, _i, out, name=name: kept.__setitem__(name, out)
        )
    _, context = refinement(torch.randn(1, 16, 4, 4), torch.randn(1, 20, 4, 4), torch.randn(1, 8, 4, 4))
    return context, kept["conv_4"], kept["conv_5"]


def test_which_context_is_passed_on() -> None:
    context, _, conv_5 = refined_context(JPPNetConfig(width=8, separable=True))
    assert context is conv_5, "Sec. 5.2: the 1x1 convolution makes the features of the next stage"
    context, conv_4, _ = refined_context(released_jppnet(width=8, separable=True))
    assert context is conv_4, "released code: the 9x9 convolution's"


def test_released_configuration() -> None:
    released = released_jppnet(stages=1)
    assert (released.merge, released.pose_resize, released.context) == ("mean", "nearest", "conv-4")
    assert (JPPNetConfig().merge, JPPNetConfig().context, released.stages) == ("max", "conv-5", 1)
    with torch.device("meta"):
        assert jppnet_resnet101(stages=0, released=True).config.merge == "mean"


def test_starts_from_a_pose_network(network: JPPNet) -> None:
    pose = PoseFCN(MobileNetV2(0.35))
    started = small(JPPNetConfig(width=8, separable=True), features=8)
    started.start_from(pose)
    for name in ("heat.lateral.0.weight", "heat_head.pointwise.bias"):
        assert torch.equal(started.get_parameter(f"branches.{name}"), pose.get_parameter(name))
    name = "backbone.features.0.0.weight"
    assert torch.equal(started.get_parameter(name), pose.get_parameter(name))
    with pytest.raises(ValueError, match=r"the Pose FCN does not fit this network: .*size mismatch"):
        started.start_from(PoseFCN(MobileNetV2(0.5)))
    with pytest.raises(ValueError, match="cannot start a ResNet101Stages: use jppnet_s"):
        network.start_from(pose)


def test_wrong_configurations_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown merge 'sum': choose one of max, mean"):
        JPPNetConfig(merge="sum")
    with pytest.raises(ValueError, match=r"scales start with 1\.0"):
        JPPNetConfig(scales=(0.5, 1.0))


def test_the_papers_backbone_is_dilated_from_res_4_on(network: JPPNet) -> None:
    assert isinstance(network.backbone, ResNet101Stages)
    dilations = {m.dilation for m in network.backbone.stages[2].modules() if isinstance(m, nn.Conv2d)}
    assert (2, 2) in dilations, "Res-4 is dilated, so that nothing is below stride 8"
