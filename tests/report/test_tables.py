import numpy as np
import pytest

from posepart.metrics.bootstrap import Interval
from posepart.report.paper_tables import Bootstrap, paper_tables
from posepart.report.tables import Row, Table, table_to_html, table_to_markdown, table_to_record

NAN = float("nan")
TABLE = Table(
    "name",
    "Title <1>",
    "A note & more.",
    ("a|b", "c"),
    (Row("row <b>", (Interval(0.5, 0.25, 0.75), Interval(NAN, NAN, NAN))),),
)


def test_markdown():
    lines = table_to_markdown(TABLE).splitlines()
    assert lines[:3] == ["### Title &lt;1&gt;", "", "A note &amp; more."]
    assert lines[4:] == [
        "|  | a\\|b | c |",
        "| --- | ---: | ---: |",
        "| row &lt;b&gt; | 50.0 (25.0 .. 75.0) | - |",
    ]


def test_html():
    html = table_to_html(TABLE)
    assert "<strong>Title &lt;1&gt;.</strong> A note &amp; more." in html
    assert '<th scope="row">row &lt;b&gt;</th><td>50.0<small>25.0 .. 75.0</small></td><td>-</td>' in html


def test_json():
    record = table_to_record(TABLE)
    assert record["row <b>"]["a|b"] == {"value": 0.5, "low": 0.25, "high": 0.75}
    assert record["row <b>"]["c"] == {"value": None, "low": None, "high": None}


def test_rows_fit_the_columns():
    with pytest.raises(ValueError, match="expected 2 cells, got 1"):
        Table("name", "", "", ("a", "b"), (Row("row", (Interval(0, 0, 0),)),))


@pytest.mark.parametrize("parts", [True, False])
def test_no_photos(parts):
    """Every table says why it is empty."""
    tables = paper_tables([], Bootstrap(replicates=10), parts)
    assert list(tables) == ["table_1", "table_2", "table_3", "table_4", "instances"]
    for table in tables.values():
        assert table.rows == ()
        assert table.note.startswith("Not measured: ")
        assert "Not measured: " in table_to_markdown(table) and "Not measured: " in table_to_html(table)
    assert ("no part maps" in tables["table_3"].note) != parts


def test_a_row_has_intervals():
    row = Bootstrap(replicates=200).row("row", lambda w: [np.average([0.0, 1.0], weights=w), 1.0], 2)
    assert row.cells == (Interval(0.5, 0.0, 1.0), Interval(1.0, 1.0, 1.0))
