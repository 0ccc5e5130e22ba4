"""Distillation of looks: the Pose FCN learns what a teacher says on average over the looks of the pipeline.

Not in the paper. After it, one look says more of what the mirrored and the upright look would add (`stages.views`).
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from posepart.engines.engine import choose_engine, run_on
from posepart.loading import load_pose
from posepart.stages.views import JointNetwork, pose_view, upright_view


def load_teacher(path: Path, device: torch.device) -> JointNetwork:
    """The Pose FCN of a weight file, to be looked at and not trained.

    Raises
    ------
    ValueError
        As `loading.load_pose`.
    """
    network = load_pose(path).eval().requires_grad_(False).to(device)
    run_on(choose_engine(device=str(device), threads=max(1, torch.get_num_threads())), network, "features")
    return network


@torch.no_grad()
def averaged_looks(teacher: JointNetwork, images: Tensor) -> Tensor:
    """Joint logits (B, 14, h, w) of images (B, 3, S, S), averaged over all looks of the pipeline."""
    with torch.autocast(images.device.type, enabled=False):  # the teacher's engine has a precision of its own
        logits, _ = pose_view(teacher, images, mirror=True)
        upright_view(teacher, images, True, logits)
    return logits


def look_losses(logits: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """How far joint maps are from those of a teacher.

    Parameters
    ----------
    logits, wanted : (B, 14, h, w) float32
        Of the network and of the teacher.

    Returns
    -------
    localisation : ()
        Spatial softmax cross-entropy, each map weighted by the teacher's highest score.
    presence : ()
        Sigmoid cross-entropy, summed over the cells and averaged over the maps.
    """
    flat, soft = logits.flatten(2), wanted.flatten(2)
    sure = soft.sigmoid().amax(2)
    cross = -(soft.softmax(2) * flat.log_softmax(2)).sum(2)
    cells = F.binary_cross_entropy_with_logits(flat, soft.sigmoid(), reduction="none")
    return (cross * sure).sum() / sure.sum().clamp_min(1), cells.sum(2).mean()
