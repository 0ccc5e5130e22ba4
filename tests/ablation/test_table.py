"""Answers of ablations on made-up scores."""

import numpy as np
import pytest
from numpy.typing import NDArray

from posepart.ablation.table import (
    Answer,
    answer,
    headline_scores,
    headlines_of,
    remembered,
    to_markdown,
    to_record,
)
from posepart.ablation.variants import Question, Variant
from posepart.metrics.bootstrap import Score

FIRST, SECOND = Variant("one"), Variant("several", assembler="tree")
QUESTION = Question("poses", "Poses per box", (FIRST, SECOND), "A note.")


def mean_score(name: str, values: list[float]) -> Score:
    array = np.array(values)
    return Score(name, "made up", len(values), 10, lambda w: float(w @ array / w.sum()))


def answer_of(first: list[float], second: list[float], name: str = "oks_ap") -> Answer:
    scores = {FIRST: {name: mean_score(name, first)}, SECOND: {name: mean_score(name, second)}}
    return answer(QUESTION, scores, replicates=200, seed=0)


def test_no_photos_no_headlines() -> None:
    assert headline_scores([]) == {}
    found = answer(QUESTION, {FIRST: {}, SECOND: {}}, replicates=10, seed=0)
    assert found.headlines == ()
    assert "| one |" in to_markdown(found)


def test_a_constant_difference_has_no_width() -> None:
    found = answer_of([0.2, 0.4, 0.9], [0.3, 0.5, 1.0])
    first, second = found.cells[0][0], found.cells[1][0]
    assert (first.value, first.against_first) == (pytest.approx(0.5), None)
    assert second.value == pytest.approx(0.6)
    assert second.against_first is not None
    difference = second.against_first.difference
    assert (difference.value, difference.low, difference.high) == pytest.approx((0.1, 0.1, 0.1))
    assert second.against_first.share_above == 1
    assert to_record(found) == {
        "asks": "Poses per box",
        "note": "A note.",
        "rows": {
            "one": {"oks_ap": {"value": 0.5, "photos": 3, "samples": 10}},
            "several": {
                "oks_ap": {
                    "value": 0.6, "photos": 3, "samples": 10,
                    "against_first": {"value": 0.1, "low": 0.1, "high": 0.1, "share_above": 1.0},
                }
            },
        },
    }  # fmt: skip
    assert to_markdown(found).splitlines() == [
        "## Poses per box",
        "",
        "A note. Photos: OKS-AP: 3.",
        "",
        "|  | OKS-AP |",
        "| --- | ---: |",
        "| one | 50.0 |",
        "| several | 60.0 (**+10.0, +10.0 .. +10.0**) |",
    ]


def test_only_scores_that_every_row_has_are_shown() -> None:
    scores = {FIRST: {"adk": mean_score("adk", [0.5])}, SECOND: {}}
    assert answer(QUESTION, scores, replicates=10, seed=0).headlines == ()


def test_several_sources_have_a_column_each() -> None:
    alone = ("box_ap", "pck_gymnasts", "pck_gymnasts_unmirrored", "pck_exact", "adk")
    assert [headline.title for headline in headlines_of(alone)] == ["PCK exact", "ADK"]
    titles = [headline.title for headline in headlines_of((*alone, "pck_crowds"))]
    assert titles == ["PCK exact", "ADK", "PCK gymnasts", "PCK crowds"]


def test_less_distance_is_better() -> None:
    assert "ADK (less is better)" in to_markdown(answer_of([0.5], [0.4], "adk"))


def test_each_bootstrap_sample_is_computed_once() -> None:
    calls = []

    def total(weights: NDArray[np.int64]) -> float:
        calls.append(weights.tolist())
        return float(weights.sum())

    statistic = remembered(total)
    weights = np.array([1, 2, 0])
    assert [statistic(weights), statistic(weights.copy()), statistic(np.array([2, 1, 0]))] == [3, 3, 3]
    assert calls == [[1, 2, 0], [2, 1, 0]]


def test_the_pck_of_every_source_is_shown() -> None:
    scores = {name: mean_score(name, [0.5]) for name in ("pck_coco", "pck_human", "pck_gym", "adk")}
    found = answer(QUESTION, {FIRST: scores, SECOND: scores}, replicates=10, seed=0)
    assert [h.title for h in found.headlines] == ["PCK human", "ADK", "PCK coco", "PCK gym"]
