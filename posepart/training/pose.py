"""Training of the Pose FCN (Sec. 3.1): joint score maps and neighbour offsets."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from posepart.config import CropConfig
from posepart.data.augment import transform_joints
from posepart.data.person_crops import crop_labels
from posepart.data.sample import Sample
from posepart.geometry.frames import Affine, crop_to_map, map_to_crop
from posepart.metrics.pck import PCK_FRACTION, pck_hits, torso_diameters
from posepart.models.backbones import normalise
from posepart.models.fcn import PoseFCN
from posepart.models.pose_fcn import PoseNetwork
from posepart.schema import LIMB_JOINTS, NEIGHBOURS, NUM_JOINTS, SKELETON, Joint
from posepart.stages.crops import box_affine
from posepart.training.loop import device_of

# The MoveNet heat maps (COCO order) that each joint starts from: both eyes for the forehead; none for the neck.
MOVENET_SOURCES: tuple[tuple[int, ...], ...] = ((1, 2), (), *((channel,) for channel in range(5, 17)))


@torch.no_grad()
def restore_trunk(model: PoseFCN, movenet: Mapping[str, NDArray]) -> None:
    """Put MoveNet's backbone, heat-map path and limb joints back into a trained Pose FCN, in place.

    The weights of forehead and neck, which MoveNet does not have, and of the offsets stay as they were trained.

    Parameters
    ----------
    model : PoseFCN
    movenet : mapping of str to ndarray
        The published arrays.

    Raises
    ------
    ValueError
        As `PoseFCN.load_movenet`.
    """
    rows = [joint for joint in Joint if joint not in LIMB_JOINTS]
    learned = [tensor[rows].clone() for tensor in model.joint_out.parameters()]
    model.load_movenet(movenet, MOVENET_SOURCES)
    for tensor, own in zip(model.joint_out.parameters(), learned, strict=True):
        tensor[rows] = own


def offset_statistics(samples: Sequence[Sample], crop: CropConfig) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the neighbour offsets, by which the network's targets are normalised.

    Parameters
    ----------
    samples : sequence of Sample
    crop : CropConfig
        How people are cropped, without augmentation.

    Returns
    -------
    mean, deviation : (364,) float32, px
        One for every offset map.

    Raises
    ------
    ValueError
        Nobody has joints.
    """
    rows = []
    for sample in samples:
        for person in sample.people:
            if person.joints is not None:
                joints = transform_joints(person.joints, box_affine(person.box, crop), mirrored=False)
                offsets = joints[NEIGHBOURS, :2] - joints[:, None, :2]
                known = (joints[NEIGHBOURS, 2] > 0) & (joints[:, None, 2] > 0)
                rows.append(np.where(known[..., None], offsets, np.nan).reshape(-1))
    if not rows:
        raise ValueError("the data holds no person with joints: nothing to take offset statistics from")
    table = np.stack(rows)
    unseen = np.isnan(table).all(
        0
    )  # of two joints that are never labelled together: the defaults of the network
    table[:, unseen] = 0
    deviation = np.where(unseen, 32.0, np.nanstd(table, 0))
    mean = torch.from_numpy(np.nanmean(table, 0)).float()
    return mean, torch.from_numpy(deviation).float().clamp_min(4.0)


