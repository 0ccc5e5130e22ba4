"""Printed and measured numbers side by side."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from posepart.arrays import Index
from posepart.metrics.tables import table_to_html, table_to_markdown
from posepart.report.paper_tables import Bootstrap, Numbers
from posepart.reproduction.comparison import Comparison, Measured, read_numbers, to_csv, write_numbers
from posepart.reproduction.printed_tables import PrintedTable

PRINTED = PrintedTable(
    "table_1", "Table 1: mAP", "4.2", ("Head", "Total"), {"AOG": (45.3, None), "Ours": (58.0, 39.2)}
)
BOOTSTRAP = Bootstrap(replicates=200)


def measured(values: list[float], shift: float = 0.0) -> Measured:
    """Head: the mean of values of photos; Total: that plus a shift."""

    def statistics(weights: Index) -> list[float]:
        mean = float(np.average(values, weights=weights))
        return [mean, mean + shift]

    return Measured.of(Numbers(statistics, len(values)), BOOTSTRAP)


def test_without_any_measurement() -> None:
    table = Comparison(PRINTED, {}, "Ours").table()
    assert [row.label for row in table.rows] == ["AOG, printed", "AOG, here", "Ours, printed", "Ours, here"]
    assert table.rows[0].cells == ("45.3", "-")
    assert table.rows[1].cells == ("not run", "-")


def test_rows_beside_the_printed_ones() -> None:
    ours, tree = measured([0.2, 0.4, 0.6], 0.1), measured([0.1, 0.3, 0.5])
    comparison = Comparison(PRINTED, {"Ours": ours, "AOG": tree, "Theirs": tree}, "Ours", "3 photos.")
    table = comparison.table()
    assert [row.label for row in table.rows][-2:] == ["Ours, here", "Theirs, here"]
    text = table_to_markdown(table)
    assert "| AOG, printed | 45.3 | - |" in text
    assert "30.0 (10.0 .. 50.0) (**-10.0, -10.0 .. -10.0**)" in text  # the same samples: no spread
    assert "**-20.0, -20.0 .. -20.0**" in text
    assert "difference to Ours, paired" in text and "3 photos." in text
    assert "45.3" in table_to_html(table)


def test_csv() -> None:
    comparison = Comparison(PRINTED, {"Ours": measured([0.2, 0.4]), "AOG": measured([0.2, 0.2])}, "Ours")
    rows = list(csv.DictReader(io.StringIO(to_csv([comparison]))))
    assert len(rows) == 4
    assert (rows[0]["system"], rows[0]["column"], rows[0]["printed"]) == ("AOG", "Head", "45.3")
    assert (float(rows[0]["here"]), float(rows[0]["difference"])) == (20.0, -10.0)
    assert (rows[1]["printed"], rows[2]["difference"]) == ("", "")


def test_systems_on_other_photos_are_not_compared() -> None:
    comparison = Comparison(PRINTED, {"Ours": measured([0.2, 0.4]), "AOG": measured([0.2])}, "Ours")
    assert comparison.table().rows[1].cells[0].against_first is None  # type: ignore[union-attr]


def test_numbers_come_back(tmp_path: Path) -> None:
    before = {"table_1": measured([0.2, 0.4]), "table_2": measured([float("nan")])}
    write_numbers(tmp_path / "numbers.npz", before)
    after = read_numbers(tmp_path / "numbers.npz")
    assert list(after) == list(before)
    np.testing.assert_array_equal(after["table_1"].replicates.drawn, before["table_1"].replicates.drawn)
    assert (after["table_1"].photos, after["table_2"].photos) == (2, 1)


def test_counts() -> None:
    printed = PrintedTable("table_1", "Data", "1", ("Train", "Test"), {"LIP": (30462, None)}, counts=True)
    counted = Measured.of(Numbers(lambda w: [1716.0, float("nan")], 0), Bootstrap(replicates=0))
    table = Comparison(printed, {"LIP": counted}, "LIP").table()
    assert [row.cells for row in table.rows] == [("30,462", "-"), ("1,716", "-")]


def test_undefined_everywhere() -> None:
    nothing = measured([float("nan")])
    assert nothing.replicates.values == pytest.approx([np.nan, np.nan], nan_ok=True)
    cells = Comparison(PRINTED, {"Ours": nothing, "AOG": nothing}, "Ours").table().rows[1].cells
    assert (
        "-" in table_to_markdown(Comparison(PRINTED, {"Ours": nothing}, "Ours").table()) and len(cells) == 2
    )
