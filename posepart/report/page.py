"""The page of a report: HTML that needs no other files but the pictures beside it.

All text that comes from files (names, settings, sources) is escaped here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from posepart.metrics.tables import Table, html_grid, percent, table_to_html
from posepart.report.page_style import STYLE
from posepart.report.worst_cases import Case


@dataclass(frozen=True)
class Tile:
    """One of the few numbers at the top of the page."""

    label: str  # what it is
    value: str
    detail: str  # its interval, and what it was measured on


@dataclass(frozen=True)
class Plot:
    """A figure."""

    title: str
    caption: str  # says why where there is nothing to draw
    svg: str  # empty where there is nothing to draw
    narrow: bool = False


@dataclass(frozen=True)
class Gallery:
    """Photos, the worst first."""

    title: str
    note: str
    score_name: str
    cases: tuple[Case, ...]
    pictures: tuple[tuple[str, str], ...]  # file names of labels and result, in the order of the cases


@dataclass(frozen=True)
class Picture:
    """A picture in a file beside the page."""

    title: str
    caption: str
    file: str  # its path from the page's folder, with "/"


@dataclass(frozen=True)
class Details:
    """A long table that is folded away."""

    table: Table


Block = Table | Plot | Gallery | Picture | Details


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading."""

    name: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Page:
    """The whole page."""

    title: str
    subtitle: str
    tiles: tuple[Tile, ...]
    about: Mapping[str, str]  # what was measured and how, in words
    sections: tuple[Section, ...]


def page_to_html(page: Page) -> str:
    """Render the page as one HTML document."""
    links = "".join(f'<a href="#{escape(s.name)}">{escape(s.title)}</a>' for s in page.sections)
    tiles = "".join(
        f'<div class="tile"><span class="label">{escape(t.label)}</span><span class="value">{escape(t.value)}'
        f'</span><span class="detail">{escape(t.detail)}</span></div>\n'
        for t in page.tiles
    )
    about = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>\n" for k, v in page.about.items())
    sections = "\n".join(_section(section) for section in page.sections)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(page.title)}</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>{escape(page.title)}</h1>
<p class="subtitle">{escape(page.subtitle)}</p>
</header>
<nav>{links}</nav>
<main>
<div class="tiles">
{tiles}</div>
{sections}
<section id="about">
<h2>How it was measured</h2>
<dl>
{about}</dl>
</section>
</main>
</body>
</html>
"""


def _section(section: Section) -> str:
    blocks = "\n".join(_block(block) for block in section.blocks)
    return f'<section id="{escape(section.name)}">\n<h2>{escape(section.title)}</h2>\n{blocks}\n</section>'


def _block(block: Block) -> str:
    if isinstance(block, Table):
        return table_to_html(block)
    if isinstance(block, Plot):
        return _plot(block)
    if isinstance(block, Picture):
        return _picture(block)
    return _gallery(block) if isinstance(block, Gallery) else _details(block.table)


def _picture(picture: Picture) -> str:
    file, title = quote(picture.file), escape(picture.title)
    return (
        f'<figure class="wide"><a href="{file}"><img src="{file}" alt="{title}"></a>'
        f"<figcaption><strong>{title}.</strong> {escape(picture.caption)}</figcaption></figure>"
    )


def _plot(plot: Plot) -> str:
    caption = f"<figcaption><strong>{escape(plot.title)}.</strong> {escape(plot.caption)}</figcaption>"
    if not plot.svg:
        return f'<figure class="absent">{caption}</figure>'
    kind = "narrow" if plot.narrow else "wide"
    return (
        f'<figure class="{kind}"><div role="img" aria-label="{escape(plot.title)}">{plot.svg}</div>{caption}'
        "</figure>"
    )


def _gallery(gallery: Gallery) -> str:
    head = f"<h3>{escape(gallery.title)}</h3>\n<p>{escape(gallery.note)}</p>"
    cases = "\n".join(
        _case(rank, case, pictures, gallery.score_name)
        for rank, (case, pictures) in enumerate(zip(gallery.cases, gallery.pictures, strict=True), start=1)
    )
    return f'{head}\n<div class="gallery">\n{cases}\n</div>'


def _case(rank: int, case: Case, pictures: tuple[str, str], score_name: str) -> str:
    images = "".join(
        f'<div><a href="{quote(file)}"><img src="{quote(file)}" loading="lazy" alt="{escape(kind)} of '
        f'{escape(case.name)}"></a><span>{escape(kind)}</span></div>'
        for kind, file in zip(("labels", "result"), pictures, strict=True)
    )
    return (
        f'<figure class="case"><div class="pair">{images}</div><figcaption><strong>{rank}.</strong> '
        f'<code>{escape(case.name)}</code><span class="score">{escape(score_name)} {percent(case.score)} %</span>'
        "</figcaption></figure>"
    )


def _details(table: Table) -> str:
    return (
        f"<details><summary>{escape(table.title)}</summary>\n<p>{escape(table.note)}</p>\n"
        f"{html_grid(table, 'measures')}</details>"
    )
