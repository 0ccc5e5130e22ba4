"""The picture of an explanation: what is drawn where, and that it survives odd input."""

import numpy as np
import pytest
from helpers import explanations

from posepart.explanation.picture import (
    CROP_SIDE,
    PANEL_WIDTH,
    cost_colour,
    draw_explanation,
    joint_initials,
    margin_colour,
    strength_colour,
)
from posepart.explanation.records import Margin, PoseExplanation
from posepart.schema import Joint
from posepart.structures import Candidates

SIZE = 192  # px; one crop pixel is 4 in the picture


def picture_of(
    explanation: PoseExplanation | None = None, candidates: Candidates | None = None, title: str = "person 1"
) -> np.ndarray:
    return draw_explanation(
        np.full((SIZE, SIZE, 3), 100, np.uint8),
        explanations.candidates() if candidates is None else candidates,
        explanation or explanations.explanation(),
        title,
    )


def at(picture: np.ndarray, crop_xy: tuple[float, float]) -> list[int]:
    x, y = ((value + 0.5) * CROP_SIDE / SIZE for value in crop_xy)
    return [int(value) for value in picture[round(y), round(x)]]


def test_nothing_to_explain_is_the_dimmed_crop_and_the_key() -> None:
    picture = picture_of(explanations.empty(), Candidates.empty())
    assert picture.shape == (CROP_SIDE, CROP_SIDE + PANEL_WIDTH, 3)
    assert picture.dtype == np.uint8
    assert (picture[:, : CROP_SIDE - 2] == 60).all()
    assert (picture[:, CROP_SIDE:] > 200).any()


def test_the_crop_is_left_alone() -> None:
    crop = np.full((SIZE, SIZE, 3), 100, np.uint8)
    draw_explanation(crop, explanations.candidates(), explanations.explanation(), "")
    assert (crop == 100).all()


def test_joints_have_the_colour_and_size_of_their_margin() -> None:
    found, picture = explanations.explanation(), picture_of()
    for joint in found.joints:
        place = explanations.PLACES[joint.candidate]
        assert np.allclose(at(picture, place), margin_colour(joint), atol=2)
    beside = 1.6  # crop px: within the dot of the neck, not of the wrist, whose margin is 0
    assert np.allclose(at(picture, (50, 40 - beside)), margin_colour(found.joints[0]), atol=2)
    x, y = explanations.PLACES[1]
    assert not np.allclose(at(picture, (x, y - beside)), margin_colour(found.joints[1]), atol=40)


def test_candidates_not_chosen_are_hollow() -> None:
    picture = picture_of(explanations.empty())
    for x, y in explanations.PLACES:
        assert at(picture, (x, y)) == [60, 60, 60]
        assert min(at(picture, (x - 1.2, y))) > 150


def test_bones_have_the_colour_of_their_cost() -> None:
    picture = picture_of()
    assert np.allclose(at(picture, (55, 72.5)), cost_colour(-5.0), atol=25)  # halfway from neck to hip


def test_a_dashed_line_leads_to_the_runner_up() -> None:
    column = round((80 + 0.5) * CROP_SIDE / SIZE)
    rows = slice(round(106 * CROP_SIDE / SIZE), round(124 * CROP_SIDE / SIZE))
    line = picture_of()[rows, column].astype(int).min(axis=1)
    assert (line > 120).any()
    assert (line < 80).any()
    without = picture_of(explanations.empty())[rows, column].astype(int).min(axis=1)
    assert not (without > 120).any()


def test_colours_run_from_red_to_blue() -> None:
    red, _, blue = strength_colour(0)
    assert red > 2 * blue
    red, _, blue = strength_colour(1)
    assert blue > 2 * red
    assert strength_colour(-3) == strength_colour(0)
    assert strength_colour(9) == strength_colour(1)
    assert cost_colour(100) == strength_colour(0)
    assert cost_colour(-100) == strength_colour(1)
    assert margin_colour(explanations.explanation(Margin(0.0, 50.0)).joints[1]) == strength_colour(0)


def test_initials_tell_all_joints_apart() -> None:
    assert joint_initials(Joint.FOREHEAD) == "F"
    assert joint_initials(Joint.LEFT_WRIST) == "LW"
    assert len({joint_initials(joint) for joint in Joint}) == len(Joint)


@pytest.mark.parametrize("title", ["", "person 1 of " + 200 * "long", "person 1 of \udcff\u4e16.jpg"])
def test_any_title_stays_in_the_panel(title: str) -> None:
    picture = picture_of(title=title)
    assert (picture[:60, -8:] == picture[-1, -1]).all()


def test_a_candidate_at_the_corner_has_its_label_inside() -> None:
    found = explanations.candidates()
    xy = np.array([[0, 0], [SIZE - 1, SIZE - 1], [0, SIZE - 1], [SIZE - 1, 0]], np.float32)
    corners = Candidates(xy, found.joint, found.scores, found.offsets)
    picture = picture_of(explanations.empty(), corners)
    panel = picture_of(explanations.empty(), Candidates.empty())
    assert (picture[:, CROP_SIDE + 8 :] == panel[:, CROP_SIDE + 8 :]).all()
