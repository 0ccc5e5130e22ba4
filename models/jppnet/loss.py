"""The loss of JPPNet: parsing and pose, supervised at every stage and scale (Liang et al., Sec. 5.2)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..scales import to_size
from .network import JPPNetMaps, StageMaps
from .structure_loss import gaussian_maps, joint_structure_loss, parsing_loss

POSE_LOSSES = ("squared", "norm")


@dataclass(frozen=True)
class JPPNetLossConfig:
    """Settings of `jppnet_loss`; the paper prints no formula for the pose loss."""

    pose: str = "squared"  # as Eq. (1); or "norm": the released code's L2 norm of an image's difference
    pose_weight: float = 1.0
    parsing_weight: float = 1.0
    supervise_scales: bool = True  # each scale besides the merged maps, as DeepLab and the released code do
    sigma: float = 8.0  # px of the input, of the true heat maps (from the released code, not printed)
    ignore: int = 255  # label of a pixel without label

    def __post_init__(self) -> None:
        if self.pose not in POSE_LOSSES:
            raise ValueError(f"unknown pose loss {self.pose!r}: choose one of {', '.join(POSE_LOSSES)}")


def true_heatmaps(joints: Tensor, size: tuple[int, int], stride: float, sigma: float) -> Tensor:
    """Heat maps of labelled joints, 1 at the joint; all zeros for a joint that is not in the picture.

    Parameters
    ----------
    joints : (B, J, 3)
        x, y in input pixels and COCO visibility.
    size : (int, int)
        Height and width of the maps.
    stride : float
        Side of a cell, input pixels.
    sigma : float
        Of the Gaussians, input pixels.

    Returns
    -------
    (B, J, h, w) float32
    """
    centres = (joints[..., :2] + 0.5) / stride - 0.5
    return gaussian_maps(centres, joints[..., 2] > 0, size, sigma / stride)


def pose_loss(maps: Tensor, truth: Tensor, counted: Tensor, kind: str = "squared") -> Tensor:
    """The Euclidean loss of the heat maps of every image.

    Parameters
    ----------
    maps, truth : (B, J, h, w)
    counted : (B, J) bool
        Joints whose map is supervised.
    kind : str
        "squared" for 1 / (2 N) sum ||.||^2 over the N counted joints, "norm" for the square root of the sum.

    Returns
    -------
    (B,) float32
        0 for an image without counted joints.
    """
    mask = counted[..., None, None]
    found, wanted = maps.float() * mask, truth * mask
    if kind == "squared":
        return joint_structure_loss(found, wanted, counted.sum(1).clamp_min(1))
    squares = ((found - wanted) ** 2).sum((1, 2, 3))
    return torch.where(squares > 0, squares.clamp_min(1e-12).sqrt(), squares)


def jppnet_loss(
    maps: JPPNetMaps, labels: Tensor, joints: Tensor, counted: Tensor, stride: float, config: JPPNetLossConfig
) -> dict[str, Tensor]:
    """The sum over the stages, for the merged maps and for every scale.

    Parameters
    ----------
    maps : JPPNetMaps
    labels : (B, H, W) int
        Ids in the input frame, `config.ignore` where unknown; an image without any label does not count.
    joints : (B, J, 3)
        As in `true_heatmaps`.
    counted : (B, J) bool
        As in `pose_loss`.
    stride : float
        Of the merged maps.
    config : JPPNetLossConfig

    Returns
    -------
    dict of str to () float32
        "loss", its parts "parsing" and "pose", and those of the last stage's merged maps alone.
    """
    size = (maps.merged.pose[0].shape[2], maps.merged.pose[0].shape[3])
    truth = true_heatmaps(joints, size, stride, config.sigma)
    supervised: Sequence[StageMaps] = (maps.merged, *(maps.scales if config.supervise_scales else ()))
    if config.supervise_scales and len(maps.scales) == 1:
        supervised = (maps.merged,)  # the merged maps are those of the one scale
    parsing, pose = [], []
    for scale in supervised:
        for logits, heat in zip(scale.parsing, scale.pose, strict=True):
            parsing.append(parsing_loss(logits, labels, config.ignore).mean())
            target = to_size(truth, heat.shape[-2:], "nearest")
            pose.append(pose_loss(heat, target, counted, config.pose).mean())
    total_parsing, total_pose = torch.stack(parsing).sum(), torch.stack(pose).sum()
    last = len(maps.merged.pose) - 1
    return {
        "loss": config.parsing_weight * total_parsing + config.pose_weight * total_pose,
        "parsing": total_parsing,
        "pose": total_pose,
        "parsing_last": parsing[last],
        "pose_last": pose[last],
    }
