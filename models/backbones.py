"""Feature extractors: MobileNetV2 of any width, and the papers' ResNet-101 and VGG-16 LargeFOV at stride 8.

Every backbone maps a batch (B, 3, H, W) to a list of feature maps, finest first, and has their `channels` and
`strides` as attributes. The input is RGB scaled to [-1, 1] by `normalise`.
"""

import zipfile
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models.resnet import Bottleneck
from torchvision.models.vgg import cfgs, make_layers

IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # RGB in [0, 1]


def normalise(images: Tensor) -> Tensor:
    """RGB (B, 3, H, W) uint8 -> float32 in [-1, 1], channels-last."""
    return images.float().div_(127.5).sub_(1.0).contiguous(memory_format=torch.channels_last)


class Backbone(nn.Module):
    """A feature extractor with the sizes of its maps."""

    channels: tuple[int, ...]  # of each map, finest first
    strides: tuple[int, ...]  # of each map, pixels

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, 3, H, W) in [-1, 1] -> maps (B, channels[i], H / strides[i], W / strides[i])."""
        raise NotImplementedError

    def blocks(self) -> list[nn.Module]:
        """The blocks that training can leave as they are, from the input on."""
        return []


class SamePadConv2d(nn.Conv2d):
    """A 3x3 convolution of stride 2 with TensorFlow's SAME padding, on the right and at the bottom only.

    The MobileNets trained on people were trained with it; symmetric padding shifts every level by half a cell.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, outputs, H / 2, W / 2)."""
        return super().forward(F.pad(x, (0, 1, 0, 1)))

    @classmethod
    def replacing(cls, conv: nn.Conv2d) -> "SamePadConv2d":
        """The 3x3 convolution of stride 2 with the same weights and this padding."""
        same = cls(
            conv.in_channels, conv.out_channels, 3, stride=2, groups=conv.groups, bias=conv.bias is not None
        )
        same.load_state_dict(conv.state_dict())
        return same


_MOBILENET_TAPS = (3, 6, 10, 18)  # features[i] with the last maps of strides 4, 8, 16 and 32
_MOBILENET_STRIDED_BLOCKS = (2, 4, 7, 14)  # inverted residuals whose depthwise convolution has stride 2


class MobileNetV2(Backbone):
    """torchvision's MobileNetV2 of any width, with maps of strides 4, 8, 16 and 32.

    Parameters
    ----------
    width : float
        Factor of the channels.
    batch_norm : bool
        False folds the batch norms into the convolutions: the weights trained on people are published so, and
        training is twice as fast. True keeps them, for training without initial weights.
    """

    strides = (4, 8, 16, 32)

    def __init__(self, width: float = 1.0, batch_norm: bool = False) -> None:
        super().__init__()
        features = torchvision.models.mobilenet_v2(weights=None, width_mult=width).features
        last = features[18][0]
        features[18] = nn.Sequential(
            nn.Conv2d(last.in_channels, 1280, 1, bias=False), nn.BatchNorm2d(1280), nn.ReLU6(inplace=True)
        )
        features[0][0] = SamePadConv2d.replacing(features[0][0])
        for i in _MOBILENET_STRIDED_BLOCKS:
            features[i].conv[1][0] = SamePadConv2d.replacing(features[i].conv[1][0])
        self.width = width
        self.features = features if batch_norm else _fuse_batch_norms(features)
        self.channels = tuple(_out_channels(features[i]) for i in _MOBILENET_TAPS)

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, 3, H, W) in [-1, 1] -> maps of strides 4, 8, 16 and 32."""
        levels = []
        for i, block in enumerate(self.features.children()):
            x = block(x)
            if i in _MOBILENET_TAPS:
                levels.append(x)
        return levels

    def blocks(self) -> list[nn.Module]:
        """The first convolution, the 17 inverted residuals and the last convolution."""
        return list(self.features.children())

    def load_people_weights(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Start from a MobileNetV2 trained on people, with folded norms.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            `features.*` tensors under torchvision's names, with or without the prefix `backbone.`.

        Raises
        ------
        ValueError
            A tensor is missing or has another shape (that of another width), or this network has batch norms.
        """
        if any(isinstance(module, nn.BatchNorm2d) for module in self.features.modules()):
            raise ValueError(
                "the initialisation has folded norms: build the MobileNetV2 with batch_norm=False"
            )
        reference = MobileNetV2(self.width, batch_norm=True)
        state = {
            name.removeprefix("backbone."): torch.from_numpy(np.asarray(value, dtype=np.float32))
            for name, value in arrays.items()
            if "features." in name and not name.endswith("num_batches_tracked")
        }
        try:
            missing, unexpected = reference.load_state_dict(state, strict=False)
        except RuntimeError as error:
            raise ValueError(
                f"the initialisation does not fit a MobileNetV2 of width {self.width}"
            ) from error
        missing = [name for name in missing if not name.endswith("num_batches_tracked")]
        if missing or unexpected:
            raise ValueError(f"the initialisation lacks {missing[:3]} or has unknown {unexpected[:3]}")
        self.features.load_state_dict(_fuse_batch_norms(reference.features).state_dict())


def _out_channels(block: nn.Module) -> int:
    return [m.out_channels for m in block.modules() if isinstance(m, nn.Conv2d)][-1]


def _fuse_batch_norms(features: nn.Module) -> nn.Module:
    """Fold every batch norm that follows a convolution into it, with its statistics in evaluation mode."""
    features.eval()
    for sequence in [m for m in features.modules() if isinstance(m, nn.Sequential)]:
        for i in range(len(sequence) - 1):
            conv, norm = sequence[i], sequence[i + 1]
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                sequence[i] = fuse_conv_bn_eval(conv, norm).requires_grad_(True)  # the new bias is frozen
                sequence[i + 1] = nn.Identity()
    return features.train()


class ImageNetBackbone(Backbone):
    """A backbone that scales its input as torchvision's networks were trained on ImageNet."""

    input_scale: Tensor
    input_shift: Tensor

    def __init__(self) -> None:
        super().__init__()
        mean, deviation = (torch.tensor(x).view(3, 1, 1) for x in (IMAGENET_MEAN, IMAGENET_DEVIATION))
        self.register_buffer("input_scale", 0.5 / deviation, persistent=False)
        self.register_buffer("input_shift", (0.5 - mean) / deviation, persistent=False)

    def scaled(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> of ImageNet's mean 0 and deviation 1."""
        return x * self.input_scale + self.input_shift

    def train(self, mode: bool = True) -> "ImageNetBackbone":
        """As in torch, but blocks of which nothing is trained keep the statistics of their norms, too."""
        super().train(mode)
        for block in self.blocks():
            if not any(parameter.requires_grad for parameter in block.parameters()):
                block.eval()
        return self


def _stage(inputs: int, planes: int, blocks: int, stride: int, dilation: int) -> nn.Sequential:
    """A stage of ResNet's bottleneck blocks, all of one dilation."""
    outputs = planes * Bottleneck.expansion
    shortcut = nn.Sequential(
        nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
    )
    first = Bottleneck(inputs, planes, stride, shortcut, dilation=dilation)
    return nn.Sequential(first, *(Bottleneck(outputs, planes, dilation=dilation) for _ in range(blocks - 1)))


class ResNet101(ImageNetBackbone):
    """ResNet-101 dilated to stride 8, the trunk of DeepLab-v2 and of Xia et al.'s Pose FCN.

    All blocks of Res-4 have dilation 2 and all of Res-5 dilation 4, as in DeepLab; the first ones, too, which
    torchvision leaves at 1 and 2. As in torchvision, whose weights it can start from, the stride of a stage is on
    its first 3x3 convolution; He et al. and DeepLab have it on the 1x1 convolution before.

    Parameters
    ----------
    width : float
        Factor of the channels; the paper's is 1.
    blocks : sequence of int
        Of the stages Res-2 to Res-5; the paper's are 3, 4, 23 and 3.
    """

    channels: tuple[int, ...] = (2048,)
    strides: tuple[int, ...] = (8,)

    def __init__(self, width: float = 1.0, blocks: Sequence[int] = (3, 4, 23, 3)) -> None:
        super().__init__()
        self.channels = tuple(round(64 * width) * c // 64 for c in self.channels)
        planes = [round(64 * width) * factor for factor in (1, 2, 4, 8)]
        self.stem = nn.Sequential(
            nn.Conv2d(3, planes[0], 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(planes[0]),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        inputs = (planes[0], *(p * Bottleneck.expansion for p in planes[:3]))
        geometry = ((1, 1), (2, 1), (1, 2), (1, 4))  # stride and dilation
        self.stages = nn.Sequential(
            *(_stage(i, p, b, *g) for i, p, b, g in zip(inputs, planes, blocks, geometry, strict=True))
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, 3, H, W) in [-1, 1] -> one map (B, 2048, H / 8, W / 8)."""
        return [self.stages(self.stem(self.scaled(x)))]

    def blocks(self) -> list[nn.Module]:
        """The first convolution with its pooling, and the four stages."""
        return [self.stem, *self.stages.children()]


class VGG16LargeFOV(ImageNetBackbone):
    """The trunk of DeepLab-LargeFOV: VGG-16 at stride 8, with fc6 as a 3x3 convolution of dilation 12, 1024 wide.

    Parameters
    ----------
    width : float
        Factor of the channels; the paper's is 1.
    """

    strides = (8,)

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        channels = [c if isinstance(c, str) else round(c * width) for c in cfgs["D"]]
        layers = list(make_layers(channels))  # type: ignore[arg-type]
        for i, layer in enumerate(layers):
            if isinstance(layer, nn.MaxPool2d):  # DeepLab pools over 3x3; pool4 and pool5 keep the resolution
                layers[i] = nn.MaxPool2d(3, stride=2 if i < 20 else 1, padding=1)
            elif isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
                if i > 23:  # conv5, as pool4 does not halve
                    layer.dilation, layer.padding = (2, 2), (2, 2)
        self.features = nn.Sequential(*layers)
        wide = round(1024 * width)
        self.fc6 = nn.Conv2d(round(512 * width), wide, 3, padding=12, dilation=12)
        self.fc7 = nn.Conv2d(wide, wide, 1)
        self.channels = (wide,)

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, 3, H, W) in [-1, 1] -> one map (B, 1024, H / 8, W / 8)."""
        x = F.dropout(F.relu(self.fc6(self.features(self.scaled(x)))), 0.5, self.training)
        return [F.dropout(F.relu(self.fc7(x)), 0.5, self.training)]

    def blocks(self) -> list[nn.Module]:
        """conv1 to conv5, each with its pooling."""
        ends = [0, *(i + 1 for i, m in enumerate(self.features) if isinstance(m, nn.MaxPool2d))]
        return [self.features[a:b] for a, b in pairwise(ends)]


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read initial weights from an .npz file, without pickle.

    Returns
    -------
    dict of str to ndarray

    Raises
    ------
    ValueError
        The file is missing or damaged, or holds anything but plain arrays.
    """
    try:
        with zipfile.ZipFile(path), np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError as error:
        raise ValueError(f"{path}: no such file of initial weights") from error
    except (zipfile.BadZipFile, ValueError, EOFError, OSError) as error:
        raise ValueError(f"{path}: damaged or no .npz file of plain arrays ({error})") from error
