"""Measures as JSON and as text."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from posepart.metrics.measure import Comparison, Measure

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


def format_measures(measures: Sequence[Measure]) -> str:
    """A text table of the measures that have samples, in percent."""
    rows = [("measure", "value", "interval", "photos", "samples")]
    for m in measures:
        if m.samples:
            interval = f"{measure_text(m.name, m.low)} .. {measure_text(m.name, m.high)}"
            rows.append((m.name, measure_text(m.name, m.value), interval, str(m.photos), str(m.samples)))
    return _columns(rows)


def format_comparisons(comparisons: Sequence[Comparison]) -> str:
    """A text table of two systems, the second less the first with its paired interval."""
    rows = [("measure", "first", "second", "difference", "interval", "photos")]
    for c in comparisons:
        if not math.isnan(c.first):
            d = c.paired.difference
            first, second, value, low, high = (
                measure_text(c.name, v) for v in (c.first, c.second, d.value, d.low, d.high)
            )
            rows.append((c.name, first, second, value, f"{low} .. {high}", str(c.photos)))
    return _columns(rows)


def measure_text(name: str, value: float) -> str:
    """The value of a measure as it is printed: in percent, "-" where undefined."""
    if math.isnan(value):
        return "-"
    return f"{value:.3f}" if name in AS_THEY_ARE else f"{100 * value:.1f}"


def _columns(rows: Sequence[Sequence[str]]) -> str:
    """First column to the left, the others to the right."""
    widths = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells]))
    return "\n".join(lines)
