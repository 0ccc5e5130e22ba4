"""JPPNet (Liang et al., Sec. 5.2, Table 7, Figure 9): parsing and pose in one network, each refined by the other.

The part module and the joint module share a backbone and make the first maps and contexts (stage S0). The
refinements of each further stage (S1, S2) read the maps of both tasks and the context of their own. All maps have
the same stride.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..aspp import ASPP, ASPP_RATES
from ..backbones import Backbone, ResNet101
from ..fcn import Head, PoseFCN, Pyramid, Separable
from ..scales import merge_scales, resized

MERGES = ("max", "mean")
CONTEXTS = ("conv-5", "conv-4")


@dataclass(frozen=True)
class JPPNetConfig:
    """The network as printed; where the released code differs (`released_jppnet`), the comment says how."""

    labels: int = 20
    joints: int = 16
    stages: int = 2  # refinement stages (Sec. 6.3): 0 is "Joint", 1 "S1", 2 "S2"
    scales: tuple[float, ...] = (1.0, 0.75, 0.5)  # of the input; (1.0,) is "Joint" without "MSC"
    merge: str = "max"  # of the results of all scales (Sec. 6.1: "max-pooling"); code: "mean"
    pose_resize: str = "bilinear"  # of the joint maps of other scales (not printed); code: "nearest"
    context: str = "conv-5"  # whose output the next stage reads (Sec. 5.2), 1x1; code: "conv-4", 9x9
    rates: tuple[int, ...] = ASPP_RATES  # from the code (the paper cites DeepLab)
    width: int = 256  # the 512, 256 and 128 channels of Table 7 are 2, 1 and 1/2 of it
    separable: bool = False  # depthwise and pointwise convolutions with batch norms, for small CPUs

    def __post_init__(self) -> None:
        for name, value, known in (("merge", self.merge, MERGES), ("context", self.context, CONTEXTS)):
            if value not in known:
                raise ValueError(f"JPPNet: unknown {name} {value!r}: choose one of {', '.join(known)}")
        if not self.scales or self.scales[0] != 1.0:
            raise ValueError(f"JPPNet: scales start with 1.0, the size of the result; got {self.scales}")


@dataclass(frozen=True)
class StageMaps:
    """The predictions of every stage, S0 first, for intermediate supervision."""

    parsing: tuple[Tensor, ...]  # of each stage (B, labels, h, w), logits
    pose: tuple[Tensor, ...]  # of each stage (B, joints, h, w), heat maps


@dataclass(frozen=True)
class JPPNetMaps:
    """The result and, for the supervision of each scale, the maps of each scale."""

    merged: StageMaps  # of all scales, at the size of the first
    scales: tuple[StageMaps, ...]  # of each scale, at its own size


class ResNet101Stages(ResNet101):
    """ResNet-101 at stride 8 with the maps Res-4, which both modules share, and Res-5 of the part module."""

    channels = (1024, 2048)  # type: ignore[assignment]
    strides = (8, 8)  # type: ignore[assignment]

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, 3, H, W) in [-1, 1] -> Res-4 (B, 1024, H / 8, W / 8) and Res-5 (B, 2048, H / 8, W / 8)."""
        x = self.stem(self.scaled(x))
        for stage in self.stages[:3]:
            x = stage(x)
        return [x, self.stages[3](x)]


class StageBranches(nn.Module):
    """The maps of a `ResNet101Stages` for the joint module, Res-4, and the part module, Res-5."""

    channels = ResNet101Stages.channels
    stride = 8

    def forward(self, levels: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """The backbone's maps -> features for joints and for parts."""
        res_4, res_5 = levels
        return res_4, res_5


class PyramidBranches(nn.Module):
    """Feature pyramids on a shared MobileNetV2 that take the place of Res-4 and Res-5, at stride 4.

    The joint module also reads the features from which a MoveNet makes its heat maps, so that training can start
    from weights trained on people (`JPPNet.start_from`).

    Parameters
    ----------
    levels : sequence of int
        Channels of the backbone's levels, finest first.
    features : int
        Channels of the pyramids for joints and for parts.
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


def convolution(inputs: int, outputs: int, kernel: int, config: JPPNetConfig) -> nn.Module:
    """A convolution of Table 7 with its ReLU."""
    if config.separable and kernel > 1:
        return Separable(inputs, outputs, batch_norm=True, kernel=kernel)
    layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return nn.Sequential(layer, nn.ReLU(inplace=True))


def heatmaps(inputs: int, config: JPPNetConfig) -> nn.Conv2d:
    """The last 1x1 convolution of the joint module and of a pose refinement, whose initial weights are near zero.

    Otherwise a squared loss over whole maps would begin at some twenty times the loss of an empty map.
    """
    layer = nn.Conv2d(inputs, config.joints, 1)
    nn.init.normal_(layer.weight, std=0.001)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


class PartModule(nn.Module):
    """Table 7, "Part module": ASPP on Res-5 makes the parsing maps, two convolutions the context."""

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
    """Table 7, "Joint module": eight convolutions on Res-4; the sixth makes the context."""

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
    """Table 7, "Pose refinement" and "Parsing refinement", which differ only in the last layer.

    The maps of both tasks are mapped to more channels and concatenated with the context of the module's own task.
    Convolutions of kernels 3, 5, 7, 9 and 1 follow.
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
        """Pose maps, parsing maps and context -> refined maps of the module's task, context of the next stage."""
        concat = torch.cat([self.remap_1(pose), self.remap_2(parsing), context], dim=1)
        conv_4 = self.conv_4(self.conv_3(self.conv_2(self.conv_1(concat))))
        conv_5 = self.conv_5(conv_4)
        return self.last(conv_5), conv_5 if self.context == "conv-5" else conv_4


class JPPNet(nn.Module):
    """The joint network.

    Parameters
    ----------
    backbone : Backbone
        Shared by both modules.
    branches : StageBranches or PyramidBranches
        The backbone's maps -> features for the joint module and for the part module.
    config : JPPNetConfig
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
        """(B, 3, H, W) in [-1, 1] -> the maps of all stages and scales, at stride `stride`."""
        scales = tuple(self.stages(resized(images, scale)) for scale in self.config.scales)
        return JPPNetMaps(self._merged(scales), scales)

    def stages(self, images: Tensor) -> StageMaps:
        """(B, 3, H, W) in [-1, 1] -> the maps of every stage at one scale."""
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
        """Take over the backbone, the pyramid and the heat-map features of a Pose FCN (see `PoseFCN.load_movenet`).

        Raises
        ------
        ValueError
            This network has no such pyramid, or the backbone of the Pose FCN has another width.
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
    """The released code's choices: mean over the scales, nearest joint maps, context from the 9x9 convolution.

    Parameters
    ----------
    **changes
        Other fields of `JPPNetConfig`.

    Returns
    -------
    JPPNetConfig
    """
    return JPPNetConfig(merge="mean", pose_resize="nearest", context="conv-4", **changes)  # type: ignore[arg-type]
