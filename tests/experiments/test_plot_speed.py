"""The plot of accuracy over seconds: its points by hand, and what it says of files that do not fit."""

import json
from pathlib import Path

import plot_speed
import pytest


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    """Times of two speeds, and a report of each, the second without intervals."""
    rows = {"accurate": {"3 people": {"total": 0.5}}, "fast": {"3 people": {"total": 0.25}}}
    (tmp_path / "times.json").write_text(json.dumps({"measured": {"alone": rows, "busy": None}}))
    for speed, found in {
        "accurate": {"value": 0.8, "low": 0.7, "high": 0.9},
        "fast": {"value": 0.75, "low": None, "high": None},
    }.items():
        (tmp_path / speed).mkdir()
        (tmp_path / speed / "metrics.json").write_text(json.dumps({"measures": {"oks_ap": found}}))
    return tmp_path


def test_points(measured: Path) -> None:
    reports = {speed: measured / speed for speed in ("accurate", "fast")}
    points = plot_speed.read_points(measured / "times.json", reports, "3 people", "oks_ap")
    assert points == [("accurate", 0.5, 0.8, (0.7, 0.9)), ("fast", 0.25, 0.75, None)]


def test_the_picture(measured: Path) -> None:
    pytest.importorskip("matplotlib")
    reports = [f"{speed}={measured / speed}" for speed in ("accurate", "fast")]
    out = measured / "speed.svg"
    command = [str(measured / "times.json"), "--report", *reports, "--measure", "oks_ap", "-o", str(out)]
    plot_speed.main(command)
    text = out.read_text(encoding="utf-8")
    assert text.count("<!-- accurate -->") == text.count("<!-- fast -->") == 1
    assert "<!-- seconds, 3 people -->" in text and "<!-- oks_ap -->" in text


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--report", "fast"], "--report fast: expected SPEED=REPORT"),
        (["--report", "fast=nowhere"], "metrics.json: cannot be read"),
        (["--report", "quick={}/fast"], "has no 'quick' under measured/alone, but accurate, fast"),
        (["--report", "fast={}/fast", "--measure", "pck"], "has no 'pck' under measures, but oks_ap"),
        (
            ["--report", "fast={}/fast", "--photo", "x.jpg"],
            "has no 'x.jpg' under measured/alone/fast, but 3 people",
        ),
    ],
)
def test_what_is_missing(options: list[str], sentence: str, measured: Path) -> None:
    command = [text.format(measured) for text in options]
    with pytest.raises(ValueError, match=sentence):
        plot_speed.main([str(measured / "times.json"), *command, "-o", str(measured / "speed.png")])
    assert not (measured / "speed.png").exists()
