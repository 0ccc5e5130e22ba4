"""JPPNet (Liang et al., Sec. 5.2, Table 7, Figure 9): parsing and pose in one network, refined by each other.

A backbone is shared; the part module and the joint module make the first maps and contexts (stage S0); each
refinement stage (S1, S2) reads both maps and its own context. All maps have one stride.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..backbones import Backbone, ResNet101
from ..fcn import Head, PoseFCN, Pyramid, Separable
from ..scales import merge_scales, resized

MERGES = ("max", "mean")
CONTEXTS = ("conv-5", "conv-4")


@dataclass(frozen=True)
class JPPNetConfig:
    """The network of the paper; where its released code differs, the comment says how (`released_jppnet`)."""

    labels: int = 20
    joints: int = 16
    stages: int = 2  # Sec. 6.3: refinement stages; 0 is "Joint", 1 "S1", 2 "S2"
    scales: tuple[float, ...] = (1.0, 0.75, 0.5)  # of the input; (1.0,) is "Joint" without "MSC"
    merge: str = "max"  # Sec. 6.1: "max-pooling to merge the results from all scales"; code: "mean"
    pose_resize: str = "bilinear"  # of the joint maps of other scales, not printed; code: "nearest"
    context: str = (
        "conv-5"  # Sec. 5.2: the 1x1 convolution makes the next stage's features; code: "conv-4", 9x9
    )
    rates: tuple[int, ...] = (6, 12, 18, 24)  # of ASPP, from the code; the paper cites DeepLab
    width: int = 256  # Table 7's 512, 256 and 128 channels are 2, 1 and 1/2 of it
    separable: bool = False  # True: depthwise and pointwise convolutions with batch norms, for small CPUs

    def __post_init__(self) -> None:
        for name, value, known in (("merge", self.merge, MERGES), ("context", self.context, CONTEXTS)):
            if value not in known:
                raise ValueError(f"JPPNet: unknown {name} {value!r}: choose one of {', '.join(known)}")
        if not self.scales or self.scales[0] != 1.0:
            raise ValueError(f"JPPNet: scales start with 1.0, whose maps are the result, got {self.scales}")


@dataclass(frozen=True)
class StageMaps:
    """What every stage predicts, S0 first, for intermediate supervision.

    parsing: of each stage (B, labels, h, w) logits. pose: of each stage (B, joints, h, w) heat maps.
    """

    parsing: tuple[Tensor, ...]
    pose: tuple[Tensor, ...]


@dataclass(frozen=True)
class JPPNetMaps:
    """The result and, for the supervision of each scale, what the scales say.

    merged: all scales, at the size of the first. scales: one by one, each at its own size.
    """

    merged: StageMaps
    scales: tuple[StageMaps, ...]


class ResNet101Stages(ResNet101):
    """ResNet-101 at stride 8 that returns Res-4, which is shared, and Res-5, which is the part module's."""

    channels = (1024, 2048)  # type: ignore[assignment]
    strides = (8, 8)  # type: ignore[assignment]

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.stem(x)
        for stage in self.stages[:3]:
            x = stage(x)
        return [x, self.stages[3](x)]


