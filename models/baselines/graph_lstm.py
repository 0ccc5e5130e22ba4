"""Graph LSTM (Liang et al., ECCV 2016), a baseline that the text of Xia et al. names.

The nodes are superpixels. A first map of scores orders them: the LSTM visits the most confident superpixel first,
and each reads the states of its neighbours, new ones of those visited before and old ones of the others, with a
forget gate of its own for every neighbour. Xia et al. say no more than that it is an LSTM; the equations, the two
layers with residuals and about 1,000 superpixels are those of the cited paper as far as we remember it.
"""

import torch
from torch import Tensor, nn

from ..scales import to_size
from ..supervision import Supervision
from .superpixels import SuperpixelGraph, superpixel_graph

LAYERS = 2


def visits(graph: SuperpixelGraph, confidence: Tensor) -> Tensor:
    """When each node is updated, so that it comes after its more confident neighbours and before the others.

    Nodes of one visit are no neighbours, so that updating them at once gives what one after the other would.

    Parameters
    ----------
    graph : SuperpixelGraph
    confidence : (M,) float32
        Of equally confident nodes the first comes first.

    Returns
    -------
    (M,) int64
        From 0.
    """
    rank = torch.empty_like(confidence, dtype=torch.long)
    order = torch.argsort(confidence, descending=True, stable=True)
    rank[order] = torch.arange(graph.nodes, device=rank.device)
    earlier = rank[graph.sources] < rank[graph.targets]
    sources, targets = graph.sources[earlier], graph.targets[earlier]
    visit = torch.zeros_like(rank)
    while True:
        later = visit.scatter_reduce(0, targets, visit[sources] + 1, "amax")
        if torch.equal(later, visit):
            return visit
        visit = later


class GraphLSTMLayer(nn.Module):
    """One update of every node of a graph.

    With f the features of node i, h and m its state, and h_j, m_j those of its neighbours at the time of the visit:

        mean = mean_j h_j;  update, forget, output = sigmoid(W f + U h + V mean);  new = tanh(W f + U h + V mean)
        forget_j = sigmoid(W_f f + U_n h_j);  m' = mean_j forget_j m_j + forget m + update new;  h' = tanh(output m')

    Parameters
    ----------
    units : int
        Of features and states.
    """

    def __init__(self, units: int) -> None:
        super().__init__()
        self.units = units
        self.from_features = nn.Linear(units, 5 * units)
        self.from_state = nn.Linear(units, 4 * units, bias=False)
        self.from_mean = nn.Linear(units, 4 * units, bias=False)
        self.from_neighbour = nn.Linear(units, units, bias=False)

    def forward(
        self, features: Tensor, state: tuple[Tensor, Tensor], graph: SuperpixelGraph, visit: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Features (M, d), hidden states and memories (M, d) each -> the new hidden states and memories."""
        hidden, memory = state
        own, of_neighbours = self.from_features(features).split((4 * self.units, self.units), dim=1)
        place = torch.empty_like(visit)
        for turn in range(int(visit.max()) + 1):
            nodes = (visit == turn).nonzero()[:, 0]
            place[nodes] = torch.arange(len(nodes), device=nodes.device)
            edges = visit[graph.targets] == turn
            sources, targets = graph.sources[edges], graph.targets[edges]
            row = place[targets]
            count = torch.bincount(row, minlength=len(nodes)).clamp_min(1)[:, None]
            h, m = hidden[sources], memory[sources]
            mean = torch.zeros_like(hidden[nodes]).index_add(0, row, h) / count
            gates = own[nodes] + self.from_state(hidden[nodes]) + self.from_mean(mean)
            update, forget, output, new = gates.chunk(4, dim=1)
            kept = (of_neighbours[targets] + self.from_neighbour(h)).sigmoid() * m
            m_new = torch.zeros_like(memory[nodes]).index_add(0, row, kept) / count
            m_new = m_new + forget.sigmoid() * memory[nodes] + update.sigmoid() * new.tanh()
            hidden = hidden.index_copy(0, nodes, (output.sigmoid() * m_new).tanh())
            memory = memory.index_copy(0, nodes, m_new)
        return hidden, memory


class GraphLSTM(nn.Module):
    """A parsing network whose features are averaged over superpixels and updated by Graph LSTM layers.

    Parameters
    ----------
    backbone : torch.nn.Module
        Image -> maps.
    neck : torch.nn.Module
        Those maps -> features (B, channels, h, w).
    channels : int
        Of the features.
    labels : int
    stride : int
        Of the result and of the cells that superpixels consist of, pixels.
    units : int
        Of features and states of the nodes.
    spacing : int
        Cells between neighbouring superpixels.
    """

    def __init__(
        self,
        backbone: nn.Module,
        neck: nn.Module,
        channels: int,
        labels: int,
        *,
        stride: int,
        units: int = 64,
        spacing: int = 3,
    ) -> None:
        super().__init__()
        self.backbone, self.neck = backbone, neck
        self.stride, self.spacing = stride, spacing
        self.first_score = nn.Conv2d(channels, labels, 1)
        self.reduce = nn.Conv2d(channels, units, 1)
        self.layers = nn.ModuleList(GraphLSTMLayer(units) for _ in range(LAYERS))
        self.score = nn.Linear(units, labels)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> logits (B, labels, H / stride, W / stride), constant in every superpixel."""
        return self._scores(images)[0]

    def supervise(self, images: Tensor, labels: Tensor, boxes: Tensor) -> Supervision:
        """The result, and the first scores, which order the superpixels."""
        return Supervision(self._scores(images), (labels, labels))

    def _scores(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The result and the first scores."""
        features = self.neck(self.backbone(images))
        size = images.shape[-2] // self.stride, images.shape[-1] // self.stride
        graph = superpixel_graph(nn.functional.adaptive_avg_pool2d(images, size), self.spacing)
        first = to_size(self.first_score(features), size)
        nodes = graph.mean(to_size(self.reduce(features), size))
        confidence = graph.mean(first.detach().float().softmax(1)).amax(1)
        visit = visits(graph, confidence)
        hidden = torch.zeros_like(nodes)
        memory = torch.zeros_like(nodes)
        for layer in self.layers:
            hidden, memory = layer(nodes, (hidden, memory), graph, visit)
            nodes = nodes + hidden
        return graph.to_map(self.score(nodes)), first
