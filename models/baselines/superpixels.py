"""Superpixels and their neighbours, the nodes and edges of a Graph LSTM: SLIC (Achanta et al. 2012) on tensors.

Differences from the published SLIC: colours are RGB instead of CIELAB, and superpixels may be in several pieces.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class SuperpixelGraph:
    """The superpixels of B pictures as one graph of M = B * N nodes; some may be empty."""

    of_cell: Tensor  # (B, h, w) int64, the node of every cell
    sources: Tensor  # (E,) int64, one end of every edge; each pair of neighbours is there in both directions
    targets: Tensor  # (E,) int64, the other end
    nodes: int  # M
    pictures: int  # B

    def mean(self, features: Tensor) -> Tensor:
        """Features (B, C, h, w) averaged over every superpixel: (M, C), 0 for an empty one."""
        flat, where = features.float().permute(0, 2, 3, 1).flatten(0, 2), self.of_cell.flatten()
        sums = flat.new_zeros(self.nodes, flat.shape[1]).index_add(0, where, flat)
        return sums / torch.bincount(where, minlength=self.nodes).clamp_min(1)[:, None]

    def to_map(self, values: Tensor) -> Tensor:
        """(M, C) values of the nodes -> (B, C, h, w), the value of every cell's superpixel."""
        return values[self.of_cell].permute(0, 3, 1, 2)


@torch.no_grad()
def superpixel_graph(
    images: Tensor, spacing: int, compactness: float = 0.2, rounds: int = 5
) -> SuperpixelGraph:
    """Divide pictures into superpixels: k-means of colour and place, from a grid of centres.

    A cell is compared with the centres of its own and the eight surrounding places of the grid.

    Parameters
    ----------
    images : (B, 3, h, w) float32
        RGB in [-1, 1], at the size of the cells.
    spacing : int
        Cells between the centres of the grid.
    compactness : float
        What the distance of one spacing counts, as a difference of colour.
    rounds : int
        Of k-means.
    """
    batch, _, height, width = images.shape
    rows, columns = max(1, round(height / spacing)), max(1, round(width / spacing))
    y = torch.arange(height, device=images.device)
    x = torch.arange(width, device=images.device)
    place = torch.stack(torch.meshgrid(y, x, indexing="ij")).float() * (compactness / spacing)
    points = torch.cat([images.float(), place.expand(batch, -1, -1, -1)], dim=1)
    centres = F.adaptive_avg_pool2d(points, (rows, columns)).flatten(2).transpose(1, 2)
    points = points.flatten(2).transpose(1, 2)
    near = _near_centres(y * rows // height, x * columns // width, rows, columns)
    every = torch.arange(batch, device=images.device)[:, None, None] * (rows * columns)
    node = every[:, 0] + near[:, 4]
    for _ in range(rounds):
        distance = ((points[:, :, None] - centres[:, near]) ** 2).sum(-1)
        best = distance.argmin(2, keepdim=True)
        node = (every + near.expand(batch, -1, -1).gather(2, best))[..., 0]
        flat = node.flatten()
        count = torch.bincount(flat, minlength=batch * rows * columns)[:, None]
        old = centres.flatten(0, 1)
        sums = torch.zeros_like(old).index_add(0, flat, points.flatten(0, 1))
        centres = torch.where(count > 0, sums / count.clamp_min(1), old).view_as(centres)
    of_cell = node.view(batch, height, width)
    nodes = batch * rows * columns
    sources, targets = _edges(of_cell, nodes)
    return SuperpixelGraph(of_cell, sources, targets, nodes, batch)


def _near_centres(row: Tensor, column: Tensor, rows: int, columns: int) -> Tensor:
    """The nine centres around each cell's own place of the grid, (h * w, 9) int64; at the border some repeat."""
    step = torch.tensor([-1, 0, 1], device=row.device)
    near_rows = (row[:, None] + step).clamp(0, rows - 1)
    near_columns = (column[:, None] + step).clamp(0, columns - 1)
    return (near_rows[:, None, :, None] * columns + near_columns[None, :, None, :]).reshape(-1, 9)


def _edges(of_cell: Tensor, nodes: int) -> tuple[Tensor, Tensor]:
    """The pairs of different nodes with cells side by side, each pair in both directions."""
    beside = torch.stack([of_cell[:, :, :-1].flatten(), of_cell[:, :, 1:].flatten()])
    below = torch.stack([of_cell[:, :-1].flatten(), of_cell[:, 1:].flatten()])
    pairs = torch.cat([beside, below], dim=1)
    pairs = pairs[:, pairs[0] != pairs[1]]
    codes = torch.unique(torch.cat([pairs[0] * nodes + pairs[1], pairs[1] * nodes + pairs[0]]))
    return codes // nodes, codes % nodes
