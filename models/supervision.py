"""What a parsing network learns from a batch: which of its outputs are compared with which labels."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from torch import Tensor, nn


@dataclass(frozen=True)
class Supervision:
    """Logits and the labels that they are compared with, in pairs, and further losses."""

    logits: tuple[Tensor, ...]  # each (b, labels, h, w); the first are those of the whole picture
    labels: tuple[Tensor, ...]  # (b, H, W) int for each of them, 255 where unknown
    losses: Mapping[str, Tensor] = field(default_factory=dict)  # () each, added to those of the pairs


@runtime_checkable
class Supervised(Protocol):
    """A network that is supervised at more places than its result."""

    def supervise(self, images: Tensor, labels: Tensor, boxes: Tensor) -> Supervision:
        """The supervision of a batch; arguments as those of `supervision`."""
        ...


def supervision(network: nn.Module, images: Tensor, labels: Tensor, boxes: Tensor) -> Supervision:
    """The supervision of a batch: what the network itself asks for, or else its result alone.

    Parameters
    ----------
    network : nn.Module
        Images -> logits (B, labels, h, w).
    images : (B, 3, H, W) float32
        In [-1, 1].
    labels : (B, h, w) int
        At any size, 255 where unknown.
    boxes : (B, 4) float32
        xyxy of the person whom each image is of, px of the image.
    """
    if isinstance(network, Supervised):
        return network.supervise(images, labels, boxes)
    return Supervision((network(images),), (labels,))
