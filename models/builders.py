"""One named builder per network, every number visible. A weight card names its builder and arguments."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn

from .backbones import MobileNetV2, ResNet101, VGG16LargeFOV
from .baselines.parsing import DeepLab, FCN8s, SegNet
from .baselines.pose import ConvolutionalPoseMachine, StackedHourglass
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
from .refine import RefineFCN

ASPP_RATES = (6, 12, 18, 24)


def pose_mobilenet_v2(width: float = 1.75) -> PoseFCN:
    """The shipped Pose FCN: MoveNet Thunder's shape plus a wide pyramid for the 364 offset maps."""
    return PoseFCN(MobileNetV2(width))


def pose_resnet101() -> PoseFCN:
    """The paper's Pose FCN: ResNet-101 dilated to stride 8."""
    return PoseFCN(ResNet101(), heat_widths=(256,), wide_widths=(256,), hidden=256)


def pose_vgg16() -> PoseFCN:
    """A Pose FCN on VGG-16 LargeFOV."""
    return PoseFCN(VGG16LargeFOV(), heat_widths=(256,), wide_widths=(256,), hidden=256)


def part_mobilenet_v2(width: float = 1.0) -> PartFCN:
    """The shipped first-stage Part FCN."""
    return PartFCN(MobileNetV2(width))


def part_vgg16_largefov() -> PartFCN:
    """The paper's Part FCN (56.50 mIoU row): DeepLab-LargeFOV."""
    return PartFCN(VGG16LargeFOV(), widths=(256,), hidden=256)


def part_resnet101() -> PartFCN:
    """The paper's Part FCN (62.66 mIoU row): ResNet-101."""
    return PartFCN(ResNet101(), widths=(256,), hidden=256)


def refine_distances(width: int = 96) -> RefineFCN:
    """The shipped second stage: depthwise 7x7, on distance maps of the pose."""
    return RefineFCN("distances", 30, width=width, separable=True)


def refine_labels(width: int = 96) -> RefineFCN:
    """As `refine_distances`, on the paper's two label maps."""
    return RefineFCN("labels", 2, width=width, separable=True)


def refine_xia2017() -> RefineFCN:
    """The paper's second stage: three 7x7 convolutions, 128 wide (Sec. 3.2)."""
    return RefineFCN(width=128, separable=False)


def jppnet_resnet101(
    labels: int = 20,
    joints: int = 16,
    stages: int = 2,
    scales: Sequence[float] = (1.0, 0.75, 0.5),
    released: bool = False,
) -> JPPNet:
    """JPPNet as printed (Liang et al., Table 7), or with the choices of its released code; LIP's labels."""
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
    """A JPPNet for two cores: MobileNetV2, separable convolutions, a quarter of Table 7's channels, stride 4."""
    config = JPPNetConfig(
        labels=labels, joints=joints, stages=stages, scales=tuple(scales), width=channels, separable=True
    )
    backbone = MobileNetV2(width)
    return JPPNet(backbone, PyramidBranches(backbone.channels), config)


def attention_vgg16(labels: int = 20) -> AttentionToScale:
    """Attention to scale on DeepLab-LargeFOV: the base of SS-JPPNet."""
    return AttentionToScale(VGG16LargeFOV(), FinestLevel(), channels=1024, labels=labels, stride=8)


def attention_s(
    labels: int = 7, width: float = 1.0, scales: Sequence[float] = (1.0, 0.5)
) -> AttentionToScale:
    """Attention to scale for two cores: the shipped first-stage Part FCN at two scales."""
    backbone = MobileNetV2(width)
    neck = nn.Sequential(Pyramid(backbone.channels, (96, 96, 96, 96), batch_norm=True), Head(96, 96))
    return AttentionToScale(backbone, neck, channels=96, labels=labels, stride=4, scales=scales, hidden=32)


def deeplab_vgg16(labels: int = 20) -> DeepLab:
    """DeepLab (VGG-16): LargeFOV, one scale."""
    return DeepLab(VGG16LargeFOV(), labels)


def deeplab_resnet101(
    labels: int = 20, scales: Sequence[float] = (1.0, 0.75, 0.5), rates: Sequence[int] = ASPP_RATES
) -> DeepLab:
    """DeepLab (ResNet-101): ASPP, the maximum over three scales."""
    return DeepLab(ResNet101(), labels, rates, scales)


def joints_resnet101(joints: int = 16) -> DeepLab:
    """ResNet-101 for joints: DeepLab's network with another output layer (Sec. 4.2), one scale."""
    return DeepLab(ResNet101(), joints, ASPP_RATES)


def fcn8s(labels: int = 20) -> FCN8s:
    """FCN-8s on VGG-16."""
    return FCN8s(labels)


def segnet(labels: int = 20) -> SegNet:
    """SegNet on VGG-16."""
    return SegNet(labels)


def stacked_hourglass(joints: int = 16, stacks: int = 8) -> StackedHourglass:
    """Eight hourglasses of 256 features."""
    return StackedHourglass(joints, stacks)


def cpm(joints: int = 16, stages: int = 6) -> ConvolutionalPoseMachine:
    """A convolutional pose machine of six stages."""
    return ConvolutionalPoseMachine(joints, stages)


BUILDERS: dict[str, Callable[..., nn.Module]] = {
    builder.__name__: builder
    for builder in (
        pose_mobilenet_v2,
        pose_resnet101,
        pose_vgg16,
        part_mobilenet_v2,
        part_vgg16_largefov,
        part_resnet101,
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
        joints_resnet101,
        fcn8s,
        segnet,
        stacked_hourglass,
        cpm,
    )
}


def build(name: str, arguments: Mapping[str, Any] | None = None) -> nn.Module:
    """The network `name` with untrained weights.

    Raises
    ------
    ValueError: for a name or argument that does not exist.
    """
    if name not in BUILDERS:
        raise ValueError(f"unknown builder {name!r}: choose one of {', '.join(BUILDERS)}")
    try:
        return BUILDERS[name](**(arguments or {}))
    except TypeError as error:
        raise ValueError(f"builder {name!r} does not take these arguments: {error}") from error
