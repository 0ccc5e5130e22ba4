"""The picture of `ablate.py`: differences to the first row with their intervals."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from posepart.ablation.table import Headline, Table

LEAST_RANGE = 0.5  # points on either side of 0, so that next to nothing looks like it


def draw(tables: Sequence[Table], path: Path) -> None:
    """One row of axes per question, one column per score; right of the line is better.

    Parameters
    ----------
    tables : of one run, at least one
    path : of the PNG
    """
    heights = [0.9 + 0.3 * (len(table.cells) - 1) for table in tables]
    columns = max(len(table.headlines) for table in tables) or 1
    figure = pyplot.figure(figsize=(3.2 + 1.7 * columns, 0.5 + 1.1 * sum(heights)), layout="constrained")
    figure.suptitle("Difference to the first row, points, 95 % intervals; right is better", fontsize=9)
    bands = figure.subfigures(len(tables), 1, squeeze=False, height_ratios=heights)[:, 0]
    for band, table in zip(bands, tables, strict=True):
        heading = f"{table.question.asks}, against: {table.question.rows[0].name}"
        band.suptitle(heading, x=0.01, horizontalalignment="left", fontsize=9)
        axes = band.subplots(1, max(len(table.headlines), 1), squeeze=False)[0]
        for column, headline in enumerate(table.headlines):
            _draw_cells(axes[column], table, headline)
        axes[0].set_yticks(range(1, len(table.cells)), [row.name for row in table.question.rows[1:]])
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _draw_cells(axes: Axes, table: Table, headline: Headline) -> None:
    """One dot with its interval per row but the first."""
    axes.axvline(0, color="0.6", linewidth=0.8)
    axes.set_ylim(len(table.cells) - 0.5, 0.5)
    axes.set_yticks([])
    axes.tick_params(labelsize=7)
    axes.set_title(headline.title, fontsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(3))
    sign = 100 if headline.more_is_better else -100
    column = table.headlines.index(headline)
    for place, cells in enumerate(table.cells[1:], start=1):
        paired = cells[column].against_first
        assert paired is not None
        ends = [sign * paired.difference.low, sign * paired.difference.high]
        axes.plot(ends, [place, place], color="tab:blue", linewidth=1.5)
        axes.plot(sign * paired.difference.value, place, "o", color="tab:blue", markersize=4)
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, -LEAST_RANGE), max(high, LEAST_RANGE))
