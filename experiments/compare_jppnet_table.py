"""The tables of `compare_jppnet.py`: scores averaged over seeds, with intervals over photos."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from posepart.io.files import write_atomically, write_json
from posepart.metrics.bootstrap import Interval, Score, bootstrap_interval, paired_bootstrap


@dataclass(frozen=True)
class Cell:
    """A score, the mean over the seeds, and its difference to the first row's; None for the first row.

    seeds: the score of each training.
    """

    value: Interval
    against_first: Interval | None
    seeds: tuple[float, ...]


def mean_over_seeds(scores: Sequence[Score]) -> Score:
    """The mean of one statistic of several networks on the same photos, as a statistic of those photos."""
    return replace(
        scores[0], statistic=lambda weights: float(np.mean([s.statistic(weights) for s in scores]))
    )


def cells_of(
    trainings: Sequence[Sequence[Score]], first: Sequence[Score] | None, replicates: int, seed: int
) -> dict[str, Cell]:
    """The cells of a row by name; intervals are bootstrapped over photos, differences with the same photos.

    trainings: the scores of the networks of all seeds. first: those of the first row, `mean_over_seeds`.
    """
    cells = {}
    for i, of_seeds in enumerate(zip(*trainings, strict=True)):
        score = mean_over_seeds(of_seeds)
        value = bootstrap_interval(score.statistic, score.photos, replicates, seed)
        difference = None
        if first is not None:
            paired = paired_bootstrap(first[i].statistic, score.statistic, score.photos, replicates, seed)
            difference = paired.difference
        every_photo = np.ones(score.photos, np.int64)
        cells[score.name] = Cell(value, difference, tuple(s.statistic(every_photo) for s in of_seeds))
    return cells


def to_markdown(title: str, rows: dict[str, dict[str, Cell]]) -> str:
    """A table in percent; in brackets the difference to the first row, in braces the lowest and highest seed."""
    columns = list(next(iter(rows.values())))
    lines = [f"## {title}", "", f"| row | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name, cells in rows.items():
        lines.append(f"| {name} | {' | '.join(_cell_text(cell) for cell in cells.values())} |")
    return "\n".join([*lines, ""])


def _cell_text(cell: Cell) -> str:
    text = "{:.1f}, {:.1f} .. {:.1f}".format(*(100 * v for v in _numbers(cell.value)))
    if cell.against_first is not None:
        text += " ({:+.1f}, {:+.1f} .. {:+.1f})".format(*(100 * v for v in _numbers(cell.against_first)))
    if len(cell.seeds) > 1:
        text += f" {{{100 * min(cell.seeds):.1f} .. {100 * max(cell.seeds):.1f}}}"
    return text


def _numbers(interval: Interval) -> tuple[float, float, float]:
    return interval.value, interval.low, interval.high


def _record(cell: Cell) -> dict[str, Any]:
    def plain(interval: Interval) -> dict[str, float | None]:
        return {k: round(v, 6) if math.isfinite(v) else None for k, v in asdict(interval).items()}

    record: dict[str, Any] = {**plain(cell.value), "seeds": [round(value, 6) for value in cell.seeds]}
    return record if cell.against_first is None else {**record, "against_first": plain(cell.against_first)}


def write_tables(
    out: Path, tables: dict[str, dict[str, dict[str, Cell]]], samples: dict[str, int], about: dict[str, Any]
) -> str:
    """Write jppnet.md and jppnet.json; returns the Markdown."""
    head = (
        f"# JPPNet and SS-JPPNet, variants trained alike\n\n{about['images_per_row']} images per row after "
        f"{about['images_before']} of the parser alone; crops of {about['crop']} px; labelled boxes of "
        f"{about['photos']} val photos. Percent, mean over {len(about['seeds'])} trainings, with 95 % bootstrap "
        "intervals over photos; in brackets the difference to the first row, in braces the lowest and the highest "
        "training. Counted: " + ", ".join(f"{name} {count}" for name, count in samples.items()) + ".\n\n"
    )
    text = head + "\n".join(to_markdown(title, rows) for title, rows in tables.items() if rows)
    write_atomically(out / "jppnet.md", lambda file: file.write(text.encode()))
    records = {
        title: {row: {name: _record(cell) for name, cell in cells.items()} for row, cells in rows.items()}
        for title, rows in tables.items()
    }
    write_json(out / "jppnet.json", {**about, "samples": samples, "tables": records})
    return text
