"""LG-LSTM and Graph LSTM: context, superpixels, the order of visits, and the equations by hand."""

import pytest
import torch

from posepart.models.baselines.graph_lstm import GraphLSTMLayer, visits
from posepart.models.baselines.lg_lstm import CELL_LSTMS, LGLSTMLayer, shifted
from posepart.models.baselines.superpixels import SuperpixelGraph, superpixel_graph
from posepart.models.builders import build


def test_shifted_by_hand() -> None:
    x = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    assert shifted(x, 1, 0)[0, 0].tolist() == [[0, 0], [1, 2]]
    assert shifted(x, 0, -1)[0, 0].tolist() == [[2, 0], [4, 0]]


def reach(state: int) -> set[tuple[int, int]]:
    """The cells whose new states change when one state of the middle cell of a 9 x 9 map does."""
    torch.manual_seed(0)
    layer = LGLSTMLayer(1)
    hidden, memory = torch.zeros(1, CELL_LSTMS, 9, 9), torch.zeros(1, CELL_LSTMS, 9, 9)
    hidden[:, -1] = 1.0  # the maxima of the regions do not change
    other = hidden.clone()
    other[:, state, 4, 4] -= 0.5
    with torch.inference_mode():
        changed = (layer(hidden, memory)[0] != layer(other, memory)[0]).any(1)[0]
    return {(int(y) - 4, int(x) - 4) for y, x in changed.nonzero()}


def test_a_spatial_state_reaches_one_neighbour_and_the_depth_its_own_cell() -> None:
    assert reach(0) == {(-1, -1)}
    assert reach(6) == {(1, 0)}
    assert reach(CELL_LSTMS - 1) == {(0, 0)}


def test_global_context_reaches_every_cell() -> None:
    torch.manual_seed(0)
    layer = LGLSTMLayer(1)
    hidden, memory = torch.zeros(1, CELL_LSTMS, 9, 9), torch.zeros(1, CELL_LSTMS, 9, 9)
    other = hidden.clone()
    other[:, -1, 0, 0] = 1.0  # a maximum of the first region
    with torch.inference_mode():
        assert (layer(hidden, memory)[0] != layer(other, memory)[0]).any(1).all()


def test_superpixels_follow_colours() -> None:
    """Two halves whose border is not on the grid: no superpixel has cells of both."""
    images = torch.full((1, 3, 12, 12), -1.0)
    images[..., 5:] = 1.0
    graph = superpixel_graph(images, 4)
    left = set(graph.of_cell[0, :, :5].flatten().tolist())
    right = set(graph.of_cell[0, :, 5:].flatten().tolist())
    assert not left & right
    assert graph.nodes == 9
    assert len(left | right) >= 6


def test_superpixels_of_one_picture_do_not_depend_on_the_others() -> None:
    torch.manual_seed(0)
    images = torch.randn(2, 3, 16, 16)
    both, second = superpixel_graph(images, 4), superpixel_graph(images[1:], 4)
    assert torch.equal(both.of_cell[1], second.of_cell[0] + second.nodes)
    assert len(both.sources) > len(second.sources)


def test_neighbours_are_beside_each_other_and_known_from_both_ends() -> None:
    images = torch.zeros(1, 3, 4, 8)
    graph = superpixel_graph(images, 4)
    assert graph.of_cell[0].tolist() == [[0] * 4 + [1] * 4] * 4
    assert (graph.sources.tolist(), graph.targets.tolist()) == ([0, 1], [1, 0])
    features = torch.arange(32.0).view(1, 1, 4, 8)
    assert graph.mean(features)[:, 0].tolist() == [13.5, 17.5]
    assert graph.to_map(torch.tensor([[3.0], [7.0]]))[0, 0, 0].tolist() == [3.0] * 4 + [7.0] * 4


def chain(nodes: int) -> SuperpixelGraph:
    """0 - 1 - 2 - ..."""
    a = torch.arange(nodes - 1)
    return SuperpixelGraph(
        torch.arange(nodes).view(1, 1, nodes), torch.cat([a, a + 1]), torch.cat([a + 1, a]), nodes, 1
    )


def test_visits_by_hand() -> None:
    assert visits(chain(4), torch.tensor([0.9, 0.5, 0.7, 0.8])).tolist() == [0, 2, 1, 0]
    assert visits(chain(3), torch.ones(3)).tolist() == [0, 1, 2]


def test_an_update_of_the_graph_lstm_one_node_after_the_other() -> None:
    """The equations written out, node by node in the order of confidence."""
    torch.manual_seed(0)
    graph, units = chain(4), 3
    layer = GraphLSTMLayer(units)
    features, hidden, memory = torch.randn(3, 4, units)
    confidence = torch.tensor([0.2, 0.9, 0.5, 0.7])
    with torch.inference_mode():
        found = layer(features, (hidden, memory), graph, visits(graph, confidence))
        h, m = hidden.clone(), memory.clone()
        for i in confidence.argsort(descending=True).tolist():
            near = [j for j in (i - 1, i + 1) if 0 <= j < 4]
            own = layer.from_features(features[i])
            gates = own[: 4 * units] + layer.from_state(h[i]) + layer.from_mean(h[near].mean(0))
            update, forget, output, new = gates.chunk(4)
            kept = [(own[4 * units :] + layer.from_neighbour(h[j])).sigmoid() * m[j] for j in near]
            m[i] = torch.stack(kept).mean(0) + forget.sigmoid() * m[i] + update.sigmoid() * new.tanh()
            h[i] = (output.sigmoid() * m[i]).tanh()
    torch.testing.assert_close(found, (h, m))


def test_a_batch_of_the_graph_lstm_is_its_pictures_one_by_one() -> None:
    torch.manual_seed(0)
    network = build("graph_lstm_s", {"width": 0.35}).eval()
    images = torch.randn(3, 3, 64, 64)
    with torch.inference_mode():
        together = network(images)
        alone = torch.cat([network(image[None]) for image in images])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["lg_lstm_s", "graph_lstm_s"])
def test_a_picture_without_contrast(name: str) -> None:
    with torch.inference_mode():
        assert torch.isfinite(build(name, {"width": 0.35}).eval()(torch.zeros(1, 3, 32, 32))).all()
