"""The columns of the paper's tables as scores, on made-up results."""

from pathlib import Path

import numpy as np
import pytest
from helpers import people_data

from posepart.ablation.paper_tables import PAPER_TABLES, column_scores
from posepart.ablation.table import answer, columns_of, headline_scores, table_to_section
from posepart.ablation.variants import Question, Variant
from posepart.metrics.judged import judge


def test_nothing_measured_no_columns() -> None:
    assert column_scores([]) == {}


def test_columns_by_hand(tmp_path: Path) -> None:
    """Left wrists are 30 px off (1.5 head lengths), heads are taken for torsos of the same size."""
    samples = people_data.write_people(tmp_path)
    scores = column_scores([judge(s, people_data.poor_scene(s)) for s in samples])
    assert len(scores) == sum(len(table.columns) for table in PAPER_TABLES.values())
    value = {name: score.statistic(np.ones(score.photos, np.int64)) for name, score in scores.items()}
    assert (value["table_1: Wrist"], value["table_1: U-Body"]) == (0.5, 0.875)
    assert value["table_1: Total"] == pytest.approx(6.5 / 7)
    assert value["table_2: Wrist"] == pytest.approx(1.5) and value["table_2: Compared"] == 1
    assert (value["table_3: Head"], value["table_3: Torso"], value["table_3: Background"]) == (0, 0.5, 1)
    assert value["table_3: Ave."] == pytest.approx(5.5 / 7)


def test_sizes_follow_their_edges(tmp_path: Path) -> None:
    samples = people_data.write_people(tmp_path)
    found = {}
    for edges in ((80, 140, 220), (10, 20, 30), (1000, 2000, 3000)):
        photos = [judge(s, people_data.perfect_scene(s), edges=edges) for s in samples]
        assert photos[0].size_edges == edges
        scores = column_scores(photos)
        of_size = (scores[f"table_4: Size {name}"] for name in ("XS", "S", "M", "L"))
        found[edges] = [bool(np.isfinite(s.statistic(np.ones(s.photos, np.int64)))) for s in of_size]
    assert found[(10, 20, 30)] == [False, False, False, True]
    assert found[(1000, 2000, 3000)] == [True, False, False, False]


def test_variants_are_compared_in_the_columns_of_a_table(tmp_path: Path) -> None:
    samples = people_data.write_people(tmp_path)
    one, other = Variant("perfect"), Variant("poor", assembler="tree")
    scores = {
        one: headline_scores([judge(s, people_data.perfect_scene(s)) for s in samples]),
        other: headline_scores([judge(s, people_data.poor_scene(s)) for s in samples]),
    }
    question = Question("any", "Anything", (one, other), tables=("table_1",))
    found = answer(question, scores, 20, 0, "table_1")
    assert tuple(headline.title for headline in found.headlines) == PAPER_TABLES["table_1"].columns
    wrist = [headline.title for headline in found.headlines].index("Wrist")
    assert found.cells[1][wrist].value == 0.5
    against = found.cells[1][wrist].against_first
    assert against is not None and against.difference.value == -0.5
    text = table_to_section("table_1", found)
    assert text.startswith("### AP of joints (Table 1)") and "| poor |" in text
    assert "less is better" in table_to_section("table_2", answer(question, scores, 0, 0, "table_2"))
    assert columns_of("table_4", ()) == ()
