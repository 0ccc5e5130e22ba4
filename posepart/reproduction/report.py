"""The report of a reproduction: index.html, tables.md and tables.csv, with pictures beside them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from posepart.io.files import write_text
from posepart.metrics.tables import Table, table_to_markdown
from posepart.report.page import Block, Page, Picture, Section, page_to_html
from posepart.reproduction.comparison import Comparison, to_csv

PAGE, MARKDOWN, CSV = "index.html", "tables.md", "tables.csv"


def write_report(
    out: Path,
    title: str,
    comparisons: Sequence[Comparison],
    pictures: Sequence[Picture],
    about: Mapping[str, str],
    others: Sequence[Block] = (),
) -> None:
    """Write the tables as a page, as Markdown and as CSV, replacing those of an earlier run.

    Parameters
    ----------
    out : Path
        Folder.
    title : str
    comparisons : sequence of Comparison
        The tables, in order.
    pictures : sequence of Picture
        Files that are there already.
    about : mapping of str to str
        How the numbers came about.
    others : sequence of Block
        Tables and plots besides those of the paper.
    """
    tables = [comparison.table() for comparison in comparisons]
    sections = [
        Section("tables", "Tables", tuple(tables)),
        Section("figures", "Figures", (*others, *pictures)),
    ]
    subtitle = "Printed numbers of the paper, and ours below each, with 95 % bootstrap intervals over photos"
    page = Page(title, subtitle, (), about, tuple(section for section in sections if section.blocks))
    head = Table("head", title, f"{subtitle}.", (), ())
    extra = [block for block in others if isinstance(block, Table)]
    write_text(out / PAGE, page_to_html(page))
    write_text(out / MARKDOWN, "\n".join(table_to_markdown(table) for table in (head, *tables, *extra)))
    write_text(out / CSV, to_csv(comparisons))
