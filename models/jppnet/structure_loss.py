"""Self-supervised structure-sensitive learning (Liang et al., Sec. 5.3): Eqs. (1) and (2), for any parsing network.

The joints of a parsing map are the centres of its regions. The tables of regions of LIP and of the 7 parts are in
`posepart.schema.lip`. Coordinates are map cells, (x, y), with centres at integers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class StructureLossConfig:
    """Settings of Eqs. (1) and (2).

    The paper prints neither the width nor the height of its heat maps; `released_structure_loss` has the choices of
    its code.
    """

    sigma: float = 1.0  # of the heat maps, in cells
    peak: float = 1.0  # of the heat maps
    divide_by_joints: bool = True  # the 1 / N of Eq. (1)
    whole_centres: bool = False  # round the centres down to whole cells
    scale: float = 1.0  # factor of Eq. (1)
    ignore: int = 255  # label of a pixel without label


def released_structure_loss() -> StructureLossConfig:
    """The released code's choices: a one-dimensional Gaussian density times 4, no 1 / N, times 0.05, whole cells."""
    peak = 4 / math.sqrt(2 * math.pi)
    return StructureLossConfig(peak=peak, divide_by_joints=False, whole_centres=True, scale=0.05)


def region_centres(labels: Tensor, regions: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """The centres of the regions of label maps.

    Parameters
    ----------
    labels : (B, h, w) int
    regions : sequence of sequence of int
        The labels of each of the N regions; a label may be in none.

    Returns
    -------
    centres : (B, N, 2) float32
        Mean x, y of the region's cells, 0 where it has none.
    present : (B, N) bool
        Whether the region has cells.
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
    """Heat maps of joints, `peak * exp(-d**2 / (2 * sigma**2))`; all zeros for a missing joint.

    Parameters
    ----------
    centres : (B, N, 2)
        x, y in cells.
    present : (B, N) bool
    size : (int, int)
        Height and width of the maps, cells.
    sigma : float
        Cells.
    peak : float

    Returns
    -------
    (B, N, h, w) float32
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
    predicted, truth : (B, N, h, w)
        Heat maps.
    joints : (B,)
        The N of each image, at least 1.

    Returns
    -------
    (B,) float32
        The loss of each image.
    """
    return ((predicted - truth) ** 2).sum((1, 2, 3)) / (2 * joints)


def structure_weight(
    predicted: Tensor, truth: Tensor, regions: Sequence[Sequence[int]], config: StructureLossConfig
) -> Tensor:
    """L_Joint of every image, computed from label maps only.

    N is the number of joints in the image's ground truth. A joint that only one of the two maps has is compared
    with a map of zeros. Cells without a true label are left out of the predicted map.

    Parameters
    ----------
    predicted, truth : (B, h, w) int
    regions : sequence of sequence of int
        As in `region_centres`.
    config : StructureLossConfig

    Returns
    -------
    (B,) float32
        Without gradient.
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
    """L_Parsing of every image: the mean softmax loss over the labelled cells, 0 without any.

    Parameters
    ----------
    logits : (B, C, h, w)
    labels : (B, H, W) int
        If the sizes differ, the label nearest to each cell counts.
    ignore : int
        Label of a pixel without label.

    Returns
    -------
    (B,) float32
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
    """The mean over the batch of L_Structure = L_Joint * L_Parsing, Eq. (2).

    Only L_Parsing has a gradient. The joints are the centres of the regions of the label map, which is the arg max
    of the scores and has none: L_Joint is a weight of each image's softmax loss, as Sec. 5.3 says ("we treat the
    joint structure loss as a weight of segmentation loss"). An image whose joints are all in place has weight 0.

    Parameters
    ----------
    logits : (B, C, h, w)
        Scores of any parsing network.
    labels : (B, H, W) int
        Resized to the cells as in `parsing_loss`.
    regions : sequence of sequence of int
        As in `region_centres`.
    config : StructureLossConfig, optional

    Returns
    -------
    () float32
    """
    config = config or StructureLossConfig()
    labels = resize_labels(labels, (logits.shape[2], logits.shape[3]))
    weights = structure_weight(logits.detach().argmax(1), labels, regions, config)
    return (weights * parsing_loss(logits, labels, config.ignore)).mean()


def resize_labels(labels: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize label maps: (B, H, W) int -> (B, h, w) int64, the label nearest to each cell's centre."""
    if tuple(labels.shape[1:]) == size:
        return labels.long()
    return F.interpolate(labels[:, None].float(), size=size, mode="nearest-exact")[:, 0].long()
