"""Check a data set: what it holds, and what is wrong with it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posepart.data.check_sample import Finding, check_sample
from posepart.data.coco_source import CocoSource
from posepart.data.readers import find_layout, read_samples, remarks_on
from posepart.data.sample import Sample
from posepart.data.summary import Counts, summarise
from posepart.io.terminal import progress

_SHOWN = 5  # findings of a kind that the terminal shows


@dataclass(frozen=True)
class DataReport:
    """The result of a check."""

    layout: str  # of the folder
    samples: dict[str, list[Sample]]  # of every split that could be read
    summaries: dict[str, dict[str, Counts]]  # what each of these splits holds
    findings: tuple[Finding, ...]  # in the order in which they were found
    remarks: tuple[str, ...] = ()  # of the readers; nothing that has to be mended


def check_data(
    folder: Path | CocoSource, splits: Sequence[str] | None = None, decode: bool = False
) -> DataReport:
    """Check a data set in its own joints and labels, with a progress bar.

    Parameters
    ----------
    folder : Path or CocoSource
        In any of `readers.LAYOUTS`, or a COCO file.
    splits : sequence of str, optional
        Names of splits; all by default.
    decode : bool
        Decode every photo; otherwise only their headers are read. Label maps are always decoded.

    Raises
    ------
    ValueError
        No layout fits, or there is no such split.
    """
    layout = find_layout(folder)
    present = layout.splits(Path(folder))
    unknown = [split for split in splits or () if split not in present]
    if unknown:
        raise ValueError(f"{folder}: has no split {unknown[0]!r}; there are {', '.join(present)}")
    samples: dict[str, list[Sample]] = {}
    findings: list[Finding] = []
    remarks: list[str] = []
    for split in splits or present:
        try:
            samples[split] = read_samples(folder, split, layout.schema)
            remarks += remarks_on(folder, split)
        except ValueError as error:
            findings.append(Finding("split that cannot be read", str(error)))
    summaries = {}
    for split, chosen in samples.items():
        pixels, photos = np.zeros(256, np.int64), np.zeros(256, np.int64)
        for sample in progress(chosen, split, unit="photo"):
            checked = check_sample(sample, decode)
            findings += checked.findings
            pixels += checked.pixels
            photos += checked.pixels > 0
        summaries[split] = summarise(chosen, pixels, photos)
        if not chosen:
            findings.append(Finding("empty split", f"{folder}: the split {split} holds no photo; add some"))
    findings += _repeated(samples)
    return DataReport(layout.name, samples, summaries, tuple(findings), tuple(dict.fromkeys(remarks)))


def _repeated(samples: dict[str, list[Sample]]) -> list[Finding]:
    """Findings about photos that occur twice, in one split or in two."""
    where: dict[Path, list[str]] = defaultdict(list)
    for split, chosen in samples.items():
        for sample in chosen:
            where[sample.image_path].append(split)
    findings = []
    for path, splits in where.items():
        if len({*splits}) > 1:
            names = " and ".join(dict.fromkeys(splits))
            sentence = f"{path}: is in {names}, which makes measures look too good; take it out of one"
            findings.append(Finding("photo in two splits", sentence))
        elif len(splits) > 1:
            sentence = f"{path}: occurs {len(splits)} times in {splits[0]}; put its people into one record"
            findings.append(Finding("repeated photo", sentence))
    return findings


def format_findings(findings: Sequence[Finding], shown: int | None = _SHOWN) -> str:
    """List the findings by kind, at most `shown` of each; None shows all."""
    by_kind: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        by_kind[finding.kind].append(finding)
    lines = []
    for kind, group in by_kind.items():
        lines.append(f"{kind}: {len(group)}")
        lines += [f"  {finding.sentence}" for finding in group[:shown]]
        if shown is not None and len(group) > shown:
            lines.append(f"  ... and {len(group) - shown} more")
    return "\n".join(lines)