class StageBranches(nn.Module):
    """What each module reads of a `ResNet101Stages`: the joint module Res-4, the part module Res-5."""

    channels = ResNet101Stages.channels
    stride = 8

    def forward(self, levels: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        res_4, res_5 = levels
        return res_4, res_5


class PyramidBranches(nn.Module):
    """Two feature pyramids on a shared MobileNetV2, which stand for Res-4 and Res-5, at stride 4.

    The joint module also reads the features that a MoveNet makes its heat maps from, so that it can start from
    people-trained weights (`JPPNet.start_from`).
    """

    stride = 4

    def __init__(self, levels: Sequence[int], features: int = 96) -> None:
        super().__init__()
        self.heat = Pyramid(levels, (64, 32, 24, 24), batch_norm=False)
        self.heat_head = Head(24, 96)
        self.wide = Pyramid(levels, (features,) * 4, batch_norm=True)
        self.part = Pyramid(levels, (features,) * 4, batch_norm=True)
        self.channels = (96 + features, features)

    def forward(self, levels: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """The backbone's maps -> features for joints and for parts, (B, C, H / 4, W / 4)."""
        return torch.cat([self.heat_head(self.heat(levels)), self.wide(levels)], dim=1), self.part(levels)


class ASPP(nn.ModuleList):
    """Atrous spatial pyramid pooling: the sum of dilated 3x3 convolutions."""

    def __init__(self, channels: int, outputs: int, rates: Sequence[int]) -> None:
        super().__init__(nn.Conv2d(channels, outputs, 3, padding=r, dilation=r) for r in rates)
        for branch in self:
            nn.init.normal_(branch.weight, std=0.01)  # type: ignore[arg-type]
            nn.init.zeros_(branch.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([branch(x) for branch in self]).sum(0)


def convolution(inputs: int, outputs: int, kernel: int, config: JPPNetConfig) -> nn.Module:
    """A convolution of Table 7 with its ReLU."""
    if config.separable and kernel > 1:
        return Separable(inputs, outputs, batch_norm=True, kernel=kernel)
    layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return nn.Sequential(layer, nn.ReLU(inplace=True))


def heatmaps(inputs: int, config: JPPNetConfig) -> nn.Conv2d:
    """The last 1x1 convolution of the joint module and of a pose refinement, which starts near zero.

    A squared loss over whole maps would otherwise begin at some twenty times what an empty map costs.
    """
    layer = nn.Conv2d(inputs, config.joints, 1)
    nn.init.normal_(layer.weight, std=0.001)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


class PartModule(nn.Module):
    """Table 7, "Part module": parsing maps by ASPP on Res-5, and two convolutions that make the context."""

    def __init__(self, channels: int, config: JPPNetConfig) -> None:
        super().__init__()
        width = config.width
        self.aspp = ASPP(channels, config.labels, config.rates)
        self.conv_1 = convolution(channels, 2 * width, 3, config)
        self.conv_2 = convolution(2 * width, width, 3, config)

    def forward(self, res_5: Tensor) -> tuple[Tensor, Tensor]:
        """Res-5 -> parsing maps (B, labels, h, w), parsing context (B, width, h, w)."""
        return self.aspp(res_5), self.conv_2(self.conv_1(res_5))


class JointModule(nn.Module):
    """Table 7, "Joint module": eight convolutions on Res-4; the sixth is the context."""

    def __init__(self, channels: int, config: JPPNetConfig) -> None:
        super().__init__()
        width = config.width
        inputs = (channels, 2 * width, 2 * width, width, width, width)
        outputs = (*inputs[1:], width)
        self.conv_1_to_6 = nn.Sequential(
            *(convolution(a, b, 3, config) for a, b in zip(inputs, outputs, strict=True))
        )
        self.conv_7 = convolution(width, 2 * width, 1, config)
        self.conv_8 = heatmaps(2 * width, config)

    def forward(self, res_4: Tensor) -> tuple[Tensor, Tensor]:
        """Res-4 -> pose maps (B, joints, h, w), pose context (B, width, h, w)."""
        context = self.conv_1_to_6(res_4)
        return self.conv_8(self.conv_7(context)), context


class Refinement(nn.Module):
    """Table 7, "Pose refinement" and "Parsing refinement", which differ in the last layer alone.

    Both maps are mapped to more channels and concatenated with the context of the module's own task; then come
    kernels of 3, 5, 7, 9 and 1.
    """

    def __init__(self, config: JPPNetConfig, last: nn.Module) -> None:
        super().__init__()
        width = config.width
        self.remap_1 = convolution(config.joints, width // 2, 1, config)
        self.remap_2 = convolution(config.labels, width // 2, 1, config)
        self.conv_1 = convolution(2 * (width // 2) + width, 2 * width, 3, config)
        self.conv_2 = convolution(2 * width, width, 5, config)
        self.conv_3 = convolution(width, width, 7, config)
        self.conv_4 = convolution(width, width, 9, config)
        self.conv_5 = convolution(width, width, 1, config)
        self.last = last
        self.context = config.context

    def forward(self, pose: Tensor, parsing: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Pose maps, parsing maps and context -> refined maps of the own task, context of the next stage."""
        concat = torch.cat([self.remap_1(pose), self.remap_2(parsing), context], dim=1)
        conv_4 = self.conv_4(self.conv_3(self.conv_2(self.conv_1(concat))))
        conv_5 = self.conv_5(conv_4)
        return self.last(conv_5), conv_5 if self.context == "conv-5" else conv_4


class JPPNet(nn.Module):
    """The joint network.

    backbone: shared, (B, 3, H, W) -> maps. branches: those maps -> what the joint module and the part module read.

    forward: (B, 3, H, W) in [-1, 1] -> `JPPNetMaps` at `stride`.
    """

    def __init__(
        self, backbone: Backbone, branches: StageBranches | PyramidBranches, config: JPPNetConfig
    ) -> None:
        super().__init__()
        self.config = config
        self.backbone = backbone
        self.branches = branches
        self.stride = branches.stride
        shared, deep = branches.channels
        self.part_module = PartModule(deep, config)
        self.joint_module = JointModule(shared, config)
        self.pose_refinement = nn.ModuleList(
            Refinement(config, heatmaps(config.width, config)) for _ in range(config.stages)
        )
        self.parsing_refinement = nn.ModuleList(
            Refinement(config, ASPP(config.width, config.labels, config.rates)) for _ in range(config.stages)
        )

    def forward(self, images: Tensor) -> JPPNetMaps:
        scales = tuple(self.stages(resized(images, scale)) for scale in self.config.scales)
        return JPPNetMaps(self._merged(scales), scales)

    def stages(self, images: Tensor) -> StageMaps:
        """The maps of every stage at one scale."""
        res_4, res_5 = self.branches(self.backbone(images))
        parsing, parsing_context = self.part_module(res_5)
        pose, pose_context = self.joint_module(res_4)
        all_parsing, all_pose = [parsing], [pose]
        for refine_pose, refine_parsing in zip(self.pose_refinement, self.parsing_refinement, strict=True):
            before = all_pose[-1], all_parsing[-1]
            pose, pose_context = refine_pose(*before, pose_context)
            parsing, parsing_context = refine_parsing(*before, parsing_context)
            all_pose.append(pose)
            all_parsing.append(parsing)
        return StageMaps(tuple(all_parsing), tuple(all_pose))

    def start_from(self, pose: PoseFCN) -> None:
        """Take backbone, pyramid and heat-map features of a Pose FCN (see `PoseFCN.load_movenet`).

        Raises
        ------
        ValueError: when this network has no such pyramid, or the Pose FCN a backbone of another width.
        """
        if not isinstance(self.branches, PyramidBranches):
            raise ValueError(f"a Pose FCN cannot start a {type(self.backbone).__name__}: use jppnet_s")
        try:
            self.backbone.load_state_dict(pose.backbone.state_dict())
            self.branches.heat.load_state_dict(pose.heat.state_dict())
            self.branches.heat_head.load_state_dict(pose.heat_head.state_dict())
        except RuntimeError as error:
            reason = str(error).splitlines()[-1].strip()
            raise ValueError(f"the Pose FCN does not fit this network: {reason}") from error

    def _merged(self, scales: Sequence[StageMaps]) -> StageMaps:
        merge = self.config.merge
        stages = range(self.config.stages + 1)
        parsing = (merge_scales([s.parsing[i] for s in scales], merge, "bilinear") for i in stages)
        pose = (merge_scales([s.pose[i] for s in scales], merge, self.config.pose_resize) for i in stages)
        return StageMaps(tuple(parsing), tuple(pose))


def released_jppnet(**changes: object) -> JPPNetConfig:
    """The configuration of the released code: mean over the scales, nearest joint maps, context of the 9x9 layer."""
    return JPPNetConfig(merge="mean", pose_resize="nearest", context="conv-4", **changes)  # type: ignore[arg-type]
