"""ResNet-101 for joints, a baseline of Liang et al. (Sec. 4.2): DeepLab with another output layer."""

from ..aspp import ASPP_RATES
from ..backbones import ResNet101
from .deeplab import DeepLab


def joints_resnet101(joints: int = 16) -> DeepLab:
    """ResNet-101 with ASPP for joints (Liang et al., Sec. 4.2).

    The paper keeps "the entire network" of DeepLab and changes its output layer; how many scales the input has is
    not printed, here it is one.
    """
    return DeepLab(ResNet101(), joints, ASPP_RATES)
