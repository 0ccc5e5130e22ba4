"""Square windows of pictures that are read at another size, and the way back: the zooming of an auto-zoom net.

A window is (centre x, centre y, side) in shares of the picture, whose corners are (0, 0) and (1, 1).
"""

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor

NMS_IOU = 0.4  # two windows that overlap more are of the same thing


def windows_of(boxes: Tensor, size: tuple[int, int], margin: float, largest_zoom: float) -> Tensor:
    """The windows around boxes.

    Parameters
    ----------
    boxes : (..., 4)
        xyxy, px of a picture.
    size : (int, int)
        Height and width of the picture, px; windows are squares of a square picture.
    margin : float
        Side of a window over the longer side of its box.
    largest_zoom : float
        A window is at least this part of the picture's side: 1 / largest_zoom.
    """
    height, width = size
    shares = boxes / torch.tensor([width, height, width, height], device=boxes.device)
    low, high = shares[..., :2], shares[..., 2:]
    side = ((high - low).amax(-1) * margin).clamp(1 / largest_zoom, 1.0)
    return torch.cat([(low + high) / 2, side[..., None]], dim=-1)


def read_windows(pictures: Tensor, windows: Tensor, side: int, mode: str = "bilinear") -> Tensor:
    """Read one window of every picture.

    Parameters
    ----------
    pictures : (B, C, H, W)
    windows : (B, 3)
    side : int
        Of what is read, px.
    mode : str
        Of `grid_sample`.

    Returns
    -------
    (B, C, side, side)
        0 outside the picture.
    """
    x, y, share = windows.unbind(1)
    zero = torch.zeros_like(x)
    theta = torch.stack([share, zero, 2 * x - 1, zero, share, 2 * y - 1], dim=1).view(-1, 2, 3)
    grid = F.affine_grid(theta, [len(pictures), pictures.shape[1], side, side], align_corners=False)
    return F.grid_sample(pictures, grid.to(pictures.dtype), mode=mode, align_corners=False)


def read_labels(labels: Tensor, windows: Tensor, side: int, ignore: int = 255) -> Tensor:
    """Read a window of every label map (B, H, W): (B, side, side), `ignore` outside the map."""
    shifted = (labels.float() - ignore)[:, None]  # what is outside becomes 0, that is `ignore`
    return (read_windows(shifted, windows, side, "nearest")[:, 0] + ignore).round().long()


def write_back(maps: Tensor, windows: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The inverse of `read_windows`: put maps of windows where these are in their pictures.

    Parameters
    ----------
    maps : (B, C, h, w)
    windows : (B, 3)
    size : (int, int)
        Height and width of a picture.

    Returns
    -------
    placed : (B, C, *size)
        0 outside the window.
    inside : (B, 1, *size)
        1 inside the window, 0 outside.
    """
    x, y, share = windows.unbind(1)
    back = torch.stack([0.5 + (0.5 - x) / share, 0.5 + (0.5 - y) / share, 1 / share], dim=1)
    theirs = torch.cat([maps, torch.ones_like(maps[:, :1])], dim=1)
    x, y, zoom = back.unbind(1)
    zero = torch.zeros_like(x)
    theta = torch.stack([zoom, zero, 2 * x - 1, zero, zoom, 2 * y - 1], dim=1).view(-1, 2, 3)
    grid = F.affine_grid(theta, [len(maps), 1, *size], align_corners=False)
    placed = F.grid_sample(theirs, grid.to(maps.dtype), align_corners=False)
    return placed[:, :-1], placed[:, -1:]


def best_windows(confidence: Tensor, windows: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The windows of highest confidence that do not overlap too much.

    Parameters
    ----------
    confidence : (B, K)
    windows : (B, K, 3)
    count : int
        Of the windows to keep of every picture.

    Returns
    -------
    confidence : (B, count)
        0 where there is no further window.
    windows : (B, count, 3)
        The whole picture where there is none.
    """
    found = confidence.new_zeros(len(confidence), count)
    kept = windows.new_tensor([0.5, 0.5, 1.0]).repeat(len(windows), count, 1)
    half = windows[..., 2:] / 2
    boxes = torch.cat([windows[..., :2] - half, windows[..., :2] + half], dim=-1)
    for i, (scores, own) in enumerate(zip(confidence, boxes, strict=True)):
        best = torchvision.ops.nms(own.float(), scores.float(), NMS_IOU)[:count]
        found[i, : len(best)], kept[i, : len(best)] = scores[best], windows[i, best]
    return found, kept
