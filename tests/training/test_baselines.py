"""Every small baseline learns one batch, the same in every run; jobs refuse what does not fit in one sentence."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.people_data import write_people
from torch import Tensor

from posepart.data.augment import NO_AUGMENTATION
from posepart.data.person_crops import CropBatchConfig, PersonCrops
from posepart.models.builders import build
from posepart.models.jppnet.structure_loss import StructureLossConfig
from posepart.schema import BodySchema
from posepart.schema.named import SCHEMAS
from posepart.training.jobs.parsing import whole_photos
from posepart.training.joints import JointsLoss, JointsLossConfig
from posepart.training.parsing import ParsingLoss, ParsingLossConfig, parsing_predictor

PARSERS = ("attention_s", "deeplab_s", "fcn8s_s", "segnet_s", "hazn_s", "lg_lstm_s", "graph_lstm_s")
POSE_NETWORKS = ("joints_s", "cpm_s", "stacked_hourglass_s")
STEPS = 8


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Tensor]:
    samples = write_people(tmp_path_factory.mktemp("people"))
    config = CropBatchConfig(2, stride=1, need="parts", augment=NO_AUGMENTATION)
    return PersonCrops(samples, config)[0]


def learned(name: str, loss: Any, batch: Mapping[str, Tensor]) -> list[float]:
    """The loss of every step on one batch."""
    torch.manual_seed(0)
    network = build(name, {} if name == "segnet_s" else {"width": 0.35}).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)
    losses = []
    for _ in range(STEPS):
        optimiser.zero_grad()
        found = loss(network, batch)["loss"]
        found.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        losses.append(found.item())
    unused = [n for n, p in network.named_parameters() if p.requires_grad and p.grad is None]
    assert not unused
    return losses


@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_learns_a_batch(name: str, batch: Mapping[str, Tensor]) -> None:
    losses = learned(name, ParsingLoss(ParsingLossConfig()), batch)
    assert min(losses[-2:]) < 0.9 * losses[0]
    assert learned(name, ParsingLoss(ParsingLossConfig()), batch) == losses


@pytest.mark.parametrize("name", POSE_NETWORKS)
def test_a_pose_network_learns_a_batch(name: str, batch: Mapping[str, Tensor]) -> None:
    losses = learned(name, JointsLoss(JointsLossConfig()), batch)
    assert min(losses[-2:]) < 0.95 * losses[0]
    assert learned(name, JointsLoss(JointsLossConfig()), batch) == losses


@pytest.mark.parametrize("name", PARSERS)
def test_any_parser_learns_with_the_structure_sensitive_loss(name: str, batch: Mapping[str, Tensor]) -> None:
    torch.manual_seed(0)
    network = build(name, {} if name == "segnet_s" else {"width": 0.35}).train()
    losses = ParsingLoss(ParsingLossConfig(True, StructureLossConfig()))(network, batch)
    assert losses["loss"] > 0
    assert losses["weight"] > 0


@pytest.mark.parametrize("name", [*PARSERS, *POSE_NETWORKS])
def test_autocast_changes_little(name: str, batch: Mapping[str, Tensor]) -> None:
    """bfloat16 where torch thinks it safe: every network runs, forwards and backwards."""
    of_joints = name in POSE_NETWORKS
    loss: Any = JointsLoss(JointsLossConfig()) if of_joints else ParsingLoss(ParsingLossConfig())
    found = []
    for enabled in (False, True):
        torch.manual_seed(0)
        network = build(name, {} if name == "segnet_s" else {"width": 0.35}).eval()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            losses = loss(network, batch)
        losses["loss"].backward()
        found.append(losses["loss"].item())
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            network(torch.zeros(1, 3, 64, 64))
    assert found[1] == pytest.approx(found[0], rel=0.05)


def test_without_regions_there_is_no_structure_sensitive_loss() -> None:
    schema = BodySchema("clothes", (), (), ("background", "hat"), (0, 1))
    with pytest.raises(ValueError, match="the labels of clothes have no regions for Eq"):
        ParsingLoss(ParsingLossConfig(sensitive=True), schema)
    ParsingLoss(ParsingLossConfig(), schema)


def test_sides_are_swapped_in_the_mirror_image() -> None:
    """Of LIP's labels left and right arms, so that a picture and its mirror image are parsed alike."""
    torch.manual_seed(0)
    schema = SCHEMAS["lip"]
    network = build("fcn8s_s", {"width": 0.35, "labels": 20}).eval()
    images = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        plain = parsing_predictor(network, schema)(images).parsing
        mirrored = parsing_predictor(network, schema)(images.flip(-1)).parsing
    assert plain is not None and mirrored is not None
    torch.testing.assert_close(
        torch.from_numpy(plain), torch.from_numpy(mirrored)[:, list(schema.flip_labels)].flip(-1)
    )


def test_photos_as_one_crop(tmp_path: Path) -> None:
    samples = write_people(tmp_path)
    photos = whole_photos(samples)
    assert [photo.people[0].box.tolist() for photo in photos] == [[0, 0, 320, 200]] * 5
    crops = PersonCrops(photos, CropBatchConfig(2, need="parts", augment=NO_AUGMENTATION))
    assert len(crops.index) == 5
    assert (crops[0]["box"][:, 2] - crops[0]["box"][:, 0] > 150).all()
