"""An audit of a data set: findings.csv, index.html and pictures/, written completely or not at all."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from PIL import Image

from posepart.audit.findings import KINDS, Finding
from posepart.audit.page import audit_html, picture_of
from posepart.data.sample import Sample
from posepart.io.files import write_atomically, write_text
from posepart.io.terminal import progress
from posepart.report.folder import complete_folder

FILES = ("index.html", "findings.csv", "pictures")
COLUMNS = ("finding", "kind", "price", "photo", "person", "x0", "y0", "x1", "y1", "words")
_QUALITY = 88  # of the JPEG pictures


def audit_samples(
    samples: Iterable[Sample], audit: Callable[[Sample], list[Finding]]
) -> tuple[list[Finding], list[str]]:
    """Audit one photo after the other.

    Returns
    -------
    list of Finding
        Ordered by kind, the dearest first.
    list of str
        A sentence for each photo that could not be audited.
    """
    findings: list[Finding] = []
    failures: list[str] = []
    for sample in progress(samples, unit="photo"):
        try:
            findings += audit(sample)
        except ValueError as error:
            failures.append(str(error))
    order = list(KINDS)
    return sorted(findings, key=lambda f: (order.index(f.kind), -f.price, f.sample.name)), failures


def chosen_findings(findings: Sequence[Finding], most: int) -> list[Finding]:
    """The dearest of each kind, at most `most`, in their order."""
    left = dict.fromkeys(KINDS, most)
    chosen = []
    for finding in findings:
        if left[finding.kind] > 0:
            left[finding.kind] -= 1
            chosen.append(finding)
    return chosen


def write_audit(
    findings: Sequence[Finding], out: Path, title: str, about: Mapping[str, str], most: int
) -> None:
    """Write the folder of an audit; an earlier one there is replaced.

    Parameters
    ----------
    findings : sequence of Finding
        In the order of `audit_samples`. All of them are listed in the table.
    out : Path
    title : str
    about : mapping
        See `audit_html`.
    most : int
        How many of each kind the page shows.

    Raises
    ------
    ValueError
        The folder holds other files, or cannot be written.
    """
    shown = chosen_findings(findings, most)
    names = [f"pictures/{number:04d}.jpg" for number in range(1, len(shown) + 1)]
    try:
        with complete_folder(out, FILES) as folder:
            (folder / "pictures").mkdir()
            for finding, name in zip(shown, names, strict=True):
                picture = Image.fromarray(picture_of(finding, finding.sample.read_image()))
                write_atomically(folder / name, partial(picture.save, format="JPEG", quality=_QUALITY))
            numbers = {id(finding): number for number, finding in enumerate(shown, start=1)}
            write_text(folder / "findings.csv", _table(findings, numbers))
            write_text(folder / "index.html", audit_html(title, shown, names, about))
    except OSError as error:
        raise ValueError(f"{out}: cannot be written ({error.strerror or error}); choose another -o") from None


def _table(findings: Sequence[Finding], numbers: Mapping[int, int]) -> str:
    """All findings; those on the page with its numbers."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for f in findings:
        box = [f"{value:.1f}" for value in f.box.tolist()]
        number, person = numbers.get(id(f), ""), f.person or ""
        table.writerow([number, f.kind, f"{f.price:.2f}", f.sample.name, person, *box, f.words])
    return text.getvalue()
