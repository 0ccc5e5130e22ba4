"""One named builder per network, with every number visible. The card of a weight file names builder and arguments.

Those of the networks that the papers compare with are in `baselines.builders`.

"Xia" is Xia et al. (CVPR 2017), "Liang" is Liang et al. (JPPNet). Where a network differs from the paper's, its
builder says how.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn

from .aspp import ASPP_RATES
from .backbones import MobileNetV2, ResNet101, VGG16LargeFOV
from .baselines.builders import BASELINES
from .baselines.deeplab import DeepLab
from .detector.guided import guided_person_detector
from .detector.network import person_detector
from .fcn import Head, PartFCN, PoseFCN, Pyramid
from .jppnet.attention import AttentionToScale, FinestLevel
from .jppnet.network import (
    JPPNet,
    JPPNetConfig,
    PyramidBranches,
    ResNet101Stages,
    StageBranches,
    released_jppnet,
)
from .pose_fcn import DilatedPoseFCN
from .refine import RefineFCN, StackedRefineFCN

BLOCKS = (3, 4, 23, 3)  # of ResNet-101


def pose_mobilenet_v2(width: float = 1.75) -> PoseFCN:
    """The shipped Pose FCN (Xia, Sec. 3): MoveNet Thunder's network and a wide pyramid for the 364 offset maps."""
    return PoseFCN(MobileNetV2(width))


def pose_resnet101(
    width: float = 1.0, blocks: Sequence[int] = BLOCKS, rates: Sequence[int] = ASPP_RATES
) -> DilatedPoseFCN:
    """The Pose FCN of Xia, Sec. 3: ResNet-101 at stride 8, with ASPP for the 14 joint maps and the 364 offset maps.

    The paper prints the trunk and the maps; `DilatedPoseFCN` says what is between them.
    """
    return DilatedPoseFCN(ResNet101(width, blocks), rates=rates)


def part_mobilenet_v2(width: float = 1.0) -> PartFCN:
    """The shipped first-stage Part FCN (Xia, Sec. 3), at width 1.75: a feature pyramid on MobileNetV2."""
    return PartFCN(MobileNetV2(width))


def refine_distances(width: int = 96) -> RefineFCN:
    """The shipped second stage (Xia, Sec. 3.2): one depthwise 7x7 convolution, on 30 distance maps of the pose."""
    return RefineFCN("distances", 30, width=width)


def refine_labels(width: int = 96) -> RefineFCN:
    """As `refine_distances`, on the two label maps of Xia, Sec. 3.2: joints and skeleton."""
    return RefineFCN("labels", 2, width=width)


def refine_xia2017(width: int = 128) -> StackedRefineFCN:
    """The second stage of Xia, Sec. 3.2: three 7x7 convolutions, 128 wide, on two label maps; 1.66 M parameters.

    The output layer, which is not printed, is a 1x1 convolution; see `StackedRefineFCN`.
    """
    return StackedRefineFCN(pose_maps=2, parts=7, width=width, kernel=7, layers=3)


def jppnet_resnet101(
    labels: int = 20,
    joints: int = 16,
    stages: int = 2,
    scales: Sequence[float] = (1.0, 0.75, 0.5),
    released: bool = False,
) -> JPPNet:
    """JPPNet as printed (Liang, Sec. 5.2, Table 7), or with the choices of its released code; LIP's labels."""
    make = released_jppnet if released else JPPNetConfig
    config = make(labels=labels, joints=joints, stages=stages, scales=tuple(scales))
    return JPPNet(ResNet101Stages(), StageBranches(), config)


def jppnet_s(
    labels: int = 7,
    joints: int = 14,
    stages: int = 2,
    scales: Sequence[float] = (1.0,),
    width: float = 1.0,
    channels: int = 64,
) -> JPPNet:
    """A small JPPNet: Table 7 of Liang with a quarter of its channels, separable, on MobileNetV2 at stride 4."""
    config = JPPNetConfig(
        labels=labels, joints=joints, stages=stages, scales=tuple(scales), width=channels, separable=True
    )
    backbone = MobileNetV2(width)
    return JPPNet(backbone, PyramidBranches(backbone.channels), config)


def attention_vgg16(labels: int = 20) -> AttentionToScale:
    """Attention to scale on VGG-16 LargeFOV, the base of SS-JPPNet (Liang, Sec. 6.1; Xia, Tables 3 and 4)."""
    return AttentionToScale(VGG16LargeFOV(), FinestLevel(), channels=1024, labels=labels, stride=8)


def attention_s(
    labels: int = 7, width: float = 1.0, scales: Sequence[float] = (1.0, 0.5)
) -> AttentionToScale:
    """A small network of attention to scale: `part_mobilenet_v2` at two scales."""
    backbone = MobileNetV2(width)
    neck = nn.Sequential(Pyramid(backbone.channels, (96, 96, 96, 96), batch_norm=True), Head(96, 96))
    return AttentionToScale(backbone, neck, channels=96, labels=labels, stride=4, scales=scales, hidden=32)


def deeplab_vgg16(labels: int = 20, width: float = 1.0) -> DeepLab:
    """DeepLab-LargeFOV on VGG-16: fc6 3x3 of dilation 12, fc7, fc8; one scale (Chen et al. 2015).

    With 7 labels it is the Part FCN of Xia, Sec. 3 (Table 3, "VGG-16, w/o pose"); with 20 a baseline of Liang,
    Tables 2 to 4.
    """
    return DeepLab(VGG16LargeFOV(width), labels)


def deeplab_resnet101(
    labels: int = 20,
    scales: Sequence[float] = (1.0, 0.75, 0.5),
    rates: Sequence[int] = ASPP_RATES,
    width: float = 1.0,
    blocks: Sequence[int] = BLOCKS,
) -> DeepLab:
    """DeepLab-v2 on ResNet-101: ASPP, the maximum over three scales (Chen et al. 2016).

    With 7 labels it is the Part FCN of Xia, Sec. 4.3 (Table 3, "ResNet-101, w/o pose"); with 20 a baseline of
    Liang, Tables 2 to 4.
    """
    return DeepLab(ResNet101(width, blocks), labels, rates, scales)


BUILDERS: dict[str, Callable[..., nn.Module]] = {
    builder.__name__: builder
    for builder in (
        pose_mobilenet_v2,
        pose_resnet101,
        part_mobilenet_v2,
        refine_distances,
        refine_labels,
        refine_xia2017,
        person_detector,
        guided_person_detector,
        jppnet_resnet101,
        jppnet_s,
        attention_vgg16,
        attention_s,
        deeplab_vgg16,
        deeplab_resnet101,
        *BASELINES,
    )
}


def build(name: str, arguments: Mapping[str, Any] | None = None) -> nn.Module:
    """Build a network with untrained weights.

    Parameters
    ----------
    name : str
        One of `BUILDERS`.
    arguments : mapping of str to object, optional
        Of the builder.

    Returns
    -------
    torch.nn.Module

    Raises
    ------
    ValueError
        There is no such builder, or it does not take these arguments.
    """
    if name not in BUILDERS:
        raise ValueError(f"unknown builder {name[:80]!r}: choose one of {', '.join(BUILDERS)}")
    try:
        return BUILDERS[name](**(arguments or {}))
    except TypeError as error:
        raise ValueError(f"builder {name!r} does not take these arguments: {error}") from error
