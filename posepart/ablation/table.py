"""Tables of ablations: every variant's scores, and its difference to the first with a paired interval."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posepart.ablation.variants import Question, Variant
from posepart.metrics.bootstrap import Interval, PairedDifference, Score, Statistic, paired_bootstrap
from posepart.metrics.judged import JudgedPhoto
from posepart.metrics.scores import scores_of


@dataclass(frozen=True)
class Headline:
    """A score that the tables show: its name in `scores_of`, its title, and whether more is better."""

    name: str
    title: str
    more_is_better: bool = True


HEADLINES: tuple[Headline, ...] = (
    Headline("pose_map_pckh", "mAP"),
    Headline("pose_map_pose_box", "mAP (pose box)"),
    Headline("oks_ap", "OKS-AP"),
    Headline("pck_lsp_extended", "PCK LSP"),
    Headline("pck_human", "PCK human"),
    Headline("pck_teacher", "PCK teacher"),
    Headline("pck_exact", "PCK exact"),
    Headline("adk", "ADK", more_is_better=False),
    Headline("part_miou_human", "mIoU human"),
    Headline("part_miou_derived", "mIoU derived"),
    Headline("part_miou_exact", "mIoU exact"),
)


@dataclass(frozen=True)
class Cell:
    """A score of a variant. against_first: None for the first variant of a question. photos, samples: as `Score`."""

    value: float
    against_first: PairedDifference | None
    photos: int
    samples: int


@dataclass(frozen=True)
class Table:
    """The answer to a question: cells[i][j] is headline j of row i."""

    question: Question
    headlines: tuple[Headline, ...]
    cells: tuple[tuple[Cell, ...], ...]


class Remembered:
    """A statistic that computes each drawing of photos once, as the first variant is compared many times."""

    def __init__(self, statistic: Statistic) -> None:
        self.statistic = statistic
        self._values: dict[bytes, float] = {}

    def __call__(self, weights: NDArray[np.int64]) -> float:
        """The value with those weights, (I,) counts."""
        key = weights.tobytes()
        if key not in self._values:
            self._values[key] = float(self.statistic(weights))
        return self._values[key]


def headline_scores(photos: Sequence[JudgedPhoto]) -> dict[str, Score]:
    """The scores of the headlines that have samples, by name, each remembering what it computed."""
    wanted = {headline.name for headline in HEADLINES}
    return {
        score.name: Score(score.name, score.counted, score.photos, score.samples, Remembered(score.statistic))
        for score in scores_of(photos)
        if score.name in wanted and score.samples
    }


def answer(
    question: Question, scores: Mapping[Variant, Mapping[str, Score]], replicates: int, seed: int
) -> Table:
    """Compare the rows of a question.

    Parameters
    ----------
    question : Question
    scores : of `headline_scores`, on the same photos in the same order for every variant of the question.
    replicates, seed : of the bootstrap over photos.
    """
    first = scores[question.rows[0].variant]
    headlines = tuple(h for h in HEADLINES if all(h.name in scores[row.variant] for row in question.rows))
    cells = tuple(
        tuple(
            _cell(first[h.name] if i else None, scores[row.variant][h.name], replicates, seed)
            for h in headlines
        )
        for i, row in enumerate(question.rows)
    )
    return Table(question, headlines, cells)


def _cell(first: Score | None, own: Score, replicates: int, seed: int) -> Cell:
    value = float(own.statistic(np.ones(own.photos, dtype=np.int64)))
    if first is None:
        return Cell(value, None, own.photos, own.samples)
    paired = paired_bootstrap(first.statistic, own.statistic, own.photos, replicates, seed)
    return Cell(value, paired, own.photos, own.samples)


def to_record(table: Table) -> dict[str, Any]:
    """A table as plain values for JSON; null where undefined."""
    rows = {
        row.name: {h.name: _cell_record(cell) for h, cell in zip(table.headlines, cells, strict=True)}
        for row, cells in zip(table.question.rows, table.cells, strict=True)
    }
    return {"asks": table.question.asks, "note": table.question.note, "rows": rows}


def _cell_record(cell: Cell) -> dict[str, Any]:
    record: dict[str, Any] = {"value": _number(cell.value), "photos": cell.photos, "samples": cell.samples}
    if cell.against_first is not None:
        difference = cell.against_first.difference
        record["difference"] = _number(difference.value)
        record["interval"] = [_number(difference.low), _number(difference.high)]
        record["share_above"] = _number(cell.against_first.share_above)
    return record


def _number(value: float) -> float | None:
    return round(float(value), 6) if math.isfinite(value) else None


def to_markdown(table: Table) -> str:
    """A table in Markdown, in percent; differences in points, in bold where their interval leaves out 0."""
    titles = ["", *(f"{h.title}{'' if h.more_is_better else ' (less is better)'}" for h in table.headlines)]
    lines = [f"## {table.question.asks}", ""]
    lines += [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"]
    for row, cells in zip(table.question.rows, table.cells, strict=True):
        lines.append(f"| {' | '.join([row.name, *(_cell_text(cell) for cell in cells)])} |")
    sizes = (f"{h.title}: {cell.photos}" for h, cell in zip(table.headlines, table.cells[0], strict=True))
    lines += ["", f"Photos: {', '.join(sizes)}."]
    return "\n".join([*lines, *(["", table.question.note] if table.question.note else []), ""])


def _cell_text(cell: Cell) -> str:
    value = f"{100 * cell.value:.1f}"
    if cell.against_first is None:
        return value
    return f"{value} ({difference_text(cell.against_first.difference)})"


def difference_text(difference: Interval) -> str:
    """As in "+0.6, -0.2 .. +1.5", in points."""
    text = f"{100 * difference.value:+.1f}"
    if math.isnan(difference.low):
        return text
    text += f", {100 * difference.low:+.1f} .. {100 * difference.high:+.1f}"
    clear = difference.low > 0 or difference.high < 0
    return f"**{text}**" if clear else text
