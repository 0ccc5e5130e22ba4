"""Local-global LSTM (Liang et al., CVPR 2016), a baseline of JPPNet's paper (Table 9).

Layers of LSTMs on the feature map of a parsing network: every cell of the map reads the hidden states of its eight
neighbours, its own of the layer before, and the maxima of a 3x3 grid over the whole map. Neither of the two papers
says more than the name; the structure, the five layers and the 64 hidden units are those of the cited paper as far
as we remember it. Each of the nine LSTMs of a cell has its own weights here.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# (dy, dx) from a cell to each of its neighbours; to each of them a spatial LSTM sends its hidden state.
NEIGHBOURS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
GRID = 3  # rows and columns of the regions that give global context
CELL_LSTMS = len(NEIGHBOURS) + 1  # eight along the neighbours, one along the depth


def shifted(x: Tensor, dy: int, dx: int) -> Tensor:
    """(B, C, h, w) moved down by dy and right by dx cells, each in (-1, 0, 1), with zeros from outside."""
    height, width = x.shape[-2:]
    padded = F.pad(x, (1, 1, 1, 1))
    return padded[..., 1 - dy : 1 - dy + height, 1 - dx : 1 - dx + width]


class LGLSTMLayer(nn.Module):
    """One step of the nine LSTMs of every cell, all cells at once.

    Parameters
    ----------
    units : int
        Hidden units d of each LSTM.
    """

    def __init__(self, units: int) -> None:
        super().__init__()
        self.units = units
        inputs = CELL_LSTMS + GRID * GRID
        self.gates = nn.Conv2d(inputs * units, 4 * CELL_LSTMS * units, 1)

    def forward(self, hidden: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden states and memories (B, 9 d, h, w) of the layer before -> those of this layer.

        As in Grid LSTMs, the hidden state is tanh(output gate * memory).
        """
        states = hidden.split(self.units, dim=1)
        received = [shifted(h, *step) for h, step in zip(states, NEIGHBOURS, strict=False)]
        depth = states[-1]
        regions = F.adaptive_max_pool2d(depth, GRID).flatten(1)[..., None, None]
        read = torch.cat([*received, depth, regions.expand(-1, -1, *depth.shape[-2:])], dim=1)
        take, forget, give, new = self.gates(read).chunk(4, dim=1)
        memory = forget.sigmoid() * memory + take.sigmoid() * new.tanh()
        return (give.sigmoid() * memory).tanh(), memory


class LGLSTM(nn.Module):
    """A parsing network with local-global LSTM layers before its output.

    Parameters
    ----------
    backbone : torch.nn.Module
        Image -> maps.
    neck : torch.nn.Module
        Those maps -> features (B, channels, H / stride, W / stride).
    channels : int
        Of the features.
    labels : int
    stride : int
        Of the features, pixels.
    units : int
        Hidden units of each LSTM.
    layers : int
    """

    def __init__(
        self,
        backbone: nn.Module,
        neck: nn.Module,
        channels: int,
        labels: int,
        stride: int,
        units: int = 64,
        layers: int = 5,
    ) -> None:
        super().__init__()
        self.backbone, self.neck, self.stride = backbone, neck, stride
        self.transition = nn.Conv2d(channels, CELL_LSTMS * units, 1)
        self.layers = nn.ModuleList(LGLSTMLayer(units) for _ in range(layers))
        self.score = nn.Conv2d(CELL_LSTMS * units, labels, 1)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> logits (B, labels, H / stride, W / stride)."""
        hidden = self.transition(self.neck(self.backbone(images)))
        memory = torch.zeros_like(hidden)
        for layer in self.layers:
            hidden, memory = layer(hidden, memory)
        return self.score(hidden)
