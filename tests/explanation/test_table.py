"""The table and the JSON of an explanation made by hand."""

import json

import numpy as np
import pytest
from helpers import explanations

from posepart.explanation.records import Margin
from posepart.explanation.table import explanation_record, explanation_table, margin_text, moved_px
from posepart.geometry.frames import Affine
from posepart.structures import Candidates

TWICE = Affine(np.array([[2.0, 0, 10], [0, 2.0, 20]]))  # 2 crop px per photo px


def table_of(**options: object) -> list[str]:
    found = explanations.explanation(**options)  # type: ignore[arg-type]
    return explanation_table(found, explanations.candidates(), TWICE).splitlines()


def test_no_joints_make_a_table_without_lines() -> None:
    lines = explanation_table(explanations.empty(), Candidates.empty(), TWICE).splitlines()
    assert lines[0].split()[:2] == ["joint", "score"]
    assert lines[1].split() == ["person", "0.00", "0.00", "0.00", "0.00", "0.00"]


def test_a_line_per_joint_and_one_for_the_person() -> None:
    header, neck, wrist, hip, person, *key = table_of()
    columns = "joint score unary base offsets segments total margin runner-up then"
    assert _words(header) == columns
    assert _words(neck) == "neck 0.90 -2.00 -8.00 2.25 -1.75 -9.50 8.50 - missing; loses left_wrist"
    assert _words(wrist) == "left_wrist 0.60 -0.50 -5.00 4.50 0.00 -1.00 0.00 1.25 at 15 px moves 15 px"
    assert _words(hip) == "left_hip 0.70 -1.00 -5.00 3.75 -1.75 -4.00 4.00 - missing"
    # unaries -3.5; every pair once: base -9, misfit 5.25, parts -1.75
    assert _words(person) == "person -3.50 -9.00 5.25 -1.75 -9.00"
    assert key[0].startswith("Energies in nats")


def _words(line: str) -> str:
    """A line without its padding."""
    return " ".join(line.split())


def test_numbers_stand_below_each_other() -> None:
    header, *lines = table_of()[:4]
    end = header.index("total") + len("total")
    assert {line[end - 3] for line in lines} == {"."}


def test_clipping_has_a_column_only_where_it_happens() -> None:
    assert "clipped" not in table_of()[0]
    lines = table_of(clipped=0.5)
    column = lines[0].split().index("clipped")
    assert [line.split()[column] for line in lines[1:4]] == ["0.50", "0.00", "0.00"]


def test_a_margin_that_was_not_proven_is_an_interval() -> None:
    assert margin_text(Margin(1.234, 1.234)) == "1.23"
    assert margin_text(Margin(1.0, 2.5)) == "1.00..2.50"
    assert "1.00..2.50" in table_of(wrist_margin=Margin(1.0, 2.5))[2]


def test_distances_are_photo_pixels() -> None:
    wrist = explanations.explanation().joints[1]
    assert moved_px(wrist, 3, explanations.candidates(), TWICE) == pytest.approx(30 / 2)


def test_the_record_holds_everything_and_adds_up() -> None:
    record = explanation_record(
        explanations.explanation(), explanations.candidates(), TWICE, explanations.solution()
    )
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["energy"] == -9
    assert record["crop"] == {"energy": -9, "bound": -9, "status": "optimal", "people": 1}
    unaries = sum(joint["unary"] for joint in record["joints"])
    pairs = sum(pair["cost"] for pair in record["pairs"])
    assert unaries + pairs == record["energy"]
    neck, wrist, _ = record["joints"]
    assert neck["removal"] == 9.5
    assert neck["margin"] == [8.5, 8.5]
    assert neck["proven"]
    assert neck["leaving"] == ["left_wrist"]
    assert neck["runner_up"] is neck["successor"] is None
    assert wrist["runner_up"] == {"candidate": 3, "price": 1.25}
    assert wrist["successor"] == 3
    assert record["pairs"][1]["joints"] == ["neck", "left_hip"]
    assert record["pairs"][1]["by_family"]["inside"] == -1
    assert record["pairs"][1]["segments"] == -1.75
    assert list(record["pairs"][0]["by_feature"]) == record["features"]


def test_the_record_lists_all_candidates_in_the_photo() -> None:
    record = explanation_record(
        explanations.explanation(), explanations.candidates(), TWICE, explanations.solution()
    )
    neck, *_, second_wrist = record["candidates"]
    assert neck == {
        "index": 0,
        "proposed_as": "neck",
        "score": 0.9,
        "xy": [20.0, 10.0],
        "label": "neck",
        "person": 0,
    }
    assert second_wrist["label"] is second_wrist["person"] is None


def test_an_unproven_margin_says_so() -> None:
    found = explanations.explanation(Margin(1.0, 2.5))
    record = explanation_record(found, explanations.candidates(), TWICE, explanations.solution())
    assert [joint["proven"] for joint in record["joints"]] == [True, False, True]
