"""Tables of ablations on made-up scores."""

import numpy as np
import pytest

from posepart.ablation.table import (
    Remembered,
    answer,
    difference_text,
    headline_scores,
    to_markdown,
    to_record,
)
from posepart.ablation.variants import Question, Row, Variant
from posepart.metrics.bootstrap import Interval, Score

FIRST, SECOND = Variant(), Variant(whole_photo=True)
QUESTION = Question("poses", "Poses per box", (Row("one", FIRST), Row("several", SECOND)), "A note.")


def mean_score(name: str, values: list[float]) -> Score:
    array = np.array(values)
    return Score(name, "made up", len(values), 10, lambda w: float(w @ array / w.sum()))


def table_of(first: list[float], second: list[float], name: str = "oks_ap"):
    scores = {FIRST: {name: mean_score(name, first)}, SECOND: {name: mean_score(name, second)}}
    return answer(QUESTION, scores, replicates=200, seed=0)


def test_no_photos_no_headlines() -> None:
    assert headline_scores([]) == {}
    table = answer(QUESTION, {FIRST: {}, SECOND: {}}, replicates=10, seed=0)
    assert table.headlines == ()
    assert "| one |" in to_markdown(table)


def test_a_constant_difference_has_no_width() -> None:
    table = table_of([0.2, 0.4, 0.9], [0.3, 0.5, 1.0])
    first, second = table.cells[0][0], table.cells[1][0]
    assert (first.value, first.against_first) == (pytest.approx(0.5), None)
    assert second.value == pytest.approx(0.6)
    difference = second.against_first.difference
    assert (difference.value, difference.low, difference.high) == pytest.approx((0.1, 0.1, 0.1))
    assert second.against_first.share_above == 1
    assert to_record(table) == {
        "asks": "Poses per box",
        "note": "A note.",
        "rows": {
            "one": {"oks_ap": {"value": 0.5, "photos": 3, "samples": 10}},
            "several": {
                "oks_ap": {
                    "value": 0.6, "photos": 3, "samples": 10, "difference": 0.1, "interval": [0.1, 0.1],
                    "share_above": 1.0,
                }
            },
        },
    }  # fmt: skip
    lines = to_markdown(table).splitlines()
    assert lines[0] == "## Poses per box"
    assert lines[2:6] == [
        "|  | OKS-AP |",
        "|---|---|",
        "| one | 50.0 |",
        "| several | 60.0 (**+10.0, +10.0 .. +10.0**) |",
    ]
    assert lines[-1] == "A note."


def test_only_scores_that_every_row_has_are_shown() -> None:
    scores = {FIRST: {"adk": mean_score("adk", [0.5])}, SECOND: {}}
    assert answer(QUESTION, scores, replicates=10, seed=0).headlines == ()


def test_less_distance_is_better() -> None:
    assert "ADK (less is better)" in to_markdown(table_of([0.5], [0.4], "adk"))


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(0.006, -0.002, 0.015), "+0.6, -0.2 .. +1.5"),
        (Interval(-0.01, -0.02, -0.005), "**-1.0, -2.0 .. -0.5**"),
        (Interval(0.01, float("nan"), float("nan")), "+1.0"),
    ],
)
def test_differences_in_points(interval: Interval, text: str) -> None:
    assert difference_text(interval) == text


def test_each_drawing_is_computed_once() -> None:
    calls = []
    statistic = Remembered(lambda w: calls.append(1) or float(w.sum()))
    weights = np.array([1, 2, 0])
    assert [statistic(weights), statistic(weights.copy()), statistic(np.array([2, 1, 0]))] == [3, 3, 3]
    assert len(calls) == 2
