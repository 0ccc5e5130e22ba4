"""What Markdown pages hold: fenced blocks, inline code, links, headings, tables."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"<!--(.*?)-->\s*\Z", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    page: Path
    line: int
    language: str
    text: str
    remark: str  # the HTML comment before it, if there is one

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page: Path, language: str) -> list[Block]:
    """The fenced blocks of a page in one language."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        if match[1] == language:
            remark = _COMMENT.search(text[: match.start()])
            line = text.count("\n", 0, match.start()) + 2
            found.append(Block(page, line, language, match[2], remark[1].strip() if remark else ""))
    return found


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def inline_code(page: Path) -> list[str]:
    """What stands between backticks in the prose of a page."""
    return re.findall(r"`([^`\n]+)`", prose(page))


def links(page: Path) -> Iterator[tuple[str, str]]:
    """Target and anchor of every link and picture of a page that does not lead to another host."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            yield path, anchor


def anchors(page: Path) -> set[str]:
    """The anchors of the headings of a page, as mkdocs makes them."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", title).strip().lower()) for title in titles}


def tables(page: Path) -> list[list[list[str]]]:
    """All tables of a page: rows of cells, the header first."""
    found: list[list[list[str]]] = []
    inside = False
    for line in prose(page).splitlines():
        if line.startswith("|"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if not inside:
                found.append([])
            if not all(set(cell) <= set(":- ") and cell for cell in cells):
                found[-1].append(cells)
        inside = line.startswith("|")
    return found


def table(page: Path, *header: str) -> list[list[str]]:
    """The rows of all tables of a page whose header begins with these cells."""
    return [row for rows in tables(page) if tuple(rows[0][: len(header)]) == header for row in rows[1:]]
