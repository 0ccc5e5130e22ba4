"""One named builder per network, every number visible. A weight card names its builder and arguments."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from .backbones import MobileNetV2, ResNet101, VGG16LargeFOV
from .detector import person_detector
from .fcn import PartFCN, PoseFCN
from .refine import RefineFCN


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


def refine_separable() -> RefineFCN:
    """The shipped second stage: depthwise 7x7, 64 wide."""
    return RefineFCN(width=64, separable=True)


def refine_xia2017() -> RefineFCN:
    """The paper's second stage: three 7x7 convolutions, 128 wide (Sec. 3.2)."""
    return RefineFCN(width=128, separable=False)


BUILDERS: dict[str, Callable[..., nn.Module]] = {
    builder.__name__: builder
    for builder in (
        pose_mobilenet_v2,
        pose_resnet101,
        pose_vgg16,
        part_mobilenet_v2,
        part_vgg16_largefov,
        part_resnet101,
        refine_separable,
        refine_xia2017,
        person_detector,
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
