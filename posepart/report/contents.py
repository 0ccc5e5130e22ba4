"""The contents of a report's page: what it shows, in which order, and the words around it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from posepart.arrays import Float64
from posepart.metrics.average_precision import average_precision
from posepart.metrics.collect import joint_errors, judged_boxes, judged_joints, part_confusions, scored_joints
from posepart.metrics.judged import JudgedPhoto
from posepart.metrics.measure import Measure
from posepart.metrics.pck import PCK_FRACTION
from posepart.metrics.tables import Row, Table, interval_text, measure_cells, measure_text
from posepart.report import figures
from posepart.report.page import Details, Gallery, Page, Plot, Section, Tile
from posepart.report.paper_tables import NO_EXACT_POSES, NO_PART_LABELS, NO_PART_MAPS

NO_EXACT_JOINTS = (
    "Not measured: nobody in these photos has joints labelled by a human (or a generator) and a torso length."
)
NO_TIMES = "These predictions do not say how long they took."

Seconds = Mapping[str, Float64]


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
    photos : sequence of JudgedPhoto
    measures : sequence of Measure
    tables : mapping of str to Table
        Of `paper_tables`.
    seconds : mapping of str to (I,) float64
        Stage -> its wall time on each photo.
    galleries : sequence of Gallery
    about : mapping
        Settings, shown at the end. It must have "model", "data", "split" and "photos".
    parts : bool
        Whether the results have part maps.
    """
    pose_blocks = (
        tables["table_1"],
        _joint_curves(photos),
        tables["table_2"],
        _joint_errors(photos),
        _joint_calibration(photos),
    )
    part_blocks = tables["table_3"], _confusion(photos, parts), tables["table_4"], tables["instances"]
    return Page(
        title=f"{about['model']} on {about['data']}",
        subtitle=f"Report of posepart evaluate: {about['photos']} photos, split {about['split']}",
        tiles=_tiles(measures, seconds),
        about={key: _words(value) for key, value in about.items() if value is not None},
        sections=(
            Section("pose", "Pose", pose_blocks),
            Section("parts", "Parts", part_blocks),
            Section("people", "People", (_box_curves(photos),)),
            Section("timing", "Time", (_times(seconds),)),
            Section("worst", "Worst cases", tuple(galleries)),
            Section("measures", "All measures", (_all_measures(measures),)),
        ),
    )


def _tiles(measures: Sequence[Measure], seconds: Seconds) -> tuple[Tile, ...]:
    """The few numbers that most readers look for, as far as they could be measured."""
    by_name = {m.name: m for m in measures}
    parts = max((m for m in measures if m.name.startswith("part_miou_")), key=_rank)
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
    """The order of mIoUs by origin, the one on most photos last; mIoUs by size come before all of them."""
    return -1 if "_size_" in measure.name else measure.photos


def _joint_curves(photos: Sequence[JudgedPhoto]) -> Plot:
    joints = judged_joints(photos)
    caption = (
        "Joints as in Table 1, matched by PCKh. A curve shows the highest precision at each recall or a higher "
        f"one; AP is the area below it. It ends where no more joints were found. {len(joints.positives)} photos."
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
        f"{counted} joints labelled by a human (or a generator); people are matched to poses one to one, "
        "highest OKS first. Left: the box is the middle half and the whiskers the middle 90 % of the joints "
        "that were found (the numbers are found/labelled). Right: a joint that was not found is within no "
        f"distance. Dashed: {PCK_FRACTION} torso diameters, the limit of PCK."
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
        f"{len(joints.scores)} limb joints that were found in {joints.photos} photos. Of the joints with a "
        "score of 0.8, 80 % should be right, that is, within 0.2 torso diameters of the label: this is the "
        "dashed line. ECE is the mean distance from it."
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
        "The percentage of the pixels of each labelled part (rows) that was predicted as each part (columns), "
        "in all photos with part maps, whatever their origin."
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
        f"{number} people in {len(boxes.positives)} photos in which everybody is labelled; ignored regions "
        f"count neither way. AP, mean over IoU 0.5 to 0.95 (COCO): {area:.1f}."
    )
    absent = "Not measured: in none of these photos is everybody labelled."
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
        "Mean wall time of each stage per photo; the grey line ends at the 95th percentile of the photos."
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
        "In percent, except false_people_per_photo. Measures without a sample in this data are left out.",
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
