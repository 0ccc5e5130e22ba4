"""Pose FCN (Xia et al., Sec. 3): what every such network has, and the paper's own on a dilated backbone."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .aspp import ASPP, ASPP_RATES
from .backbones import Backbone


class PoseNetwork(nn.Module):
    """Joint score maps Pj and joint neighbour offsets Pn: what every Pose FCN has.

    The offsets of a cell are an affine function of its features. So those between cells, and averages over several
    images, are made from interpolated and averaged features; only `forward` computes all maps. Offsets are predicted
    in a normalised form; the buffers `offset_mean` and `offset_deviation` have one number per map.
    """

    stride: int  # of all maps, pixels
    offset_mean: Tensor
    offset_deviation: Tensor

    def __init__(self, joints: int) -> None:
        super().__init__()
        offsets = joints * (joints - 1) * 2
        self.register_buffer("offset_mean", torch.zeros(offsets))
        self.register_buffer("offset_deviation", torch.full((offsets,), 32.0))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Score joints and predict all offsets.

        Parameters
        ----------
        x : (B, 3, H, W) float32
            RGB in [-1, 1].

        Returns
        -------
        logits : (B, joints, h, w) float32
            Joint scores at stride `stride`.
        offsets : (B, joints * (joints - 1) * 2, h, w) float32
            Input pixels, at the same stride.
        """
        logits, features = self.features(x)
        return logits, self.offsets_from(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    def features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Joint logits (B, joints, h, w), and the features (B, C, h, w) from which `offsets_from` makes offsets."""
        raise NotImplementedError

    def offsets_from(self, rows: Tensor) -> Tensor:
        """Offsets (..., joints * (joints - 1) * 2) float32, input pixels, of feature vectors (..., C); affine."""
        return self.normalised_offsets(rows).float() * self.offset_deviation + self.offset_mean

    def normalised_offsets(self, rows: Tensor) -> Tensor:
        """Normalised offsets (..., joints * (joints - 1) * 2) of feature vectors (..., C)."""
        raise NotImplementedError


def at_cells(maps: Tensor, cells: Tensor) -> Tensor:
    """Maps (B, C, h, w) at flat cell numbers (B, K): (B, K, C)."""
    return maps.flatten(2).gather(2, cells[:, None].expand(-1, maps.shape[1], -1)).transpose(1, 2)


class DilatedPoseFCN(PoseNetwork):
    """The Pose FCN of Xia et al., Sec. 3: a dilated backbone and one output layer.

    Of the network the paper prints the trunk, ResNet-101, and the 14 + 364 maps. The output layer here is that of
    DeepLab-v2, ASPP, and the input has one scale: a maximum over scales has no meaning for offsets.

    Parameters
    ----------
    backbone : Backbone
        Of one level.
    joints : int
    rates : sequence of int
        Dilations of the output layer.
    """

    def __init__(self, backbone: Backbone, joints: int = 14, rates: Sequence[int] = ASPP_RATES) -> None:
        super().__init__(joints)
        self.backbone = backbone
        self.stride = backbone.strides[0]
        self.joint_out = ASPP(backbone.channels[0], joints, rates)
        self.offset_out = ASPP(backbone.channels[0], joints * (joints - 1) * 2, rates)
        for branch in (*self.joint_out, *self.offset_out):  # so that the losses of whole maps begin small
            nn.init.normal_(branch.weight, std=0.001)  # type: ignore[arg-type]
        nn.init.constant_(self.joint_out[0].bias, -5.0)  # type: ignore[arg-type]

    def features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Joint logits, and the normalised offsets."""
        (features,) = self.backbone(x)
        return self.joint_out(features), self.offset_out(features)

    def normalised_offsets(self, rows: Tensor) -> Tensor:
        """The features themselves."""
        return rows
