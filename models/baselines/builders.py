"""The named builders of the baselines: each with the sizes of its paper, and small (`_s`), for trainings on a CPU.

"Xia" is Xia et al. (CVPR 2017), "Liang" is Liang et al. (JPPNet). The small ones have the structure of the others on
a MobileNetV2 of any width, so that all can start from the same weights trained on people; SegNet, whose decoder
undoes poolings that MobileNetV2 does not have, is a narrow one instead.
"""

from collections.abc import Sequence

from torch import nn

from ..aspp import ASPP_RATES
from ..backbones import MobileNetV2, ResNet101, VGG16LargeFOV
from ..jppnet.attention import FinestLevel
from .cpm import ConvolutionalPoseMachine, image_features
from .deeplab import DeepLab
from .fcn8s import FCN8s, VGG16Pools
from .graph_lstm import GraphLSTM
from .hazn import HAZN
from .hourglass import StackedHourglass, stem
from .lg_lstm import LGLSTM
from .segnet import SegNet
from .small import WIDTH, DilatedMobileNetV2, PyramidNeck

# Parsers


def deeplab_s(
    labels: int = 7, width: float = 1.0, scales: Sequence[float] = (1.0,), rates: Sequence[int] = (2, 4, 6, 8)
) -> DeepLab:
    """A small DeepLab: dilated MobileNetV2 with ASPP, whose rates fit small crops; one scale by default."""
    return DeepLab(DilatedMobileNetV2(width), labels, rates, scales)


def fcn8s(labels: int = 20) -> FCN8s:
    """FCN-8s on VGG-16 (Liang, Tables 2 to 4)."""
    return FCN8s(VGG16Pools(), labels)


def fcn8s_s(labels: int = 7, width: float = 1.0) -> FCN8s:
    """FCN-8s on MobileNetV2, with 1x1 convolutions of 256 channels as fc6 and fc7."""
    return FCN8s(MobileNetV2(width), labels, hidden=256, kernel=1)


def segnet(labels: int = 20, width: float = 1.0) -> SegNet:
    """SegNet on VGG-16 (Liang, Tables 2 to 4)."""
    return SegNet(labels, width)


def segnet_s(labels: int = 7, width: float = 0.25) -> SegNet:
    """SegNet with a quarter of the channels; it starts from random weights."""
    return SegNet(labels, width)


def hazn(labels: int = 7, parts: int = 4) -> HAZN:
    """HAZN on three VGG-16 LargeFOV, one for each level (Xia, Tables 3 and 4; Liang, Table 9)."""
    trunks, necks = nn.ModuleList(VGG16LargeFOV() for _ in range(3)), [FinestLevel() for _ in range(3)]
    return HAZN(trunks, necks, 1024, labels, stride=8, parts=parts, sizes=(1.0, 1.0))


def hazn_s(labels: int = 7, width: float = 1.0, parts: int = 3) -> HAZN:
    """A small HAZN: the three levels share a MobileNetV2, and the windows of parts are read at half the side."""
    backbone = MobileNetV2(width)
    necks = [PyramidNeck(backbone.channels) for _ in range(3)]
    return HAZN(backbone, necks, WIDTH, labels, stride=4, parts=parts)


def lg_lstm(labels: int = 7) -> LGLSTM:
    """LG-LSTM on VGG-16 LargeFOV: five layers of 64 hidden units (Liang, Table 9)."""
    return LGLSTM(VGG16LargeFOV(), FinestLevel(), 1024, labels, stride=8)


def lg_lstm_s(labels: int = 7, width: float = 1.0, units: int = 24, layers: int = 3) -> LGLSTM:
    """A small LG-LSTM: MobileNetV2 at stride 8, three layers of 24 hidden units."""
    backbone = MobileNetV2(width)
    neck = PyramidNeck(backbone.channels, 1)
    return LGLSTM(backbone, neck, WIDTH, labels, stride=8, units=units, layers=layers)


def graph_lstm(labels: int = 7) -> GraphLSTM:
    """Graph LSTM on VGG-16 LargeFOV (Xia, Sec. 2): two layers of 64 units.

    The superpixels, 27 x 27 in crops of 321 px, consist of cells of 4 px; the cited paper has about 1,000 of pixels.
    """
    return GraphLSTM(VGG16LargeFOV(), FinestLevel(), 1024, labels, stride=4)


def graph_lstm_s(labels: int = 7, width: float = 1.0, units: int = 48, spacing: int = 3) -> GraphLSTM:
    """A small Graph LSTM: MobileNetV2 at stride 4, superpixels of about 12 px."""
    backbone = MobileNetV2(width)
    neck = PyramidNeck(backbone.channels)
    return GraphLSTM(backbone, neck, WIDTH, labels, stride=4, units=units, spacing=spacing)


# Pose networks


def joints_resnet101(joints: int = 16) -> DeepLab:
    """ResNet-101 with ASPP for joints (Liang, Sec. 4.2).

    The paper keeps "the entire network" of DeepLab and changes its output layer; how many scales the input has is
    not printed, here it is one.
    """
    return DeepLab(ResNet101(), joints, ASPP_RATES)


def joints_s(joints: int = 14, width: float = 1.0, rates: Sequence[int] = (2, 4, 6, 8)) -> DeepLab:
    """A small `joints_resnet101`: `deeplab_s` with another output layer."""
    return DeepLab(DilatedMobileNetV2(width), joints, rates)


def stacked_hourglass(joints: int = 16, stacks: int = 8) -> StackedHourglass:
    """Stacked hourglasses of 256 features (Liang, Tables 5, 6 and 10)."""
    return StackedHourglass(stem(256), nn.Identity(), joints, stacks=stacks)


def stacked_hourglass_s(joints: int = 14, width: float = 1.0, stacks: int = 2) -> StackedHourglass:
    """Two hourglasses of 64 features and three poolings, behind a MobileNetV2 at stride 4."""
    backbone = MobileNetV2(width)
    neck = PyramidNeck(backbone.channels, outputs=64)
    return StackedHourglass(backbone, neck, joints, stacks=stacks, features=64, depth=3)


def cpm(joints: int = 16, stages: int = 6) -> ConvolutionalPoseMachine:
    """A convolutional pose machine (Liang, Tables 5, 6 and 10)."""
    own = image_features()
    return ConvolutionalPoseMachine(
        image_features(), nn.Identity(), joints, first_features=own, stages=stages
    )


def cpm_s(joints: int = 14, width: float = 1.0, stages: int = 3) -> ConvolutionalPoseMachine:
    """A small CPM: three narrow stages, all of which read the features of one MobileNetV2 at stride 8."""
    backbone = MobileNetV2(width)
    neck = PyramidNeck(backbone.channels, 1, outputs=32)
    return ConvolutionalPoseMachine(backbone, neck, joints, stages=stages, widths=(64, 32))


BASELINES = (
    deeplab_s,
    fcn8s,
    fcn8s_s,
    segnet,
    segnet_s,
    hazn,
    hazn_s,
    lg_lstm,
    lg_lstm_s,
    graph_lstm,
    graph_lstm_s,
    joints_resnet101,
    joints_s,
    stacked_hourglass,
    stacked_hourglass_s,
    cpm,
    cpm_s,
)
