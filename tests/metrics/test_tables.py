import pytest

from posepart.metrics.bootstrap import Interval, PairedDifference
from posepart.metrics.tables import (
    Cell,
    Row,
    Table,
    cell_text,
    difference_text,
    table_to_html,
    table_to_markdown,
    table_to_record,
    table_to_text,
)

NAN = float("nan")
NOTHING = Cell(Interval(NAN, NAN, NAN))
TABLE = Table(
    "name",
    "Title <1>",
    "A note & more.",
    ("a|b", "c"),
    (Row("row <b>", (Cell(Interval(0.5, 0.25, 0.75)), NOTHING)),),
)
CLEARLY_MORE = PairedDifference(Interval(0.1, 0.05, 0.15), 1.0)
COMPARED = Table(
    "compared",
    "Two variants",
    "",
    ("mAP", "what"),
    (
        Row("first", (Cell(0.5, photos=3, samples=10), "plain")),
        Row("second", (Cell(0.6, CLEARLY_MORE, photos=3, samples=10), "with <b>")),
    ),
    head="variant",
)


def test_no_rows() -> None:
    empty = Table("name", "Title", "Not measured.", ("a",), ())
    assert table_to_text(empty) == "  a"
    assert table_to_markdown(empty) == "### Title\n\nNot measured.\n"
    assert table_to_html(empty) == '<p class="caption"><strong>Title.</strong> Not measured.</p>'
    assert table_to_record(empty) == {}


def test_text() -> None:
    assert table_to_text(COMPARED).splitlines() == [
        "variant                          mAP      what",
        "first                           50.0     plain",
        "second   60.0 (+10.0, +5.0 .. +15.0)  with <b>",
    ]


def test_markdown() -> None:
    lines = table_to_markdown(TABLE).splitlines()
    assert lines[:3] == ["### Title &lt;1&gt;", "", "A note &amp; more."]
    assert lines[4:] == [
        "|  | a\\|b | c |",
        "| --- | ---: | ---: |",
        "| row &lt;b&gt; | 50.0 (25.0 .. 75.0) | - |",
    ]


def test_markdown_of_a_comparison() -> None:
    assert table_to_markdown(COMPARED, level=2).splitlines() == [
        "## Two variants",
        "",
        "| variant | mAP | what |",
        "| --- | ---: | ---: |",
        "| first | 50.0 | plain |",
        "| second | 60.0 (**+10.0, +5.0 .. +15.0**) | with &lt;b&gt; |",
    ]


def test_html() -> None:
    html = table_to_html(TABLE)
    assert "<strong>Title &lt;1&gt;.</strong> A note &amp; more." in html
    assert '<th scope="row">row &lt;b&gt;</th><td>50.0<small>25.0 .. 75.0</small></td><td>-</td>' in html


def test_html_of_a_comparison() -> None:
    html = table_to_html(COMPARED)
    assert '<th scope="col">variant</th><th scope="col">mAP</th>' in html
    assert "<td>60.0<small>(+10.0, +5.0 .. +15.0)</small></td><td>with &lt;b&gt;</td>" in html


def test_json() -> None:
    record = table_to_record(TABLE)
    assert record["row <b>"]["a|b"] == {"value": 0.5, "low": 0.25, "high": 0.75}
    assert record["row <b>"]["c"] == {"value": None, "low": None, "high": None}


def test_json_of_a_comparison() -> None:
    record = table_to_record(COMPARED)
    assert record["first"] == {"mAP": {"value": 0.5, "photos": 3, "samples": 10}, "what": "plain"}
    difference = {"value": 0.1, "low": 0.05, "high": 0.15, "share_above": 1.0}
    assert record["second"]["mAP"] == {"value": 0.6, "photos": 3, "samples": 10, "against_first": difference}


def test_rows_fit_the_columns() -> None:
    with pytest.raises(ValueError, match="expected 2 cells, got 1"):
        Table("name", "", "", ("a", "b"), (Row("row", (NOTHING,)),))


def test_trainings() -> None:
    """Three trainings have a range; one has none."""
    value = Interval(0.6, 0.55, 0.65)
    assert cell_text(Cell(value, trainings=(0.5, 0.6, 0.7))) == "60.0 (55.0 .. 65.0) {50.0 .. 70.0}"
    one = Table("t", "T", "", ("c",), (Row("r", (Cell(value, trainings=(0.6,)),)),))
    assert table_to_text(one).splitlines()[1] == "r  60.0 (55.0 .. 65.0)"
    assert table_to_record(one)["r"]["c"]["trainings"] == [0.6]


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(0.006, -0.002, 0.015), "+0.6, -0.2 .. +1.5"),
        (Interval(-0.01, -0.02, -0.005), "**-1.0, -2.0 .. -0.5**"),
        (Interval(0.01, NAN, NAN), "+1.0"),
        (Interval(NAN, NAN, NAN), "-"),
    ],
)
def test_differences_in_points(interval: Interval, text: str) -> None:
    assert difference_text(interval) == text
