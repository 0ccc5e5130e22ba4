import numpy as np
import pytest

from posepart.metrics.bootstrap import Interval
from posepart.metrics.tables import Cell, table_to_html, table_to_markdown
from posepart.report.paper_tables import Bootstrap, Numbers, paper_tables


@pytest.mark.parametrize("parts", [True, False])
def test_no_photos(parts: bool) -> None:
    """Every table says why it is empty."""
    tables = paper_tables([], Bootstrap(replicates=10), parts)
    assert list(tables) == ["table_1", "table_2", "table_3", "table_4", "instances"]
    for table in tables.values():
        assert table.rows == ()
        assert table.note.startswith("Not measured: ")
        assert "Not measured: " in table_to_markdown(table) and "Not measured: " in table_to_html(table)
    assert ("no part maps" in tables["table_3"].note) != parts


def test_a_row_has_intervals() -> None:
    row = Bootstrap(replicates=200).row("row", Numbers(lambda w: [np.average([0.0, 1.0], weights=w), 1.0], 2))
    assert row.cells == (Cell(Interval(0.5, 0.0, 1.0)), Cell(Interval(1.0, 1.0, 1.0)))
