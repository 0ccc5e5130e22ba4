"""The figures of a report as SVG, drawn with matplotlib (the extra `report`).

Text in them remains text, shown in the fonts of the page. Every function returns an `<svg>` element.
"""

import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from posepart.metrics.average_precision import (
    Detections,
    area_under_curves,
    at_threshold,
    interpolated_precision,
    precision_recall,
)
from posepart.metrics.calibration import expected_calibration_error, reliability
from posepart.metrics.coco_matching import COCO_THRESHOLDS
from posepart.metrics.collect import ScoredJoints
from posepart.metrics.pck import PCK_FRACTION
from posepart.metrics.people import JOINT_GROUPS
from posepart.schema import PART_NAMES, Joint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREY, INK = "#2563a8", "#d97706", "#9aa3ad", "#1f2933"
# One colour per joint group, from a palette that colour-blind readers can distinguish (Okabe and Ito).
GROUP_COLOURS = ("#111111", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
FURTHEST = 1.0  # torso diameters; the end of the axis of errors
BOX_THRESHOLDS_SHOWN = (0.5, 0.75, 0.9)

_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "posepart",  # equal figures are equal bytes
    "text.parse_math": False,  # names of stages come from files
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e9ed",
    "grid.linewidth": 0.7,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 0.0,
    "ytick.major.size": 0.0,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.6,
}


