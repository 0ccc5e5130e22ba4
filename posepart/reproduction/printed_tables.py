"""The tables of both papers as printed (`printed/xia2017.yaml`, `printed/lip.yaml`), and a summary of them."""

from dataclasses import dataclass
from pathlib import Path

from posepart.io.yaml_files import read_yaml

FOLDER = Path(__file__).parent / "printed"
PAPERS = ("xia2017", "lip")
SUMMARY = "small"


@dataclass(frozen=True)
class PrintedTable:
    """A table of a paper.

    Attributes
    ----------
    key : str
        Its name on the command line and in files.
    title : str
        Its caption, in short.
    section : str
        The sections that discuss it.
    columns : tuple of str
        The heads of its columns.
    rows : dict of str to tuple
        Name of a system -> its numbers as printed, in percent; None where the paper prints none.
    less_is_better : bool
        Whether lower numbers are better.
    counts : bool
        Whether its numbers are counts instead of percentages.
    """

    key: str
    title: str
    section: str
    columns: tuple[str, ...]
    rows: dict[str, tuple[float | None, ...]]
    less_is_better: bool = False
    counts: bool = False

    def __post_init__(self) -> None:
        for name, numbers in self.rows.items():
            if len(numbers) != len(self.columns):
                raise ValueError(
                    f"{self.key}, row {name}: expected {len(self.columns)} numbers, got {len(numbers)}"
                )


def read_printed(paper: str) -> dict[str, PrintedTable]:
    """Read the tables of a paper, one of `PAPERS`, or the summary, by their keys and in its order."""
    content = read_yaml(FOLDER / f"{paper}.yaml")
    return {
        key: PrintedTable(
            key=key,
            title=entry["title"],
            section=str(entry["section"]),
            columns=tuple(entry["columns"]),
            rows={name: tuple(numbers) for name, numbers in entry["rows"].items()},
            less_is_better=entry.get("less_is_better", False),
            counts=entry.get("counts", False),
        )
        for key, entry in content["tables"].items()
    }
