"""Energies of given poses, and bones on pixels: by hand, and against the pipeline."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.stand_ins import FIGURES, boxes_of, draw, pipeline_of

from posepart.audit.bones import LEAST_SHARE, bone_prices
from posepart.audit.energies import best_exchange, pose_energies
from posepart.config import PipelineConfig
from posepart.schema import FLIP_JOINTS, IGNORE, Joint, Part
from posepart.stages.crf import CrfAssembler
from posepart.stages.crops import crop_boxes
from posepart.stages.networks import part_maps, pose_maps, to_batch
from posepart.structures import Crop, PartMaps, PoseMaps

EVERYTHING = np.ones(14, bool)
SWAPPED = list(FLIP_JOINTS)
KNEES = (Joint.LEFT_KNEE, Joint.RIGHT_KNEE)


@pytest.fixture(scope="module")
def seen() -> tuple[CrfAssembler, Crop, PoseMaps, PartMaps]:
    """One person without mistakes, alone in the photo."""
    config = replace(PipelineConfig(), refine=False)
    pipeline = pipeline_of(boxes_of(FIGURES[:1]), config)
    (crop,) = crop_boxes(draw(FIGURES[:1]), boxes_of(FIGURES[:1]), config.crop)
    batch = to_batch([crop], "cpu")
    networks, assembler = pipeline.networks, pipeline.assembler
    assert isinstance(assembler, CrfAssembler)
    (joints,) = pose_maps(networks.pose, batch)  # type: ignore[attr-defined]
    (parts,) = part_maps(networks.part, batch)  # type: ignore[attr-defined]
    return assembler, crop, joints, parts


def test_a_right_label_costs_less_than_its_mirror(
    seen: tuple[CrfAssembler, Crop, PoseMaps, PartMaps],
) -> None:
    assembler, crop, joints, parts = seen
    right = crop.affine.forward(FIGURES[0])
    energies = pose_energies(np.stack([right, right[SWAPPED]]), EVERYTHING, joints, parts, assembler)
    assert energies[0] < energies[1] - 5
    exchange = best_exchange(right, EVERYTHING, joints, parts, assembler)
    assert (exchange.price, exchange.pairs) == (0.0, ())
    assert (exchange.joints == np.arange(14)).all()


def test_exchanged_sides_are_found_and_their_price_is_the_difference(
    seen: tuple[CrfAssembler, Crop, PoseMaps, PartMaps],
) -> None:
    assembler, crop, joints, parts = seen
    right = crop.affine.forward(FIGURES[0])
    exchange = best_exchange(right[SWAPPED], EVERYTHING, joints, parts, assembler)
    assert set(exchange.pairs) == {"shoulder", "elbow", "wrist", "hip", "knee", "ankle"}
    energies = pose_energies(np.stack([right[SWAPPED], right]), EVERYTHING, joints, parts, assembler)
    assert exchange.price == pytest.approx(energies[0] - energies[1])


def test_a_single_exchanged_pair(seen: tuple[CrfAssembler, Crop, PoseMaps, PartMaps]) -> None:
    assembler, crop, joints, parts = seen
    wrong = crop.affine.forward(FIGURES[0])
    wrong[list(KNEES)] = wrong[list(reversed(KNEES))]
    exchange = best_exchange(wrong, EVERYTHING, joints, parts, assembler)
    assert exchange.pairs == ("knee",)
    assert exchange.joints[Joint.LEFT_KNEE] == Joint.RIGHT_KNEE
    only_left = EVERYTHING.copy()
    only_left[Joint.RIGHT_KNEE] = False
    assert "knee" in best_exchange(wrong, only_left, joints, parts, assembler).pairs


def test_bones_on_their_own_parts_cost_nothing_and_on_others_the_share() -> None:
    xy = np.stack([np.linspace(10, 80, 14), np.linspace(5, 90, 14)], axis=1)
    upper = np.full((100, 100), int(Part.UPPER_LEG), np.uint8)
    prices = bone_prices(xy, EVERYTHING, upper)
    own = {name for name, price in prices.items() if price == 0}
    assert own == {"left hip to left knee", "right hip to right knee"}
    assert prices["left knee to left ankle"] == pytest.approx(np.log(1 / LEAST_SHARE))
    assert len(prices) == 8  # arms and legs


def test_unknown_pixels_hidden_joints_and_short_bones_say_nothing() -> None:
    xy = np.stack([np.linspace(10, 80, 14), np.linspace(5, 90, 14)], axis=1)
    assert bone_prices(xy, EVERYTHING, np.full((100, 100), IGNORE, np.uint8)) == {}
    assert bone_prices(xy, ~EVERYTHING, np.zeros((100, 100), np.uint8)) == {}
    assert bone_prices(xy / 20, EVERYTHING, np.zeros((100, 100), np.uint8)) == {}
    assert bone_prices(xy + 500, EVERYTHING, np.zeros((100, 100), np.uint8)) == {}
