"""Numbers of systems in files, and tables that show them beside the printed ones."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posepart.io.files import write_atomically
from posepart.metrics.bootstrap import Interval, PairedDifference, Replicates, bootstrap_replicates
from posepart.metrics.tables import UNDEFINED, Cell, Row, Table
from posepart.report.paper_tables import Bootstrap, Numbers
from posepart.reproduction.printed_tables import PrintedTable

NUMBERS = "numbers.npz"
CSV_HEAD = (
    *("table", "system", "column", "printed", "here", "low", "high"),
    *("difference", "difference_low", "difference_high", "photos"),
)


@dataclass(frozen=True)
class Measured:
    """The numbers of one system in one table."""

    replicates: Replicates  # a number for each column
    photos: int  # how many photos they rest on

    @classmethod
    def of(cls, numbers: Numbers, bootstrap: Bootstrap) -> "Measured":
        """Compute the numbers on all photos and on the bootstrap samples."""
        drawn = bootstrap_replicates(numbers.statistics, numbers.photos, bootstrap.replicates, bootstrap.seed)
        return cls(drawn, numbers.photos)

    def without(self, columns: Sequence[int]) -> "Measured":
        """The numbers with some columns undefined."""
        values, drawn = self.replicates.values.copy(), self.replicates.drawn.copy()
        values[list(columns)], drawn[:, list(columns)] = np.nan, np.nan
        return Measured(Replicates(values, drawn), self.photos)


def write_numbers(path: Path, measured: Mapping[str, Measured]) -> None:
    """Write the numbers of one system, by table."""
    arrays = {}
    for table, one in measured.items():
        arrays[f"{table}.values"] = one.replicates.values
        arrays[f"{table}.drawn"] = one.replicates.drawn
        arrays[f"{table}.photos"] = np.array(one.photos)
    write_atomically(path, lambda file: np.savez_compressed(file, **arrays))  # type: ignore[arg-type]


def read_numbers(path: Path) -> dict[str, Measured]:
    """The inverse of `write_numbers`."""
    with np.load(path, allow_pickle=False) as file:
        tables = [name.removesuffix(".values") for name in file.files if name.endswith(".values")]
        return {
            table: Measured(
                Replicates(file[f"{table}.values"], file[f"{table}.drawn"]), int(file[f"{table}.photos"])
            )
            for table in tables
        }


@dataclass(frozen=True)
class Comparison:
    """A printed table with our numbers.

    Attributes
    ----------
    printed : PrintedTable
        Columns and rows as printed.
    measured : dict of str to Measured
        Name of a row -> our numbers; rows that the paper lacks come last.
    first : str
        The row that the others are compared with, where both were measured.
    note : str
        What our numbers were measured on.
    confidence : float
        Of the intervals.
    """

    printed: PrintedTable
    measured: dict[str, Measured]
    first: str
    note: str = ""
    confidence: float = 0.95

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all rows, those of the paper first."""
        return tuple(dict.fromkeys([*self.printed.rows, *self.measured]))

    def table(self) -> Table:
        """Two rows for every system: the printed numbers, and ours with their intervals and differences."""
        rows: list[Row] = []
        for name in self.names:
            if name in self.printed.rows:
                numbers = self.printed.rows[name]
                rows.append(Row(f"{name}, printed", tuple(map(self._printed_text, numbers))))
            rows.append(Row(f"{name}, here", self._cells(name)))
        better = "lower" if self.printed.less_is_better else "higher"
        words = "" if self.printed.counts else f" In percent, {better} is better."
        paired = f" In brackets: difference to {self.first}, paired." if self._compared() else ""
        note = f"Sec. {self.printed.section}.{words} {self.note}{paired}".strip()
        columns = self.printed.columns
        summed = columns[-1].startswith(("Total", "Av"))
        return Table(self.printed.key, self.printed.title, note, columns, tuple(rows), summed, "System")

    def _compared(self) -> bool:
        return not self.printed.counts and len(self.measured) > 1 and self.first in self.measured

    def _printed_text(self, number: float | None) -> str:
        if number is None:
            return UNDEFINED
        return f"{number:,}" if self.printed.counts else f"{number}"

    def _cells(self, name: str) -> tuple[Cell | str, ...]:
        if name not in self.measured:
            return ("not run",) + (UNDEFINED,) * (len(self.printed.columns) - 1)
        if self.printed.counts:
            return tuple(_count(value) for value in self.measured[name].replicates.values)
        intervals = self.measured[name].replicates.intervals(self.confidence)
        return tuple(map(Cell, intervals, self._differences(name)))

    def _differences(self, name: str) -> Sequence[PairedDifference | None]:
        own = self.measured[name]
        if not self._compared() or name == self.first or own.photos != self.measured[self.first].photos:
            return [None] * len(self.printed.columns)
        return own.replicates.against(self.measured[self.first].replicates, self.confidence)

    def records(self) -> Iterator[tuple[str | float | int, ...]]:
        """The lines of a CSV file below `CSV_HEAD`, one for each cell; shares in percent, empty where unknown."""
        scale = 1.0 if self.printed.counts else 100.0
        for name in self.names:
            printed = self.printed.rows.get(name, (None,) * len(self.printed.columns))
            intervals: Sequence[Interval | None] = [None] * len(self.printed.columns)
            differences: Sequence[PairedDifference | None] = intervals  # type: ignore[assignment]
            photos: int | str = ""
            if name in self.measured:
                intervals = self.measured[name].replicates.intervals(self.confidence)
                differences, photos = self._differences(name), self.measured[name].photos
            for column, number, interval, paired in zip(
                self.printed.columns, printed, intervals, differences, strict=True
            ):
                difference = None if paired is None else paired.difference
                yield (
                    *(self.printed.key, name, column, "" if number is None else number),
                    *_bounds(interval, scale),
                    *_bounds(difference, scale),
                    photos,
                )


def _count(value: float) -> str:
    return UNDEFINED if np.isnan(value) else f"{int(value):,}"


def _bounds(interval: Interval | None, scale: float) -> tuple[float | str, ...]:
    if interval is None:
        return "", "", ""
    values = (interval.value, interval.low, interval.high)
    return tuple("" if np.isnan(value) else round(scale * value, 3) for value in values)


def to_csv(comparisons: Sequence[Comparison]) -> str:
    """All cells of tables as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_HEAD)
    for comparison in comparisons:
        writer.writerows(comparison.records())
    return text.getvalue()
