"""The Pose FCN and first-stage Part FCN that ship (Xia et al., Sec. 3): backbone, feature pyramid, and heads.

The networks as the paper has them are `pose_fcn.DilatedPoseFCN` and `baselines.deeplab.DeepLab`.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .backbones import Backbone, MobileNetV2
from .pose_fcn import PoseNetwork


def upsample2(x: Tensor) -> Tensor:
    """Bilinear upsampling by 2 with half-pixel centres."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


class Separable(nn.Sequential):
    """A depthwise convolution, a pointwise one, a batch norm if asked for, and ReLU."""

    def __init__(self, channels_in: int, channels_out: int, batch_norm: bool, kernel: int = 3) -> None:
        depthwise = nn.Conv2d(
            channels_in, channels_in, kernel, padding=kernel // 2, groups=channels_in, bias=False
        )
        pointwise = nn.Conv2d(channels_in, channels_out, 1, bias=not batch_norm)
        norm = [nn.BatchNorm2d(channels_out)] if batch_norm else []
        super().__init__(depthwise, pointwise, *norm, nn.ReLU(inplace=True))


class Pyramid(nn.Module):
    """A top-down feature pyramid; the result has the stride of the backbone's finest level.

    Parameters
    ----------
    channels : sequence of int
        Of the backbone's levels, finest first. Of a single level the pyramid is a 1x1 convolution.
    widths : sequence of int
        Channels of the pyramid's levels, coarsest first; the last is the result's.
    batch_norm : bool
    """

    def __init__(self, channels: Sequence[int], widths: Sequence[int], batch_norm: bool) -> None:
        super().__init__()
        coarse_first = list(channels)[::-1]
        lateral_widths = [widths[0], *widths[:-1]]
        self.lateral = nn.ModuleList(
            nn.Conv2d(c, w, 1) for c, w in zip(coarse_first, lateral_widths, strict=True)
        )
        self.smooth = nn.ModuleList(
            Separable(a, b, batch_norm) for a, b in zip(widths[:-1], widths[1:], strict=True)
        )
        self.out_channels = widths[-1]

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """The backbone's levels -> (B, widths[-1], h, w) at the finest level's size."""
        coarse_first = list(levels)[::-1]
        z = self.lateral[0](coarse_first[0])
        for level, lateral, smooth in zip(coarse_first[1:], self.lateral[1:], self.smooth, strict=True):
            z = smooth(upsample2(z) + lateral(level))
        return z


class Head(nn.Module):
    """A depthwise 3x3 convolution, a 1x1 convolution and ReLU: features for the output convolution."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.pointwise = nn.Conv2d(channels, hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) -> (B, hidden, h, w)."""
        return F.relu(self.pointwise(self.depthwise(x)))


def _pyramid(backbone: Backbone, widths: Sequence[int], batch_norm: bool) -> Pyramid:
    """The pyramid of all of the backbone's levels; for a single level only the last width is used."""
    widths = widths if len(backbone.channels) > 1 else widths[-1:]
    return Pyramid(backbone.channels, widths, batch_norm)


