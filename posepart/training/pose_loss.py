"""The losses of the Pose FCN (Sec. 3.1): joint score maps and neighbour offsets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from posepart.models.backbones import normalise
from posepart.models.pose_fcn import PoseNetwork, at_cells
from posepart.schema import NEIGHBOURS, NUM_JOINTS
from posepart.stages.views import JointNetwork
from posepart.training.looks import averaged_looks, load_teacher, look_losses


@dataclass(frozen=True)
class PoseLossConfig:
    """Target maps, and the weights of the three terms of the loss."""

    sigma: float = 6.0  # px, standard deviation of the Gaussian at a joint
    localisation: float = 1.0  # weight of the spatial softmax cross-entropy: where the joint is
    presence: float = 0.05  # weight of the sigmoid cross-entropy: whether there is a joint
    offsets: float = 0.5  # weight of the smooth L1 loss of the normalised neighbour offsets
    others: float = 1.0  # height of the Gaussians of people other than the one the crop is of
    looks: float = 0.0  # weight of both cross-entropies to the maps of the teacher (`training.looks`)
    teacher: Path | None = None  # weights of a Pose FCN

    def __post_init__(self) -> None:
        if self.looks > 0 and self.teacher is None:
            raise ValueError(f"loss.looks is {self.looks}: name the weights of a Pose FCN as loss.teacher")


class PoseLoss:
    """Losses of one batch of `PersonCrops`.

    The target map of a joint has a Gaussian at that joint of every labelled person in the crop (the maximum where
    they overlap). With `others` below 1 the maps prefer the person of the box, and the CRF still sees the others.
    The sigmoid term leaves out cells where an unlabelled joint may lie. Offsets are learned in the
    3x3 cells around each labelled joint, and point to the other labelled joints of the same person.
    """

    def __init__(self, config: PoseLossConfig) -> None:
        self.config = config
        self.neighbours = torch.from_numpy(NEIGHBOURS)
        self.teacher: JointNetwork | None = None

    def __call__(self, model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The losses of one batch by name; "loss" is minimised."""
        assert isinstance(model, PoseNetwork)
        images = normalise(batch["image"])
        logits, features = model.features(images)
        joints = batch["joints"]
        c = self.config
        target = joint_targets(joints, logits.shape[-2:], model.stride, c.sigma, c.others)
        localisation, presence = joint_losses(logits.float(), target, batch["ignore"])
        offsets = self._offset_loss(model, features, joints)
        loss = c.localisation * localisation + c.presence * presence + c.offsets * offsets
        terms = {"localisation": localisation, "presence": presence, "offsets": offsets}
        if c.looks > 0:
            where, whether = look_losses(logits.float(), self._wanted(images))
            loss = loss + c.looks * (c.localisation * where + c.presence * whether)
            terms |= {"looks_where": where, "looks_whether": whether}
        return {"loss": loss, **terms}

    def _wanted(self, images: Tensor) -> Tensor:
        """The teacher's maps of images."""
        if self.teacher is None:
            assert self.config.teacher is not None
            self.teacher = load_teacher(self.config.teacher, images.device)
        return averaged_looks(self.teacher, images)

    def _offset_loss(self, model: PoseNetwork, features: Tensor, joints: Tensor) -> Tensor:
        batch, people = joints.shape[:2]
        height, width = features.shape[-2:]
        steps = torch.tensor([-1, 0, 1], device=joints.device)
        around = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1).reshape(9, 2)
        cell = (
            torch.floor((joints[..., :2] + 0.5) / model.stride).long()[:, :, :, None] + around
        )  # (B, P, 14, 9, 2)
        inside = ((cell >= 0) & (cell < torch.tensor([width, height], device=joints.device))).all(-1) & (
            joints[..., 2:3] > 0
        )
        flat = (cell[..., 1].clamp(0, height - 1) * width + cell[..., 0].clamp(0, width - 1)).reshape(
            batch, -1
        )
        predicted = model.normalised_offsets(at_cells(features, flat)).float()
        predicted = predicted.view(batch, people, NUM_JOINTS, 9, NUM_JOINTS, NUM_JOINTS - 1, 2)
        own = torch.arange(NUM_JOINTS, device=joints.device)
        predicted = predicted[:, :, own, :, own].permute(1, 2, 0, 3, 4, 5)  # (B, P, 14, 9, 13, 2)
        centre = (cell + 0.5) * model.stride - 0.5
        others = joints[:, :, self.neighbours.to(joints.device)]  # (B, P, 14, 13, 3)
        target = others[:, :, :, None, :, :2] - centre[:, :, :, :, None]
        shape = (NUM_JOINTS, 1, NUM_JOINTS - 1, 2)
        target = (target - model.offset_mean.view(shape)) / model.offset_deviation.view(shape)
        known = (inside[..., None] & (others[..., 2] > 0)[:, :, :, None])[..., None].float()
        loss = F.smooth_l1_loss(predicted, target, reduction="none", beta=0.5)
        return (loss * known).sum() / (2 * known.sum()).clamp_min(1)


def joint_targets(
    joints: Tensor, shape: Sequence[int], stride: float, sigma: float, others: float = 1.0
) -> Tensor:
    """Target maps of the joints.

    Parameters
    ----------
    joints : (B, P, 14, 3) float32
        Crop frame; the third column is 1 where a joint is labelled.
    shape : sequence of int
        (h, w) of the maps.
    stride : float
        Crop pixels per cell.
    sigma : float
        Standard deviation of the Gaussians, px.
    others : float
        Height of the Gaussians of all people but the first, whose crop it is; theirs is 1.

    Returns
    -------
    (B, 14, h, w) float32
        Gaussians; the maximum over people.
    """
    height, width = shape
    heights = torch.full((joints.shape[1], 1, 1), others, device=joints.device)
    heights[:1] = 1.0
    x = (torch.arange(width, device=joints.device) + 0.5) * stride - 0.5
    y = (torch.arange(height, device=joints.device) + 0.5) * stride - 0.5
    across = torch.exp(-((x - joints[..., 0:1]) ** 2) / (2 * sigma**2)) * (joints[..., 2:3] * heights)
    down = torch.exp(-((y - joints[..., 1:2]) ** 2) / (2 * sigma**2))
    return (down[..., :, None] * across[..., None, :]).amax(1)


def joint_losses(logits: Tensor, target: Tensor, ignore: Tensor) -> tuple[Tensor, Tensor]:
    """Both losses of the joint maps.

    Parameters
    ----------
    logits, target : (B, 14, h, w) float32
    ignore : (B, h, w) bool
        Cells left out of `presence`, unless a labelled joint lies there.

    Returns
    -------
    localisation : () float32
        Spatial softmax cross-entropy, the mean over maps that have a joint.
    presence : () float32
        Sigmoid cross-entropy, summed over cells, for maps of 64x64 cells.
    """
    flat, wanted = logits.flatten(2), target.flatten(2)
    mass = wanted.sum(2)
    has = (mass > 0.5).float()
    cross = -((wanted / mass.clamp_min(1e-6)[..., None]) * flat.log_softmax(2)).sum(2)
    localisation = (cross * has).sum() / has.sum().clamp_min(1)
    binary = F.binary_cross_entropy_with_logits(flat, wanted, reduction="none")
    counted = (~ignore.flatten(1)[:, None] | (wanted > 0.05)).float()
    presence = (binary * counted).sum(2).mean() * (4096 / flat.shape[2])
    return localisation, presence
