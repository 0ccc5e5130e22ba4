"""Pose FCN and first-stage Part FCN (Sec. 3): a backbone, a feature pyramid where it has levels, and heads."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .backbones import Backbone, MobileNetV2


def upsample2(x: Tensor) -> Tensor:
    """Bilinear x2 with half-pixel centres."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


class Separable(nn.Sequential):
    """Depthwise 3x3, pointwise 1x1, optional batch norm, ReLU."""

    def __init__(self, channels_in: int, channels_out: int, batch_norm: bool, kernel: int = 3) -> None:
        depthwise = nn.Conv2d(
            channels_in, channels_in, kernel, padding=kernel // 2, groups=channels_in, bias=False
        )
        pointwise = nn.Conv2d(channels_in, channels_out, 1, bias=not batch_norm)
        norm = [nn.BatchNorm2d(channels_out)] if batch_norm else []
        super().__init__(depthwise, pointwise, *norm, nn.ReLU(inplace=True))


class Pyramid(nn.Module):
    """Top-down feature pyramid; the result has the stride of the backbone's finest level.

    widths[0] is the coarsest level's width, widths[-1] the result's. One level: a single 1x1 projection.
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
        coarse_first = list(levels)[::-1]
        z = self.lateral[0](coarse_first[0])
        for level, lateral, smooth in zip(coarse_first[1:], self.lateral[1:], self.smooth, strict=True):
            z = smooth(upsample2(z) + lateral(level))
        return z


class Head(nn.Module):
    """Depthwise 3x3 (no bias), 1x1 to `hidden`, ReLU: the features that a score map is a 1x1 convolution of."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.pointwise = nn.Conv2d(channels, hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.pointwise(self.depthwise(x)))


def _pyramid(backbone: Backbone, widths: Sequence[int], batch_norm: bool) -> Pyramid:
    """The pyramid on all of the backbone's levels; with one level only its last width is used."""
    widths = widths if len(backbone.channels) > 1 else widths[-1:]
    return Pyramid(backbone.channels, widths, batch_norm)


class PoseFCN(nn.Module):
    """Joint score maps Pj and joint neighbour offset maps Pn.

    Two pyramids share the backbone: a narrow one shaped like MoveNet's, so that its heat maps can be the
    starting point, and a wide one for the offsets, which also feeds the joint scores.

    forward: (B, 3, H, W) -> joint logits (B, joints, h, w) and offsets (B, joints * (joints - 1) * 2, h, w) in
    input pixels, both at stride `stride`. Offsets are predicted normalised by the buffers `offset_mean` and
    `offset_deviation` (one pair per map).
    """

    offset_mean: Tensor
    offset_deviation: Tensor

    def __init__(
        self,
        backbone: Backbone,
        joints: int = 14,
        heat_widths: Sequence[int] = (64, 32, 24, 24),
        wide_widths: Sequence[int] = (96, 96, 96, 96),
        hidden: int = 96,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.stride = backbone.strides[0]
        self.heat = _pyramid(backbone, heat_widths, batch_norm=False)
        self.wide = _pyramid(backbone, wide_widths, batch_norm=True)
        self.heat_head = Head(self.heat.out_channels, hidden)
        self.wide_head = Head(self.wide.out_channels, hidden)
        self.offset_head = Head(self.wide.out_channels, 2 * hidden)
        self.joint_out = nn.Conv2d(2 * hidden, joints, 1)
        offsets = joints * (joints - 1) * 2
        self.offset_out = nn.Conv2d(2 * hidden, offsets, 1)
        self.register_buffer("offset_mean", torch.zeros(offsets))
        self.register_buffer("offset_deviation", torch.full((offsets,), 32.0))
        nn.init.constant_(self.joint_out.bias, -5.0)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        logits, features = self.features(x)
        normalised = self.offset_out(features).float()
        return logits, normalised * self.offset_deviation[:, None, None] + self.offset_mean[:, None, None]

    def features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Joint logits, and the map (B, C, h, w) that the offsets are a 1x1 convolution of."""
        levels = self.backbone(x)
        wide = self.wide(levels)
        joint_features = torch.cat([self.heat_head(self.heat(levels)), self.wide_head(wide)], dim=1)
        return self.joint_out(joint_features), self.offset_head(wide)

    def normalised_offsets_at(self, features: Tensor, cells: Tensor) -> Tensor:
        """Normalised offsets at flat cell numbers (B, K) alone: (B, K, joints * (joints - 1) * 2)."""
        chosen = features.flatten(2).gather(2, cells[:, None].expand(-1, features.shape[1], -1))
        return F.linear(chosen.transpose(1, 2), self.offset_out.weight[:, :, 0, 0], self.offset_out.bias)

    @torch.no_grad()
    def load_movenet(self, arrays: Mapping[str, np.ndarray], sources: Sequence[Sequence[int]]) -> None:
        """Start as the whole of a MoveNet: backbone, pyramid and heat-map head.

        Parameters
        ----------
        arrays: MoveNet's tensors (`backbone.features.*`, `lateral.*`, `smooth.*`, `head.kpt_heatmap.*`).
        sources: for each of our joints the heat-map channels whose mean is its first logit; empty: none.

        Raises
        ------
        ValueError: when the backbone is no MobileNetV2 or the tensors do not fit it.
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

    forward: (B, 3, H, W) -> logits (B, parts, h, w) at stride `stride`.
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
        return self.out(self.head(self.pyramid(self.backbone(x))))
