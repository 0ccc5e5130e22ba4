"""Answers to questions: every variant's scores, and their differences to the first with paired intervals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posepart.ablation.paper_tables import PAPER_TABLES, column_scores
from posepart.ablation.variants import Question, Variant
from posepart.metrics.bootstrap import Score, Statistic, paired_bootstrap
from posepart.metrics.judged import ORIGINS, JudgedPhoto
from posepart.metrics.scores import scores_of
from posepart.metrics.tables import Cell, Row, Table, table_to_markdown, table_to_record


@dataclass(frozen=True)
class Headline:
    """A score that the tables show."""

    name: str  # in `scores_of`
    title: str
    more_is_better: bool = True


HEADLINES: tuple[Headline, ...] = (
    Headline("pose_map_pckh", "mAP"),
    Headline("pose_map_pose_box", "mAP (pose box)"),
    Headline("oks_ap", "OKS-AP"),
    Headline("pck_human", "PCK human"),
    Headline("pck_teacher", "PCK teacher"),
    Headline("pck_exact", "PCK exact"),
    Headline("adk", "ADK", more_is_better=False),
    Headline("part_miou_human", "mIoU human"),
    Headline("part_miou_derived", "mIoU derived"),
    Headline("part_miou_exact", "mIoU exact"),
)


def headlines_of(names: Sequence[str]) -> tuple[Headline, ...]:
    """The headlines among the names of scores: `HEADLINES`, and PCK by source where there are several sources."""
    fixed = [headline for headline in HEADLINES if headline.name in names]
    by_source = [Headline(name, f"PCK {name.removeprefix('pck_')}") for name in names if _is_of_source(name)]
    return (*fixed, *(by_source if len(by_source) > 1 else ()))


def _is_of_source(name: str) -> bool:
    """Whether a score is the PCK of one source (see `scores.pck_scores`)."""
    by_origin = {f"pck_{origin}" for origin in ORIGINS}
    return name.startswith("pck_") and not name.endswith("_unmirrored") and name not in by_origin


def columns_of(table: str, names: Sequence[str]) -> tuple[Headline, ...]:
    """The columns of one of the paper's tables among the names of scores."""
    paper = PAPER_TABLES[table]
    columns = (Headline(f"{table}: {column}", column, paper.more_is_better) for column in paper.columns)
    return tuple(column for column in columns if column.name in names)


@dataclass(frozen=True)
class Answer:
    """The scores of a question's variants."""

    question: Question
    headlines: tuple[Headline, ...]  # the scores that every variant has
    cells: tuple[tuple[Cell, ...], ...]  # cells[i][j]: headline j of variant i

    def table(self, column: Callable[[Headline], str], note: str = "") -> Table:
        """One row per variant, and one column per headline, whose head `column` gives."""
        rows = tuple(
            Row(variant.name, cells)
            for variant, cells in zip(self.question.variants, self.cells, strict=True)
        )
        return Table(self.question.key, self.question.asks, note, tuple(map(column, self.headlines)), rows)


def headline_scores(photos: Sequence[JudgedPhoto]) -> dict[str, Score]:
    """The scores of the headlines that have samples, by name, with `remembered` statistics, and `column_scores`."""
    scores = {score.name: score for score in scores_of(photos) if score.samples}
    shown = [scores[headline.name] for headline in headlines_of(tuple(scores))]
    headlines = {score.name: replace(score, statistic=remembered(score.statistic)) for score in shown}
    return headlines | column_scores(photos)


def remembered(statistic: Statistic) -> Statistic:
    """A statistic that is computed once per bootstrap sample; that of the first variant is needed many times."""
    of_bytes = cache(lambda drawn: float(statistic(np.frombuffer(drawn, np.int64))))

    def recall(weights: NDArray[np.int64]) -> float:
        return of_bytes(weights.astype(np.int64).tobytes())

    return recall


def answer(
    question: Question,
    scores: Mapping[Variant, Mapping[str, Score]],
    replicates: int,
    seed: int,
    table: str | None = None,
) -> Answer:
    """Compare the variants of a question.

    Parameters
    ----------
    question : Question
    scores : mapping of Variant to its scores by name
        From `headline_scores`, on the same photos in the same order for every variant of the question.
    replicates, seed : int
        Of the bootstrap over photos.
    table : str, optional
        One of `PAPER_TABLES`, whose columns are then compared in place of the headlines.
    """
    variants = question.variants
    first = scores[variants[0]]
    shared = [name for name in first if all(name in scores[variant] for variant in variants)]
    headlines = headlines_of(shared) if table is None else columns_of(table, shared)
    cells = tuple(
        tuple(
            _cell(first[h.name] if i else None, scores[variant][h.name], replicates, seed) for h in headlines
        )
        for i, variant in enumerate(variants)
    )
    return Answer(question, headlines, cells)


def _cell(first: Score | None, own: Score, replicates: int, seed: int) -> Cell:
    value = float(own.statistic(np.ones(own.photos, dtype=np.int64)))
    paired = None
    if first is not None:
        paired = paired_bootstrap(first.statistic, own.statistic, own.photos, replicates, seed)
    return Cell(value, paired, photos=own.photos, samples=own.samples)


def to_record(answer: Answer) -> dict[str, Any]:
    """An answer as plain values for JSON, its scores by their names; see `table_to_record`."""
    rows = table_to_record(answer.table(lambda headline: headline.name))
    return {"asks": answer.question.asks, "note": answer.question.note, "rows": rows}


def to_markdown(answer: Answer) -> str:
    """An answer as a section in Markdown, in percent; see `table_to_markdown`."""
    sizes = ", ".join(
        f"{h.title}: {cell.photos}" for h, cell in zip(answer.headlines, answer.cells[0], strict=True)
    )
    note = f"{answer.question.note} Photos: {sizes}.".strip()
    return table_to_markdown(answer.table(_title, note), level=2)


def table_to_section(key: str, answer: Answer) -> str:
    """The answer in the columns of one of the paper's tables as a subsection in Markdown."""
    paper = PAPER_TABLES[key]
    less = "" if paper.more_is_better else ", less is better"
    table = replace(answer.table(lambda headline: headline.title), title=f"{paper.title}{less}")
    return table_to_markdown(table, level=3)


def _title(headline: Headline) -> str:
    return headline.title if headline.more_is_better else f"{headline.title} (less is better)"
