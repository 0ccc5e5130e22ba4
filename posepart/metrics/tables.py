"""One table of scores, and its renderings: text, Markdown, HTML and JSON.

Reports, ablations and comparisons of networks all build a `Table`. Its cells are scores (`Cell`), which are printed
in percent, or plain text.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from posepart.metrics.bootstrap import Interval, PairedDifference
from posepart.metrics.measure import Comparison, Measure

UNDEFINED = "-"
NOT_SHARES = ("false_people_per_photo",)  # measures that are printed as they are, not in percent


@dataclass(frozen=True)
class Cell:
    """A score in a table.

    Attributes
    ----------
    value : Interval or float
        A share in [0, 1], with its interval where one was computed; nan where undefined.
    against_first : PairedDifference, optional
        The value less that of the first row, on the same photos. It is printed in points.
    trainings : tuple of float
        The value of each of several trainings, of which `value` is the mean. Their range is printed.
    photos, samples : int, optional
        What the value rests on; in the JSON only.
    """

    value: Interval | float
    against_first: PairedDifference | None = None
    trainings: tuple[float, ...] = ()
    photos: int | None = None
    samples: int | None = None


@dataclass(frozen=True)
class Row:
    """A row of a table."""

    label: str
    cells: tuple[Cell | str, ...]  # one for every column


@dataclass(frozen=True)
class Table:
    """A table, with the words around it.

    Attributes
    ----------
    name : str
        Its key in a JSON file.
    title, note : str
        For the reader. The note says why there are no rows where nothing could be measured.
    columns : tuple of str
        The heads of the cells.
    rows : tuple of Row
    summed : bool
        Whether the last column sums up the others.
    head : str
        The head of the labels.
    """

    name: str
    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    summed: bool = False
    head: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row.cells) != len(self.columns):
                raise ValueError(
                    f"table {self.name}, row {row.label}: expected {len(self.columns)} cells, got {len(row.cells)}"
                )


def table_to_text(table: Table) -> str:
    """The rows in columns for a terminal, labels to the left and cells to the right; no title, no note."""
    lines = [(table.head, *table.columns), *((row.label, *map(cell_text, row.cells)) for row in table.rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join([label.ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells, widths[1:], strict=True))])
        for label, *cells in lines
    )


def table_to_markdown(table: Table, level: int = 3) -> str:
    """The table below its title, a heading of the given level, and its note."""
    parts = [f"{'#' * level} {_markdown(table.title)}"]
    if table.note:
        parts.append(_markdown(table.note))
    if table.rows:
        lines = [
            [table.head, *table.columns],
            ["---", *("---:" for _ in table.columns)],
            *([row.label, *map(_markdown_cell, row.cells)] for row in table.rows),
        ]
        parts.append("\n".join("| " + " | ".join(map(_markdown, line)) + " |" for line in lines))
    return "\n\n".join(parts) + "\n"


def table_to_html(table: Table) -> str:
    """The table below a caption of its title and note, which does not scroll sideways with it."""
    caption = f'<p class="caption"><strong>{escape(table.title)}.</strong> {escape(table.note)}</p>'
    return f"{caption}\n{html_grid(table, 'summed' if table.summed else '')}" if table.rows else caption


def html_grid(table: Table, kind: str = "") -> str:
    """The rows of a table in HTML without title and note; `kind` is a class of the style sheet."""
    corner = f'<th scope="col">{escape(table.head)}</th>' if table.head else "<td></td>"
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in table.columns)
    body = "".join(
        f'<tr><th scope="row">{escape(row.label)}</th>'
        + "".join(f"<td>{_html_cell(cell)}</td>" for cell in row.cells)
        + "</tr>\n"
        for row in table.rows
    )
    style = f' class="{escape(kind)}"' if kind else ""
    return (
        f'<div class="table"><table{style} aria-label="{escape(table.title)}">\n'
        f"<thead><tr>{corner}{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>"
    )


def table_to_record(table: Table) -> dict[str, dict[str, Any]]:
    """Row -> column -> cell, for JSON.

    A score is an object with `value` and, where the cell has them, `low` and `high`, `photos`, `samples`,
    `trainings`, and `against_first` (`value`, `low`, `high`, `share_above`). All are shares, null where undefined.
    """
    return {
        row.label: {
            column: cell if isinstance(cell, str) else _cell_record(cell)
            for column, cell in zip(table.columns, row.cells, strict=True)
        }
        for row in table.rows
    }


def _cell_record(cell: Cell) -> dict[str, Any]:
    record: dict[str, Any] = (
        _interval_record(cell.value) if isinstance(cell.value, Interval) else {"value": rounded(cell.value)}
    )
    if cell.photos is not None:
        record["photos"] = cell.photos
    if cell.samples is not None:
        record["samples"] = cell.samples
    if cell.trainings:
        record["trainings"] = [rounded(value) for value in cell.trainings]
    if cell.against_first is not None:
        difference = _interval_record(cell.against_first.difference)
        record["against_first"] = {**difference, "share_above": rounded(cell.against_first.share_above)}
    return record


def _interval_record(interval: Interval) -> dict[str, float | None]:
    return {"value": rounded(interval.value), "low": rounded(interval.low), "high": rounded(interval.high)}


def rounded(value: float) -> float | None:
    """A number as it is written to JSON: six digits, None where it is not finite."""
    return round(float(value), 6) if math.isfinite(value) else None


def percent(value: float, sign: str = "") -> str:
    """A share in percent without the percent sign; with `sign="+"`, a difference of shares in points."""
    return UNDEFINED if math.isnan(value) else f"{100 * value:{sign}.1f}"


def cell_text(cell: Cell | str) -> str:
    """A cell as in "60.0 (59.0 .. 61.0) (+0.6, -0.2 .. +1.5) {58.9 .. 61.2}".

    These are the value and its interval, the difference to the first row, and the lowest and highest training;
    whatever a cell lacks is left out.
    """
    return _cell_text(cell, "")


def _markdown_cell(cell: Cell | str) -> str:
    """As `cell_text`, a difference in bold where its interval does not contain 0."""
    return _cell_text(cell, "**")


def _cell_text(cell: Cell | str, bold: str) -> str:
    if isinstance(cell, str):
        return cell
    value, bounds = _value_and_bounds(cell)
    extras = [f"({bounds})" if bounds else "", *_comparisons(cell, bold)]
    return " ".join([value, *filter(None, extras)])


def _html_cell(cell: Cell | str) -> str:
    """A cell with all but its value in a line below."""
    if isinstance(cell, str):
        return escape(cell)
    value, bounds = _value_and_bounds(cell)
    below = " ".join(filter(None, [bounds, *_comparisons(cell, "")]))
    return f"{value}<small>{below}</small>" if below else value


def _value_and_bounds(cell: Cell) -> tuple[str, str]:
    if not isinstance(cell.value, Interval):
        return percent(cell.value), ""
    interval = cell.value
    bounds = "" if math.isnan(interval.low) else f"{percent(interval.low)} .. {percent(interval.high)}"
    return percent(interval.value), bounds


def _comparisons(cell: Cell, bold: str) -> list[str]:
    difference = "" if cell.against_first is None else difference_text(cell.against_first.difference, bold)
    low_high = ""
    if len(cell.trainings) > 1:
        low_high = f"{{{percent(min(cell.trainings))} .. {percent(max(cell.trainings))}}}"
    return [f"({difference})" if difference else "", low_high]


def difference_text(difference: Interval, bold: str = "**") -> str:
    """A difference in points, as in "+0.6, -0.2 .. +1.5".

    Parameters
    ----------
    difference : Interval
    bold : str
        What to put around the text where the interval does not contain 0.
    """
    text = percent(difference.value, "+")
    if math.isnan(difference.low):
        return text
    text += f", {percent(difference.low, '+')} .. {percent(difference.high, '+')}"
    clear = difference.low > 0 or difference.high < 0
    return f"{bold}{text}{bold}" if clear else text


def _markdown(text: str) -> str:
    """Text escaped so that a Markdown table shows it literally, but for bold type."""
    return escape(" ".join(text.split()), quote=False).replace("|", "\\|")


def measure_text(name: str, value: float) -> str:
    """The value of a measure as it is printed: in percent but for `NOT_SHARES`, "-" where undefined."""
    return f"{value:.3f}" if name in NOT_SHARES and not math.isnan(value) else percent(value)


def measures_to_record(measures: Iterable[Measure]) -> dict[str, dict[str, Any]]:
    """Name -> value, interval and counts of measures, for JSON; null where undefined."""
    return {
        m.name: {
            **_interval_record(Interval(m.value, m.low, m.high)),
            "photos": m.photos,
            "samples": m.samples,
            "counted": m.counted,
        }
        for m in measures
    }


def format_measures(measures: Sequence[Measure]) -> str:
    """The measures that have samples as a text table."""
    rows = tuple(Row(m.name, measure_cells(m)) for m in measures if m.samples)
    columns = ("value", "interval", "photos", "samples")
    return table_to_text(Table("measures", "Measures", "", columns, rows, head="measure"))


def measure_cells(measure: Measure) -> tuple[str, ...]:
    """Value, interval, photos and samples of a measure as they are printed."""
    value = measure_text(measure.name, measure.value)
    return value, interval_text(measure), str(measure.photos), str(measure.samples)


def interval_text(measure: Measure) -> str:
    """The interval of a measure as it is printed."""
    if math.isnan(measure.low):
        return "no interval"
    return f"{measure_text(measure.name, measure.low)} .. {measure_text(measure.name, measure.high)}"


def format_comparisons(
    comparisons: Sequence[Comparison], names: tuple[str, str] = ("first", "second")
) -> str:
    """A text table of two systems: the second less the first, with its paired interval."""
    rows = tuple(Row(c.name, _comparison_cells(c)) for c in comparisons if not math.isnan(c.first))
    columns = (*names, "difference", "interval", "photos")
    return table_to_text(Table("comparison", "Comparison", "", columns, rows, head="measure"))


def _comparison_cells(c: Comparison) -> tuple[str, ...]:
    d = c.paired.difference
    first, second, value, low, high = (
        measure_text(c.name, v) for v in (c.first, c.second, d.value, d.low, d.high)
    )
    return first, second, value, f"{low} .. {high}", str(c.photos)
