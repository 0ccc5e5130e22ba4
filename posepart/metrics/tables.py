"""Measures as JSON and as text."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from posepart.metrics.suite import Comparison, Measure

AS_THEY_ARE = ("false_people_per_photo",)  # every other value is a share and is printed in percent


def measures_to_record(measures: Iterable[Measure]) -> dict[str, dict[str, Any]]:
    """Name -> value, interval, counts; null where undefined."""
    return {
        m.name: {
            "value": _number(m.value),
            "low": _number(m.low),
            "high": _number(m.high),
            "photos": m.photos,
            "samples": m.samples,
            "counted": m.counted,
        }
        for m in measures
    }


def _number(value: float) -> float | None:
    return round(float(value), 6) if math.isfinite(value) else None


def format_measures(
    measures: Sequence[Measure],
    at_least: Mapping[str, float] | None = None,
    at_most: Mapping[str, float] | None = None,
) -> str:
    """A text table of the measures that have samples, with the bars they have to pass, in percent."""
    rows = [("measure", "value", "interval", "photos", "samples", "bar")]
    for m in measures:
        if m.samples or m.name in {**(at_least or {}), **(at_most or {})}:
            interval = f"{_text(m.name, m.low)} .. {_text(m.name, m.high)}"
            bar = _bar(m, at_least or {}, at_most or {})
            rows.append((m.name, _text(m.name, m.value), interval, str(m.photos), str(m.samples), bar))
    return _columns(rows)


def format_comparisons(comparisons: Sequence[Comparison]) -> str:
    """A text table of two systems, the second less the first with its paired interval."""
    rows = [("measure", "first", "second", "difference", "interval", "photos")]
    for c in comparisons:
        if not math.isnan(c.first):
            d = c.paired.difference
            first, second, value, low, high = (
                _text(c.name, v) for v in (c.first, c.second, d.value, d.low, d.high)
            )
            rows.append((c.name, first, second, value, f"{low} .. {high}", str(c.photos)))
    return _columns(rows)


def _text(name: str, value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:.3f}" if name in AS_THEY_ARE else f"{100 * value:.1f}"


def _bar(measure: Measure, at_least: Mapping[str, float], at_most: Mapping[str, float]) -> str:
    name, value = measure.name, measure.value
    if name in at_least:
        bar, passed = f">= {_text(name, at_least[name])}", value >= at_least[name]
    elif name in at_most:
        bar, passed = f"<= {_text(name, at_most[name])}", value <= at_most[name]
    else:
        return ""
    return f"{bar} {'not measured' if math.isnan(value) else 'passed' if passed else 'MISSED'}"


def _columns(rows: Sequence[Sequence[str]]) -> str:
    """First and last column to the left, the others to the right."""
    widths = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)]
        lines.append("  ".join([*cells, row[-1]]).rstrip())
    return "\n".join(lines)
