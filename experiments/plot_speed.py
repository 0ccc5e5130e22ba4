"""Plot what is measured on labelled photos over the seconds of a photo, a point for each speed.

    python experiments/bench_pipeline.py --speed accurate balanced fast -o times.json
    python experiments/plot_speed.py times.json --report accurate=REPORT fast=REPORT -o speed.png

A REPORT is the folder that `posepart evaluate` wrote for results of that speed. `--measure` names keys of "measures"
in its metrics.json; each gets a panel, with the report's 95 % intervals. The extra `report` is needed.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from posepart.io.files import read_json
from posepart.report.figures import BLUE, GREY, require_matplotlib
from posepart.training.scripts import run_script, script_parser

MEASURES = ("pck_human", "oks_ap", "part_miou_human")
Point = tuple[str, float, float, tuple[float, float] | None]  # speed, seconds, value, interval


def read_points(times: Path, reports: Mapping[str, Path], photo: str, measure: str) -> list[Point]:
    """The points of one panel.

    Parameters
    ----------
    times : Path
        The JSON file of `bench_pipeline.py`.
    reports : mapping of str to Path
        Folder of the report by speed.
    photo : str
        A photo of the benchmark, such as "3 people".
    measure : str

    Raises
    ------
    ValueError
        A file is missing or damaged, or lacks the speed, the photo or the measure.
    """
    points: list[Point] = []
    for speed, folder in reports.items():
        seconds = _at(times, "measured", "alone", speed, photo, "total")
        found = _at(folder / "metrics.json", "measures", measure)
        interval = None if found["low"] is None else (float(found["low"]), float(found["high"]))
        points.append((speed, float(seconds), float(found["value"]), interval))
    return points


def _at(path: Path, *keys: str) -> Any:
    """What a JSON file holds under keys within keys."""
    try:
        found = read_json(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read ({error})") from error
    for depth, key in enumerate(keys):
        if not isinstance(found, Mapping) or key not in found:
            known = ", ".join(map(str, found)) if isinstance(found, Mapping) else "nothing"
            raise ValueError(
                f"{path}: has no {key!r} under {'/'.join(keys[:depth]) or 'the top'}, but {known}"
            )
        found = found[key]
    return found


def draw(path: Path, panels: Mapping[str, Sequence[Point]], photo: str) -> None:
    """Write the plot as the kind of picture that the suffix names."""
    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.4 * len(panels), 3.2), layout="constrained")
    for axis, (measure, points) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        for speed, seconds, value, interval in points:
            if interval is not None:
                axis.plot([seconds, seconds], interval, color=GREY, zorder=1)
            axis.scatter([seconds], [value], color=BLUE, zorder=2)
            axis.annotate(speed, (seconds, value), xytext=(6, 4), textcoords="offset points")
        axis.set(title=measure, xlabel=f"seconds, {photo}")
        axis.set_xlim(left=0, right=1.35 * max(point[1] for point in points))
        axis.grid(alpha=0.3)
    figure.savefig(path, dpi=150)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = script_parser(__doc__)
    parser.add_argument("times", type=Path, help="JSON file of bench_pipeline.py")
    parser.add_argument("--report", nargs="+", required=True, metavar="SPEED=REPORT")
    parser.add_argument("--measure", nargs="+", default=list(MEASURES), help="keys of metrics.json")
    parser.add_argument("--photo", default="3 people", help="of the benchmark")
    parser.add_argument("-o", "--output", type=Path, required=True, help="picture to write")
    options = parser.parse_args(arguments)
    named = [text.partition("=") for text in options.report]
    for speed, separator, folder in named:
        if not (speed and separator and folder):
            raise ValueError(f"--report {speed}{separator}{folder}: expected SPEED=REPORT")
    reports = {speed: Path(folder) for speed, _, folder in named}
    panels = {name: read_points(options.times, reports, options.photo, name) for name in options.measure}
    draw(options.output, panels, options.photo)
    print(f"wrote {options.output}")


if __name__ == "__main__":
    run_script(main)
