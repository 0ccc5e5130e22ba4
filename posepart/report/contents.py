"""What stands on the page of a report, in which order, and the words around it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posepart.metrics.average_precision import average_precision
from posepart.metrics.collect import joint_errors, judged_boxes, judged_joints, part_confusions, scored_joints
from posepart.metrics.judged import JudgedPhoto
from posepart.metrics.measure import Measure
from posepart.metrics.tables import Row, Table, interval_text, measure_cells, measure_text
from posepart.report import figures
from posepart.report.page import Details, Gallery, Page, Plot, Section, Tile
from posepart.report.paper_tables import NO_EXACT_POSES, NO_PART_LABELS, NO_PART_MAPS

NO_EXACT_JOINTS = (
    "Not measured: nobody here has joints that a human (or a generator) made, and a torso length."
)
NO_TIMES = "These predictions do not say how long they took."

Seconds = Mapping[str, NDArray[np.float64]]


def make_page(
    photos: Sequence[JudgedPhoto],
    measures: Sequence[Measure],
    tables: Mapping[str, Table],
    seconds: Seconds,
    galleries: Sequence[Gallery],
    about: Mapping[str, Any],
    parts: bool,
) -> Page:
    """Put the report together.

    Parameters
    ----------
    photos, measures, tables : what was measured. parts: whether the results have part maps.
    seconds : stage -> (I,) wall times of the photos.
    about : settings, shown at the end; needs "model", "data", "split" and "photos".
    """
    pose = Section(
        "pose",
        "Pose",
        (
            tables["table_1"],
            _joint_curves(photos),
            tables["table_2"],
            _joint_errors(photos),
            _joint_calibration(photos),
        ),
    )
    part = Section(
        "parts",
        "Parts",
        (tables["table_3"], _confusion(photos, parts), tables["table_4"], tables["instances"]),
    )
    people = Section("people", "People", (_box_curves(photos),))
    timing = Section("timing", "Time", (_times(seconds),))
    worst = Section("worst", "Worst cases", tuple(galleries))
    everything = Section("measures", "All measures", (_all_measures(measures),))
    return Page(
        title=f"{about['model']} on {about['data']}",
        subtitle=f"Report of posepart evaluate: {about['photos']} photos, split {about['split']}",
        tiles=_tiles(measures, seconds),
        about={key: _words(value) for key, value in about.items() if value is not None},
        sections=(pose, part, people, timing, worst, everything),
    )


def _tiles(measures: Sequence[Measure], seconds: Seconds) -> tuple[Tile, ...]:
    """The few numbers most people look for; those that could not be measured are left out."""
    by_name = {m.name: m for m in measures}
    parts = max((m for m in measures if m.name.startswith("part_miou_")), key=lambda m: _rank(m))
    labels = {
        "pose_map_pckh": ("Pose, mAP", "7 joint groups, PCKh"),
        "adk": ("Pose, ADK", "lower is better"),
        "oks_ap": ("Pose, OKS-AP", "photos with several people"),
        parts.name: (
            "Parts, mIoU",
            f"7 classes, {parts.name.removeprefix('part_miou_')} part maps",
        ),
        "box_ap50": ("People, box AP", "IoU 0.5"),
    }
    tiles = [
        Tile(label, measure_text(name, m.value), f"{interval_text(m)}\n{what}, {m.photos} photos")
        for name, (label, what) in labels.items()
        if (m := by_name[name]).samples
    ]
    if seconds:
        total = float(sum(values.mean() for values in seconds.values()))
        tiles.append(Tile("Time per photo", f"{total:.2f} s", "mean, all stages"))
    return tuple(tiles)


def _rank(measure: Measure) -> int:
    """Of mIoUs by origin, the one that rests on most photos; those by size are another thing."""
    return -1 if "_size_" in measure.name else measure.photos


def _joint_curves(photos: Sequence[JudgedPhoto]) -> Plot:
    joints = judged_joints(photos)
    caption = (
        "Joints as in Table 1, matched by PCKh: the highest precision at every recall or a higher one; AP is the "
        f"area below. A line ends where no more joints were found. {len(joints.positives)} photos."
    )
    return _plot(
        "Precision and recall of every joint",
        caption,
        NO_EXACT_POSES,
        bool(joints.positives.sum()),
        lambda: figures.joint_precision_recall(joints),
    )


def _joint_errors(photos: Sequence[JudgedPhoto]) -> Plot:
    errors = joint_errors(photos)
    counted = int((~np.isnan(errors)).sum())
    caption = (
        f"{counted} labelled joints of people whose joints a human (or a generator) made; each person is spoken for "
        "by the pose of highest OKS. Left: boxes hold the middle half, whiskers the middle 90 % of the joints that "
        "were found (found/labelled beside the name). Right: joints that were not found are at no distance. Dashed: "
        f"{figures.PCK_FRACTION} torso diameters, the limit of PCK."
    )
    return _plot(
        "Errors of joints",
        caption,
        NO_EXACT_JOINTS,
        counted > 0,
        lambda: figures.joint_error_distribution(errors),
    )


def _joint_calibration(photos: Sequence[JudgedPhoto]) -> Plot:
    joints = scored_joints(photos)
    caption = (
        f"{len(joints.scores)} limb joints that were found, of {joints.photos} photos: of those with a score of "
        "0.8, 80 % should be right, that is within 0.2 torso diameters; the dashed line is where they would be. "
        "ECE: the mean distance from it."
    )
    return _plot(
        "Calibration of joint scores",
        caption,
        NO_EXACT_JOINTS,
        len(joints.scores) > 0,
        lambda: figures.joint_calibration(joints),
        narrow=True,
    )


def _confusion(photos: Sequence[JudgedPhoto], parts: bool) -> Plot:
    confusion = part_confusions(photos).sum(axis=0)
    caption = (
        "Of the pixels of every labelled part (rows), the percentage that was taken for each part (columns); all "
        "photos with part maps, whatever they are from."
    )
    return _plot(
        "Confusion of parts",
        caption,
        NO_PART_LABELS if parts else NO_PART_MAPS,
        bool(confusion.sum()),
        lambda: figures.part_confusion(confusion),
        narrow=True,
    )


def _box_curves(photos: Sequence[JudgedPhoto]) -> Plot:
    boxes = judged_boxes(photos)
    number = int(boxes.positives.sum())
    area = 100 * float(average_precision(boxes, interpolation="coco").mean()) if number else 0.0
    caption = (
        f"{number} people of {len(boxes.positives)} photos in which everybody is labelled; regions to be ignored "
        f"count neither way. AP, mean over IoU 0.5 to 0.95 (COCO): {area:.1f}."
    )
    absent = "Not measured: there is no photo in which everybody is labelled."
    return _plot(
        "Precision and recall of person boxes",
        caption,
        absent,
        number > 0,
        lambda: figures.box_precision_recall(boxes),
        narrow=True,
    )


def _times(seconds: Seconds) -> Plot:
    caption = (
        "Mean wall time of the stages per photo; the grey line ends at the 95th percentile of the photos."
    )
    return _plot(
        "Time by stage", caption, NO_TIMES, bool(seconds), lambda: figures.stage_times(seconds), narrow=True
    )


def _plot(
    title: str, caption: str, absent: str, measured: bool, draw: Callable[[], str], narrow: bool = False
) -> Plot:
    """The figure, or why there is none."""
    return Plot(title, caption, draw(), narrow) if measured else Plot(title, absent, "")


def _all_measures(measures: Sequence[Measure]) -> Details:
    measured = [m for m in measures if m.samples]
    table = Table(
        "measures",
        f"{len(measured)} measures, as in metrics.json",
        "In percent, except false_people_per_photo. Those without a sample in this data are left out.",
        ("value", "interval", "photos", "samples", "what it counts"),
        tuple(Row(m.name, (*measure_cells(m), m.counted)) for m in measured),
        head="measure",
    )
    return Details(table)


def _words(value: object) -> str:
    """A setting as text: lists with commas, sections as `key: value`."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_words(entry)}" for key, entry in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_words(entry) for entry in value)
    return str(value)
