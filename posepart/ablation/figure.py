"""The figure of an ablation: differences to the first variant with their intervals."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from posepart.ablation.table import Answer, Headline
from posepart.io.files import write_atomically

LEAST_RANGE = (
    0.5  # points; every axis reaches this far on either side of 0, so that tiny differences look tiny
)


def draw_answers(answers: Sequence[Answer], path: Path) -> None:
    """One band of axes per question, one column per score; right of the line is better.

    Parameters
    ----------
    answers : sequence of Answer
        Of one run, at least one.
    path : Path
        Of the PNG.
    """
    heights = [0.9 + 0.3 * (len(answer.cells) - 1) for answer in answers]
    columns = max(len(answer.headlines) for answer in answers) or 1
    figure = Figure(figsize=(3.2 + 1.7 * columns, 0.5 + 1.1 * sum(heights)), layout="constrained")
    figure.suptitle("Difference to the first row, points, 95 % intervals; right is better", fontsize=9)
    bands = figure.subfigures(len(answers), 1, squeeze=False, height_ratios=heights)[:, 0]
    for band, answer in zip(bands, answers, strict=True):
        first, *others = (variant.name for variant in answer.question.variants)
        heading = f"{answer.question.asks}, against: {first}"
        band.suptitle(heading, x=0.01, horizontalalignment="left", fontsize=9)
        axes = band.subplots(1, max(len(answer.headlines), 1), squeeze=False)[0]
        for column, headline in enumerate(answer.headlines):
            _draw_column(axes[column], answer, column, headline)
        axes[0].set_yticks(range(1, len(answer.cells)), others)
    write_atomically(path, lambda file: figure.savefig(file, format="png", dpi=110))


def _draw_column(axes: Axes, answer: Answer, column: int, headline: Headline) -> None:
    """One dot with its interval for every variant but the first."""
    axes.axvline(0, color="0.6", linewidth=0.8)
    axes.set_ylim(len(answer.cells) - 0.5, 0.5)
    axes.set_yticks([])
    axes.tick_params(labelsize=7)
    axes.set_title(headline.title, fontsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(3))
    sign = 100 if headline.more_is_better else -100
    for place, cells in enumerate(answer.cells[1:], start=1):
        paired = cells[column].against_first
        assert paired is not None
        ends = [sign * paired.difference.low, sign * paired.difference.high]
        axes.plot(ends, [place, place], color="tab:blue", linewidth=1.5)
        axes.plot(sign * paired.difference.value, place, "o", color="tab:blue", markersize=4)
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, -LEAST_RANGE), max(high, LEAST_RANGE))
