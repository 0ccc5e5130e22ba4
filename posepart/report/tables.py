"""A table of values with intervals, and its three forms: Markdown, HTML, JSON."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from posepart.metrics.bootstrap import Interval

UNDEFINED = "-"


@dataclass(frozen=True)
class Row:
    """A row: what it is about, and an interval for every column."""

    label: str
    cells: tuple[Interval, ...]


@dataclass(frozen=True)
class Table:
    """A table in percent.

    name: its key in the JSON. title, note: for the reader. columns: the heads of the cells. rows: none when there
    is nothing to measure; the note then says why. summed: whether the last column sums up the others.
    """

    name: str
    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    summed: bool = False

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row.cells) != len(self.columns):
                raise ValueError(
                    f"table {self.name}, row {row.label}: expected {len(self.columns)} cells, got {len(row.cells)}"
                )


def percent(value: float) -> str:
    """A share as a number of percent, without the sign."""
    return UNDEFINED if math.isnan(value) else f"{100 * value:.1f}"


def table_to_markdown(table: Table) -> str:
    """The table with its title and note; every cell as `value (low .. high)`."""
    parts = [f"### {_markdown(table.title)}", _markdown(table.note)]
    if table.rows:
        lines = [
            ["", *table.columns],
            ["---", *["---:" for _ in table.columns]],
            *([row.label, *[_plain_cell(cell) for cell in row.cells]] for row in table.rows),
        ]
        parts.append("\n".join("| " + " | ".join(_markdown(c) for c in line) + " |" for line in lines))
    return "\n\n".join(parts) + "\n"


def _plain_cell(cell: Interval) -> str:
    if math.isnan(cell.low):
        return percent(cell.value)
    return f"{percent(cell.value)} ({percent(cell.low)} .. {percent(cell.high)})"


def _markdown(text: str) -> str:
    """Text that means itself in a table of Markdown."""
    return escape(" ".join(text.split()), quote=False).replace("|", "\\|")


def table_to_html(table: Table) -> str:
    """The table with its title above, outside of what scrolls sideways; intervals below their values."""
    caption = f'<p class="caption"><strong>{escape(table.title)}.</strong> {escape(table.note)}</p>'
    if not table.rows:
        return caption
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in table.columns)
    body = "".join(
        f'<tr><th scope="row">{escape(row.label)}</th>{_html_cells(row.cells)}</tr>\n' for row in table.rows
    )
    kind = ' class="summed"' if table.summed else ""
    return (
        f'{caption}\n<div class="table"><table{kind} aria-label="{escape(table.title)}">\n'
        f"<thead><tr><td></td>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>"
    )


def _html_cells(cells: Sequence[Interval]) -> str:
    return "".join(f"<td>{html_interval(cell)}</td>" for cell in cells)


def html_interval(cell: Interval) -> str:
    """A value with its interval below."""
    if math.isnan(cell.low):
        return percent(cell.value)
    return f"{percent(cell.value)}<small>{percent(cell.low)} .. {percent(cell.high)}</small>"


def table_to_record(table: Table) -> dict[str, Any]:
    """Row -> column -> value, low, high as shares; null where undefined."""
    return {
        row.label: {
            column: {"value": _number(cell.value), "low": _number(cell.low), "high": _number(cell.high)}
            for column, cell in zip(table.columns, row.cells, strict=True)
        }
        for row in table.rows
    }


def _number(value: float) -> float | None:
    return round(float(value), 6) if math.isfinite(value) else None
