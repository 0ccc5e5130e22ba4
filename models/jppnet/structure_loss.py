"""Self-supervised structure-sensitive learning (Liang et al., Sec. 5.3): Eqs. (1) and (2), for any parser.

The joints of a parsing map are the centres of its regions; the region tables of LIP and of the 7 parts are in
`posepart.schema.lip`. Coordinates are map cells, (x, y), cell centres at integers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class StructureLossConfig:
    """Eqs. (1) and (2).

    The paper gives neither the width nor the height of its heat maps; `released_structure_loss` is what its
    code has.
    """

    sigma: float = 1.0  # of the heat maps, in cells
    peak: float = 1.0  # of the heat maps
    divide_by_joints: bool = True  # the 1 / N of Eq. (1)
    whole_centres: bool = False  # cut the centres down to whole cells
    scale: float = 1.0  # factor of Eq. (1)
    ignore: int = 255  # label of a pixel without label


def released_structure_loss() -> StructureLossConfig:
    """The released code: Gaussian density of one dimension times 4, no 1 / N, times 0.05, whole cells."""
    peak = 4 / math.sqrt(2 * math.pi)
    return StructureLossConfig(peak=peak, divide_by_joints=False, whole_centres=True, scale=0.05)


def region_centres(labels: Tensor, regions: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """The centre points of the regions of label maps.

    Parameters
    ----------
    labels: (B, h, w) integer ids.
    regions: the labels that are merged into each of the N regions; a label may be in none.

    Returns
    -------
    centres (B, N, 2) float32 mean (x, y) of the region's cells, 0 where it has none; present (B, N) bool.
    """
    height, width = labels.shape[-2:]
    y = torch.arange(height, device=labels.device, dtype=torch.float32)
    x = torch.arange(width, device=labels.device, dtype=torch.float32)
    centres, present = [], []
    for region in regions:
        inside = torch.isin(labels, torch.tensor(list(region), device=labels.device)).float()
        cells = inside.sum((1, 2))
        sums = torch.stack([(inside.sum(1) * x).sum(1), (inside.sum(2) * y).sum(1)], dim=1)
        centres.append(sums / cells.clamp_min(1)[:, None])
        present.append(cells > 0)
    return torch.stack(centres, dim=1), torch.stack(present, dim=1)


def gaussian_maps(
    centres: Tensor, present: Tensor, size: tuple[int, int], sigma: float = 1.0, peak: float = 1.0
) -> Tensor:
    """Heat maps of joints, `peak * exp(-d**2 / (2 * sigma**2))`; a map filled with zeros for a missing joint.

    Parameters
    ----------
    centres: (B, N, 2) x, y in cells. present: (B, N) bool. size: (h, w). sigma: cells.

    Returns
    -------
    (B, N, h, w) float32.
    """
    height, width = size
    y = torch.arange(height, device=centres.device, dtype=torch.float32)
    x = torch.arange(width, device=centres.device, dtype=torch.float32)
    along_x = (-((x - centres[..., :1]) ** 2) / (2 * sigma**2)).exp()
    along_y = (-((y - centres[..., 1:]) ** 2) / (2 * sigma**2)).exp()
    maps = peak * along_y[..., :, None] * along_x[..., None, :]
    return maps * present[..., None, None]


def joint_structure_loss(predicted: Tensor, truth: Tensor, joints: Tensor) -> Tensor:
    """L_Joint = 1 / (2 N) sum_i || c_i^p - c_i^gt ||_2^2, Eq. (1).

    Parameters
    ----------
    predicted, truth: (B, N, h, w) heat maps. joints: (B,) the N of each image, at least 1.

    Returns
    -------
    (B,) one loss per image.
    """
    return ((predicted - truth) ** 2).sum((1, 2, 3)) / (2 * joints)


def structure_weight(
    predicted: Tensor, truth: Tensor, regions: Sequence[Sequence[int]], config: StructureLossConfig
) -> Tensor:
    """L_Joint of every image from label maps alone.

    N is the number of joints that the image's ground truth has; a joint that only the prediction has is compared
    with a map of zeros, and the other way round. Cells without a true label are left out of the predicted map.

    Parameters
    ----------
    predicted, truth: (B, h, w) integer ids.

    Returns
    -------
    (B,) float32, without gradient.
    """
    predicted = torch.where(truth == config.ignore, truth, predicted)
    maps = []
    found = []
    for labels in (predicted, truth):
        centres, present = region_centres(labels, regions)
        centres = centres.floor() if config.whole_centres else centres
        maps.append(
            gaussian_maps(centres, present, (labels.shape[1], labels.shape[2]), config.sigma, config.peak)
        )
        found.append(present)
    count = found[1].sum(1).clamp_min(1).float()
    joints = count if config.divide_by_joints else torch.ones_like(count)
    return config.scale * joint_structure_loss(maps[0], maps[1], joints)


def parsing_loss(logits: Tensor, labels: Tensor, ignore: int = 255) -> Tensor:
    """L_Parsing of every image: the pixel-wise softmax loss, mean over the labelled cells, 0 where there are none.

    Parameters
    ----------
    logits: (B, C, h, w). labels: (B, H, W) integer ids; the nearest label of each cell counts when the sizes
        differ.

    Returns
    -------
    (B,) float32.
    """
    labels = resize_labels(labels, (logits.shape[2], logits.shape[3]))
    losses = F.cross_entropy(logits.float(), labels, ignore_index=ignore, reduction="none")
    return losses.sum((1, 2)) / (labels != ignore).sum((1, 2)).clamp_min(1)


def structure_sensitive_loss(
    logits: Tensor,
    labels: Tensor,
    regions: Sequence[Sequence[int]],
    config: StructureLossConfig | None = None,
) -> Tensor:
    """L_Structure = L_Joint * L_Parsing of every image, Eq. (2), and the mean over the batch.

    Which factor carries the gradient: L_Parsing alone. The joints are the centres of the regions of the label
    map, the arg max of the scores, which has no gradient: L_Joint is a weight of each image's softmax loss, as
    Sec. 5.3 says ("we treat the joint structure loss as a weight of segmentation loss"). An image whose joints
    are all in place weighs nothing.

    Parameters
    ----------
    logits: (B, C, h, w) scores of any parser. labels: (B, H, W) integer ids, resized to the cells as in
        `parsing_loss`. regions: see `region_centres`. config: None is the paper's.

    Returns
    -------
    () float32.
    """
    config = config or StructureLossConfig()
    labels = resize_labels(labels, (logits.shape[2], logits.shape[3]))
    weights = structure_weight(logits.detach().argmax(1), labels, regions, config)
    return (weights * parsing_loss(logits, labels, config.ignore)).mean()


def resize_labels(labels: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, H, W) integer ids -> (B, h, w) int64: the label nearest to each cell's centre."""
    if tuple(labels.shape[1:]) == size:
        return labels.long()
    return F.interpolate(labels[:, None].float(), size=size, mode="nearest-exact")[:, 0].long()
