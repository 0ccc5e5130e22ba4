"""The picture of `ablate.py`: differences to the first row with their intervals."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.axes import Axes

from posepart.ablation_table import Headline, Table


def draw(tables: Sequence[Table], path: Path) -> None:
    """One row of axes per question, one column per score; right of the line is better.

    Parameters
    ----------
    tables : of one run, at least one
    path : of the PNG
    """
    headlines = tuple(dict.fromkeys(h for table in tables for h in table.headlines))
    heights = [0.6 + 0.3 * (len(table.cells) - 1) for table in tables]
    figure, grid = pyplot.subplots(
        len(tables),
        max(len(headlines), 1),
        figsize=(3.2 + 1.7 * max(len(headlines), 1), 1.0 + 1.1 * sum(heights)),
        gridspec_kw={"height_ratios": heights},
        squeeze=False,
    )
    for axes, table in zip(grid, tables, strict=True):
        for column, headline in enumerate(headlines):
            _draw_cells(axes[column], table, headline)
            axes[column].set_title(headline.title, fontsize=8)
        axes[0].set_yticks(range(1, len(table.cells)), [row.name for row in table.question.rows[1:]])
        axes[0].set_ylabel(f"{table.question.key}\nagainst\n{table.question.rows[0].name}", fontsize=7)
    figure.suptitle("Difference to the first row, points, 95 % intervals; right is better", fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _draw_cells(axes: Axes, table: Table, headline: Headline) -> None:
    """One dot with its interval per row but the first."""
    axes.axvline(0, color="0.6", linewidth=0.8)
    axes.set_ylim(len(table.cells) - 0.5, 0.5)
    axes.set_yticks([])
    axes.tick_params(labelsize=7)
    if headline not in table.headlines:
        axes.set_xticks([])
        return
    sign = 100 if headline.more_is_better else -100
    column = table.headlines.index(headline)
    for place, cells in enumerate(table.cells[1:], start=1):
        paired = cells[column].against_first
        assert paired is not None
        ends = [sign * paired.difference.low, sign * paired.difference.high]
        axes.plot(ends, [place, place], color="tab:blue", linewidth=1.5)
        axes.plot(sign * paired.difference.value, place, "o", color="tab:blue", markersize=4)