class PoseFCN(PoseNetwork):
    """The Pose FCN that ships, shaped so that it can start from a MoveNet.

    Two pyramids share the backbone: a narrow one, shaped like MoveNet's so that training can start from its heat
    maps, and a wide one for the offsets, which the joint scores read, too.

    Parameters
    ----------
    backbone : Backbone
    joints : int
    heat_widths, wide_widths : sequence of int
        Channels of the two pyramids, coarsest level first; of a backbone of one level only the last counts.
    hidden : int
        Channels of the features from which the joint scores are made; the offsets have twice as many.
    """

    def __init__(
        self,
        backbone: Backbone,
        joints: int = 14,
        heat_widths: Sequence[int] = (64, 32, 24, 24),
        wide_widths: Sequence[int] = (96, 96, 96, 96),
        hidden: int = 96,
    ) -> None:
        super().__init__(joints)
        self.backbone = backbone
        self.stride = backbone.strides[0]
        self.heat = _pyramid(backbone, heat_widths, batch_norm=False)
        self.wide = _pyramid(backbone, wide_widths, batch_norm=True)
        self.heat_head = Head(self.heat.out_channels, hidden)
        self.wide_head = Head(self.wide.out_channels, hidden)
        self.offset_head = Head(self.wide.out_channels, 2 * hidden)
        self.joint_out = nn.Conv2d(2 * hidden, joints, 1)
        self.offset_out = nn.Conv2d(2 * hidden, joints * (joints - 1) * 2, 1)
        nn.init.constant_(self.joint_out.bias, -5.0)  # type: ignore[arg-type]

    def features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Joint logits, and the features (B, C, h, w) from which a 1x1 convolution makes the offsets."""
        levels = self.backbone(x)
        wide = self.wide(levels)
        joint_features = torch.cat([self.heat_head(self.heat(levels)), self.wide_head(wide)], dim=1)
        return self.joint_out(joint_features), self.offset_head(wide)

    def normalised_offsets(self, rows: Tensor) -> Tensor:
        """Normalised offsets (..., joints * (joints - 1) * 2) of feature vectors (..., C)."""
        return F.linear(rows, self.offset_out.weight[:, :, 0, 0], self.offset_out.bias)

    @torch.no_grad()
    def load_movenet(self, arrays: Mapping[str, np.ndarray], sources: Sequence[Sequence[int]]) -> None:
        """Start from a MoveNet: its backbone, pyramid and heat-map head.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            MoveNet's tensors: `backbone.features.*`, `lateral.*`, `smooth.*`, `head.kpt_heatmap.*`.
        sources : sequence of sequence of int
            For each of our joints the heat-map channels whose mean is its initial logit; empty for none.

        Raises
        ------
        ValueError
            The backbone is no MobileNetV2, or the tensors do not fit it.
        """
        if not isinstance(self.backbone, MobileNetV2):
            raise ValueError(f"a MoveNet cannot start a {type(self.backbone).__name__}: use a MobileNetV2")
        self.backbone.load_people_weights(arrays)
        tensors = {k: torch.from_numpy(np.asarray(v, dtype=np.float32)) for k, v in arrays.items()}
        try:
            self._load_heat_maps(tensors, sources)
        except KeyError as error:
            raise ValueError(f"the initialisation is no MoveNet: it lacks the tensor {error}") from error
        except (RuntimeError, IndexError) as error:
            reason = str(error).splitlines()[-1].strip()
            raise ValueError(f"the MoveNet's tensors do not fit this network: {reason}") from error

    def _load_heat_maps(self, tensors: Mapping[str, Tensor], sources: Sequence[Sequence[int]]) -> None:
        """The pyramid and the heat-map head of `load_movenet`."""
        for i, lateral in enumerate(self.heat.lateral):
            lateral.load_state_dict({n: tensors[f"lateral.{i}.{n}"] for n in ("weight", "bias")})
        for i, smooth in enumerate(self.heat.smooth):
            smooth[0].weight.copy_(tensors[f"smooth.{i}.depthwise.weight"])  # type: ignore[index]
            smooth[1].weight.copy_(tensors[f"smooth.{i}.pointwise.weight"])  # type: ignore[index]
            smooth[1].bias.copy_(tensors[f"smooth.{i}.pointwise.bias"])  # type: ignore[index]
        head = "head.kpt_heatmap"
        self.heat_head.depthwise.weight.copy_(tensors[f"{head}.depthwise.weight"])
        self.heat_head.pointwise.weight.copy_(tensors[f"{head}.pointwise.weight"])
        self.heat_head.pointwise.bias.copy_(tensors[f"{head}.pointwise.bias"])  # type: ignore[union-attr]
        self.joint_out.weight.zero_()
        hidden = self.heat_head.pointwise.out_channels
        for joint, channels in enumerate(sources):
            if channels:
                chosen = list(channels)
                self.joint_out.weight[joint, :hidden] = tensors[f"{head}.out.weight"][chosen].mean(0)
                self.joint_out.bias[joint] = tensors[f"{head}.out.bias"][chosen].mean()  # type: ignore[index]


class PartFCN(nn.Module):
    """First-stage part score maps Ps.

    Parameters
    ----------
    backbone : Backbone
    parts : int
    widths : sequence of int
        Channels of the pyramid, coarsest level first; of a backbone of one level only the last counts.
    hidden : int
        Channels of the features from which the scores are made.
    """

    def __init__(
        self,
        backbone: Backbone,
        parts: int = 7,
        widths: Sequence[int] = (96, 96, 96, 96),
        hidden: int = 96,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.stride = backbone.strides[0]
        self.pyramid = _pyramid(backbone, widths, batch_norm=True)
        self.head = Head(self.pyramid.out_channels, hidden)
        self.out = nn.Conv2d(hidden, parts, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> logits (B, parts, h, w) at stride `stride`."""
        return self.out(self.head(self.pyramid(self.backbone(x))))
