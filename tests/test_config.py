"""`config.PAPER` against the numbers printed by Xia et al., typed in from the paper."""

from dataclasses import fields, is_dataclass
from functools import reduce

import pytest

from posepart.config import PAPER, ChoiceConfig, DetectionConfig, MergeConfig, PipelineConfig

PRINTED = {
    "detection.score_threshold": 0.6,  # Sec. 4.1
    "detection.nms_iou": 0.6,  # Sec. 4.1
    "choice.centre_share": 0,  # Sec. 3.1: the one whose centre is closest
    "skeleton.joint_values": "joints",  # Sec. 3.2: joint label map
    "skeleton.sharp": True,  # Sec. 3.2: label maps
    "merge.vote_without_pose": True,  # Sec. 3: from different boxes
    "detection.tiles": "off",  # the detector sees the photo once
    "candidates.max_per_joint": 6,  # Sec. 4.1
    "candidates.score_threshold": 0.2,  # Sec. 4.1
    "candidates.min_distance": 16,  # Sec. 4.1
    "features.segment_term": True,  # Sec. 3.1
    "features.boundary_distance": 10,  # supplement
    "features.rectangle_aspect": 2.5,  # supplement, Eq. (2)
    "crf.labels.multi_label": True,  # Sec. 3.1: l in {0, ..., K}
    "crf.potentials.pairwise_scale": 1,  # Eq. (1)
    "crf.potentials.pairwise_prior": 0,  # Eq. (1)
    "crf.solver.time_limit": 1,  # Sec. 3.1: within one second
    "choice.rule": "centre",  # Sec. 3.1
    "choice.missing_joint_score": 0.2,  # Sec. 4.1
    "skeleton.joint_radius": 3,  # Sec. 3.2
    "skeleton.stick_width": 7,  # Sec. 3.2
    "merge.part_power": 1,  # Sec. 3
    "merge.keep_by": "pose",  # Sec. 4.1
    "merge.head_iou": 0.65,  # Sec. 4.1
    "merge.upper_body_iou": 0.5,  # Sec. 4.1
    "merge.lower_body_iou": 0.5,  # Sec. 4.1
    "merge.whole_body_iou": 0.4,  # Sec. 4.1
    "mirror_pose": False,  # the networks see each crop once
    "upright_pose": False,
    "part_scales": (1.0,),
    "refine": True,  # Sec. 3.2
    "rounds": 1,  # Sec. 3.2: "we only do the refinement once"
}


def value_at(config: object, path: str) -> object:
    return reduce(getattr, path.split("."), config)


@pytest.mark.parametrize("path", PRINTED)
def test_every_printed_number_is_in_the_preset(path: str) -> None:
    assert value_at(PAPER, path) == PRINTED[path]


def differences(one: object, other: object, prefix: str = "") -> set[str]:
    assert is_dataclass(one)
    found = set()
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        path = f"{prefix}{field.name}"
        if is_dataclass(a):
            found |= differences(a, b, f"{path}.")
        elif a != b:
            found.add(path)
    return found


def test_the_preset_leaves_the_defaults_only_where_the_paper_does() -> None:
    """One pose per box and tight body boxes are not numbers in the text, but what it describes."""
    assert differences(PAPER, PipelineConfig()) - set(PRINTED) == {
        "choice.extra_joints",
        "merge.min_box_aspect",
    }
    assert PAPER.choice.extra_joints > 14


@pytest.mark.parametrize("scales", [(), (1.0, 0.0)])
def test_part_scales_must_be_above_zero(scales: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="give at least one scale above 0"):
        PipelineConfig(part_scales=scales)


@pytest.mark.parametrize("power", [0.0, -1.0, 1.5, float("nan")])
def test_powers_that_do_not_soften_are_refused(power: float) -> None:
    with pytest.raises(ValueError, match=r"merge\.part_power: expected a number in"):
        MergeConfig(part_power=power)


def test_unknown_rules_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"unknown choice\.rule 'nearest': choose one of overlap, centre, all"
    ):
        ChoiceConfig(rule="nearest")
    with pytest.raises(ValueError, match=r"unknown choice\.rule 'x{80}': choose one of"):
        ChoiceConfig(rule="x" * 5000)
    with pytest.raises(ValueError, match=r"unknown merge\.keep_by 'area': choose one of box, pose"):
        MergeConfig(keep_by="area")
    with pytest.raises(ValueError, match=r"unknown detection\.tiles 'on': choose one of off, auto"):
        DetectionConfig(tiles="on")
