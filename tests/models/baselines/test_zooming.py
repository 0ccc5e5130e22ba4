"""HAZN: windows of pictures and their way back, what is zoomed into, and what is learned."""

from typing import Any

import pytest
import torch

from posepart.models.baselines import hazn
from posepart.models.baselines.hazn import boxes_of_labels, proposals, zoom_loss
from posepart.models.baselines.zooming import (
    best_windows,
    read_labels,
    read_windows,
    windows_of,
    write_back,
)
from posepart.models.builders import build


def test_a_window_by_hand() -> None:
    """The right lower quarter of a picture, read at its own size, is that quarter."""
    picture = torch.arange(64.0).view(1, 1, 8, 8)
    window = torch.tensor([[0.75, 0.75, 0.5]])
    torch.testing.assert_close(read_windows(picture, window, 4)[0, 0], picture[0, 0, 4:, 4:])


def test_labels_outside_the_picture_are_unknown() -> None:
    labels = torch.ones(1, 4, 4, dtype=torch.uint8)
    read = read_labels(labels, torch.tensor([[0.0, 0.5, 1.0]]), 4)
    assert read[0].tolist() == [[255, 255, 1, 1]] * 4


def test_what_is_read_is_written_back_to_its_place() -> None:
    picture = torch.arange(64.0).view(1, 1, 8, 8)
    window = torch.tensor([[0.25, 0.75, 0.5]])
    placed, inside = write_back(read_windows(picture, window, 4), window, (8, 8))
    assert inside[0, 0, 4:, :4].min() == pytest.approx(1)
    assert max(inside[0, 0, :4].max(), inside[0, 0, :, 4:].max()) == pytest.approx(0, abs=1e-5)
    torch.testing.assert_close(placed[0, 0, 4:, :4], picture[0, 0, 4:, :4])


def test_windows_have_a_margin_and_a_largest_zoom() -> None:
    boxes = torch.tensor([[0.0, 0.0, 40.0, 80.0], [50.0, 50.0, 51.0, 51.0], [0.0, 0.0, 100.0, 100.0]])
    windows = windows_of(boxes, (100, 100), 1.2, 2.5)
    torch.testing.assert_close(windows[:, 2], torch.tensor([0.96, 0.4, 1.0]))
    assert windows[0, :2].tolist() == pytest.approx([0.2, 0.4])


def test_the_best_windows() -> None:
    """Of two that overlap the more confident; where there is no other, the whole picture with confidence 0."""
    windows = torch.tensor([[[0.3, 0.3, 0.4], [0.31, 0.3, 0.4]]])
    confidence, chosen = best_windows(torch.tensor([[0.6, 0.9]]), windows, 2)
    torch.testing.assert_close(confidence, torch.tensor([[0.9, 0.0]]))
    torch.testing.assert_close(chosen, torch.tensor([[[0.31, 0.3, 0.4], [0.5, 0.5, 1.0]]]))


def test_boxes_of_labels() -> None:
    labels = torch.zeros(1, 4, 4, dtype=torch.long)
    labels[0, 1:3, 2:] = 2
    boxes, present = boxes_of_labels(labels, 3)
    assert present.tolist() == [[False, True]]
    assert boxes[0].tolist() == [[0.0, 0.0, 1.0, 1.0], [0.5, 0.25, 1.0, 0.75]]


def test_the_zoom_loss_teaches_a_box_to_the_cells_near_its_centre() -> None:
    box = torch.tensor([[[0.25, 0.25, 0.75, 0.75]]])
    zoom = torch.zeros(1, 5, 16, 16, requires_grad=True)
    optimiser = torch.optim.Adam([zoom], lr=0.2)
    losses = []
    for _ in range(300):
        optimiser.zero_grad()
        loss = zoom_loss(zoom, box, None)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.01 < losses[0]
    confidence, windows = best_windows(*proposals(zoom.detach()), 1)
    assert confidence.item() > 0.95
    torch.testing.assert_close(windows[0, 0], torch.tensor([0.5, 0.5, 0.6]), rtol=0, atol=0.02)


def test_a_body_without_a_box_teaches_nothing() -> None:
    zoom = torch.zeros(1, 5, 4, 4)
    zoom[:, 0, 0, 0] = 9.0  # sure of somebody in the corner
    body = torch.zeros(1, 4, 4, dtype=torch.bool)
    body[:, 0, 0] = True
    nobody = torch.zeros(1, 1, 4)
    assert zoom_loss(zoom, nobody, body) < 0.7 < zoom_loss(zoom, nobody, None)


def test_zooming_changes_what_it_zooms_into(monkeypatch: pytest.MonkeyPatch) -> None:
    """With confidence 1 the scores inside the window are the mean of both levels, outside those of the first."""
    torch.manual_seed(0)
    network: Any = build("hazn_s", {"width": 0.35, "parts": 1}).eval()
    images = torch.randn(1, 3, 96, 96)
    window = torch.tensor([[[0.75, 0.75, 0.5]]])
    monkeypatch.setattr(hazn, "best_windows", lambda *_: (torch.ones(1, 1), window))
    with torch.inference_mode():
        found = network(images)
        first, _ = network._see(images, 0)
        zoomed = network._refined(read_windows(images, window[0], 96), 1)
    placed, _ = write_back(zoomed, window[0], (24, 24))
    torch.testing.assert_close(found[..., :11, :], first[..., :11, :])
    torch.testing.assert_close(found[..., 13:, 13:], ((first + placed) / 2)[..., 13:, 13:])