def require_matplotlib() -> None:
    """Check that matplotlib is installed.

    Raises
    ------
    ValueError
        It is not; the error says how to install it.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise ValueError(
            "posepart evaluate draws its figures with matplotlib, which is not installed; "
            "install it with pip install matplotlib, or posepart with its extra [report]"
        ) from None


def joint_precision_recall(joints: Detections) -> str:
    """Draw a panel for each joint group with the curves of its two joints."""

    def draw(figure: "Figure") -> None:
        axes = figure.subplots(2, 4, sharex=True, sharey=True).ravel()
        for axis, (group, members) in zip(axes, JOINT_GROUPS.items(), strict=False):
            for joint, colour in zip(members, (ORANGE, BLUE), strict=True):
                name = joint.name.lower() if group == "head" else joint.name.partition("_")[0].lower()
                _curve(axis, joints, int(joint), name, colour)
            axis.set_title(group.capitalize())
            if axis.lines:
                axis.legend(loc="lower left")
        _unit_square(axes[0])
        axes[-1].set_axis_off()
        figure.supxlabel("recall", fontsize=9)
        figure.supylabel("precision", fontsize=9)

    return _svg(draw, (10.4, 4.9))


def box_precision_recall(boxes: Detections) -> str:
    """Draw the curves of person boxes, judged at `COCO_THRESHOLDS`, at some of these thresholds."""

    def draw(figure: "Figure") -> None:
        axis = figure.subplots()
        for threshold, colour in zip(BOX_THRESHOLDS_SHOWN, (BLUE, ORANGE, GREY), strict=True):
            row = int(np.abs(COCO_THRESHOLDS - threshold).argmin())
            _curve(axis, at_threshold(boxes, row), 0, f"IoU {threshold:g}", colour)
        axis.set(xlabel="recall", ylabel="precision")
        _unit_square(axis)
        axis.legend(loc="lower left")

    return _svg(draw, (6.2, 4.2))


def _curve(axis: "Axes", detections: Detections, kind: int, name: str, colour: str) -> None:
    if not detections.positives[:, kind].sum():
        return
    curves = precision_recall(detections, kind)
    area = float(area_under_curves(curves)[0])
    recall, precision = curves.recall[0], interpolated_precision(curves)[0]
    start = precision[:1] if len(precision) else np.zeros(1)
    axis.step(
        np.concatenate([[0.0], recall]),
        np.concatenate([start, precision]),
        where="pre",
        color=colour,
        label=f"{name}  AP {100 * area:.1f}",
    )


def _unit_square(axis: "Axes") -> None:
    axis.set(xlim=(0, 1), ylim=(0, 1.03), xticks=np.linspace(0, 1, 6), yticks=np.linspace(0, 1, 6))


def part_confusion(confusion: NDArray) -> str:
    """Draw a confusion matrix (7, 7), each row in percent of its sum."""
    totals = confusion.sum(axis=1, keepdims=True)
    shares = np.divide(confusion, totals, out=np.zeros(confusion.shape), where=totals > 0)
    names = [name.replace("_", " ") for name in PART_NAMES]

    def draw(figure: "Figure") -> None:
        axis = figure.subplots()
        axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for (row, column), share in np.ndenumerate(shares):
            text = f"{100 * share:.1f}" if totals[row, 0] else "-"
            colour = "white" if share > 0.55 else INK
            axis.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)
        axis.set_xticks(range(len(names)), names, rotation=30, ha="right", rotation_mode="anchor")
        axis.set_yticks(range(len(names)), names)
        axis.set(xlabel="predicted", ylabel="labelled")
        axis.grid(False)
        axis.spines[:].set_visible(False)

    return _svg(draw, (6.2, 5.2))


def joint_error_distribution(errors: NDArray) -> str:
    """Draw the errors of each joint as boxes, and the share of joints within each distance.

    Parameters
    ----------
    errors : (N, 14), torso diameters
        inf for a joint that was not found, nan for one that does not count.
    """

    def draw(figure: "Figure") -> None:
        left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
        _error_boxes(left, errors)
        _error_curves(right, errors)

    return _svg(draw, (10.4, 4.6))


def _error_boxes(axis: "Axes", errors: NDArray) -> None:
    found = [column[np.isfinite(column)] for column in errors.T]
    counted = (~np.isnan(errors)).sum(axis=0)
    labels = [
        f"{joint.name.replace('_', ' ').lower()}  {len(found[joint])}/{counted[joint]}" for joint in Joint
    ]
    axis.boxplot(
        found,
        orientation="horizontal",
        whis=(5, 95),
        showfliers=False,
        widths=0.62,
        patch_artist=True,
        boxprops={"facecolor": "#cfe0f2", "edgecolor": BLUE, "linewidth": 0.9},
        medianprops={"color": INK, "linewidth": 1.6},
        whiskerprops={"color": BLUE, "linewidth": 0.9},
        capprops={"color": BLUE, "linewidth": 0.9},
    )
    axis.axvline(PCK_FRACTION, color=ORANGE, linestyle="--", linewidth=1.1)
    axis.set_yticks(range(1, len(labels) + 1), labels)
    axis.invert_yaxis()
    axis.grid(axis="y", visible=False)
    axis.set(xlim=(0, FURTHEST), xlabel="error in torso diameters", title="Joints that were found")


def _error_curves(axis: "Axes", errors: NDArray) -> None:
    distances = np.linspace(0, FURTHEST, 201)
    for (group, members), colour in zip(JOINT_GROUPS.items(), GROUP_COLOURS, strict=True):
        values = errors[:, list(members)]
        values = values[~np.isnan(values)]
        if len(values):
            shares = [(values <= distance).mean() for distance in distances]
            axis.plot(distances, shares, color=colour, label=group)
    axis.axvline(PCK_FRACTION, color=ORANGE, linestyle="--", linewidth=1.1)
    axis.set(xlim=(0, FURTHEST), ylim=(0, 1.03), xlabel="within this many torso diameters")
    axis.set(ylabel="share of labelled joints", title="All labelled joints")
    axis.legend(loc="lower right", ncols=2)


def joint_calibration(joints: ScoredJoints) -> str:
    """Draw the reliability diagram of joint scores, and the number of joints at each score."""
    curve = reliability(joints.scores, joints.right)
    error = expected_calibration_error(joints.scores, joints.right)
    middles, width = (curve.edges[1:] + curve.edges[:-1]) / 2, float(curve.edges[1])

    def draw(figure: "Figure") -> None:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        upper.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1.1)
        upper.bar(middles, np.nan_to_num(curve.accuracy), 0.9 * width, color="#cfe0f2", edgecolor=BLUE)
        filled = curve.count > 0
        upper.plot(curve.score[filled], curve.accuracy[filled], "o", color=BLUE, markersize=4)
        upper.set(ylabel="share of right joints", ylim=(0, 1.03), title=f"ECE {100 * error:.1f} %")
        lower.bar(middles, curve.count, 0.9 * width, color=GREY)
        lower.set(xlabel="joint score", ylabel="joints", xlim=(0, 1))

    return _svg(draw, (6.2, 4.8))


def stage_times(seconds: Mapping[str, NDArray]) -> str:
    """Draw the mean wall time of each stage and the 95th percentile, from its (I,) seconds on each photo."""

    def draw(figure: "Figure") -> None:
        axis = figure.subplots()
        means = [float(values.mean()) for values in seconds.values()]
        slow = [float(np.quantile(values, 0.95)) for values in seconds.values()]
        places = np.arange(len(means))
        axis.barh(places, means, 0.62, color="#8fb6de")
        axis.hlines(places, means, np.maximum(means, slow), color=GREY, linewidth=1.2)
        furthest = max([*means, *slow, 1e-9])
        for place, (mean, end) in enumerate(zip(means, slow, strict=True)):
            axis.text(max(mean, end) + 0.01 * furthest, place, f"{mean:.3f} s", va="center", fontsize=8.5)
        axis.set_yticks(places, list(seconds))
        axis.invert_yaxis()
        axis.grid(axis="y", visible=False)
        axis.set(xlim=(0, 1.15 * furthest), xlabel="seconds per photo")

    return _svg(draw, (6.6, 0.9 + 0.3 * max(len(seconds), 3)))


def _svg(draw: Callable[["Figure"], None], size: tuple[float, float]) -> str:
    """Draw on a figure of `size` (width, height) inches."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    text = io.StringIO()
    with rc_context(_STYLE):
        figure = Figure(size, layout="constrained")
        draw(figure)
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    content = text.getvalue()
    return content[content.index("<svg") :]