class PoseEvaluation:
    """PCK@0.2 of the maxima of the joint maps, and accuracy of the neighbour offsets at the true joints.

    Boxes are given. Maxima are taken inside the person's box, grown by a tenth of its longer side: the maps respond
    to everybody in the crop, and assigning joints to people is the CRF's job.
    """

    def __init__(self, samples: Sequence[Sample], crop: CropConfig, stride: int = 4) -> None:
        self.views, self.groups, self.inside = [], [], []
        for sample in samples:
            for p, person in enumerate(sample.people):
                if person.joints is not None:
                    affine = box_affine(person.box, crop)
                    self.views.append(crop_labels(sample, p, affine, False, crop.size, stride))
                    self.inside.append(_cells_in_box(person.box, affine, crop.size // stride, stride))
                    human = "lsp" if "lsp" in sample.source else "human"
                    self.groups.append(human if person.joints_from == "human" else person.joints_from)

    @torch.inference_mode()
    def __call__(self, model: nn.Module, batch: int = 16) -> dict[str, float]:
        """PCK and share of right offsets (within 0.2 torso diameters) by origin of the labels."""
        assert isinstance(model, PoseNetwork)
        if not self.views:
            return {}
        truth = np.stack([v["joints"][0] for v in self.views])
        found, errors = [], []
        for i in range(0, len(self.views), batch):
            images = np.stack([v["image"].transpose(2, 0, 1) for v in self.views[i : i + batch]])
            logits, offsets = model(normalise(torch.from_numpy(images).to(device_of(model))))
            inside = np.stack(self.inside[i : i + batch])[:, None]
            found.append(decode_maxima(np.where(inside, logits.cpu().numpy(), -np.inf), model.stride))
            errors.append(_edge_errors(offsets.cpu().numpy(), truth[i : i + batch], model.stride))
        hits, counted = pck_hits(np.concatenate(found), truth)
        hits, counted = hits[:, list(LIMB_JOINTS)], counted[:, list(LIMB_JOINTS)]
        edges = np.concatenate(errors)
        torso = torso_diameters(truth[..., :2], truth[..., 2] > 0)[:, None]
        result: dict[str, float] = {}
        for group in sorted(set(self.groups)):
            rows = np.array([g == group for g in self.groups])
            result[f"pck_{group}"] = float(hits[rows].sum() / max(counted[rows].sum(), 1))
            near = edges[rows] < PCK_FRACTION * torso[rows]
            known = np.isfinite(edges[rows]) & (torso[rows] > 0)
            result[f"offsets_{group}"] = float(near[known].mean()) if known.any() else float("nan")
        return result


def _cells_in_box(box: NDArray, affine: Affine, cells: int, stride: int) -> NDArray[np.bool_]:
    """Which cells (h, h) of the crop's maps lie in a box of the photo, grown by a tenth of its longer side."""
    corners = crop_to_map(affine.forward(box.reshape(2, 2)), stride)
    low, high = corners - np.array([[1], [-1]]) * 0.1 * (corners[1] - corners[0]).max()
    x = (np.arange(cells) >= low[0]) & (np.arange(cells) <= high[0])
    y = (np.arange(cells) >= low[1]) & (np.arange(cells) <= high[1])
    return y[:, None] & x


def decode_maxima(maps: NDArray, stride: float) -> NDArray[np.float32]:
    """Crop coordinates (N, 14, 2) of the highest cell of each map (N, 14, h, w)."""
    n, joints, _, width = maps.shape
    best = maps.reshape(n, joints, -1).argmax(2)
    return map_to_crop(np.stack([best % width, best // width], -1), stride).astype(np.float32)


def _edge_errors(offsets: NDArray, truth: NDArray, stride: float) -> NDArray[np.float64]:
    """Errors of the offsets along the edges of the skeleton, in both directions, read at the true joints.

    Returns
    -------
    (N, 26) float64, px
        nan where one of the two joints is not labelled.
    """
    n, _, height, width = offsets.shape
    maps = offsets.reshape(n, NUM_JOINTS, NUM_JOINTS - 1, 2, height, width)
    pairs = [(a, b) for x, y, _ in SKELETON for a, b in ((x, y), (y, x))]
    errors = np.full((n, len(pairs)), np.nan)
    for e, (a, b) in enumerate(pairs):
        k = int(np.flatnonzero(NEIGHBOURS[a] == b)[0])
        cell = np.clip(np.round(crop_to_map(truth[:, a, :2], stride)).astype(int), 0, [width - 1, height - 1])
        rows = np.arange(n)
        reached = maps[rows, a, k, :, cell[:, 1], cell[:, 0]] + map_to_crop(cell, stride)
        known = (truth[:, a, 2] > 0) & (truth[:, b, 2] > 0)
        errors[known, e] = np.linalg.norm(reached - truth[:, b, :2], axis=1)[known]
    return errors
