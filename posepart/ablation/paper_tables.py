"""The columns of the paper's Tables 1 to 4 as scores, so that the variants of a question can be compared in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from posepart.arrays import Index
from posepart.metrics.adk import average_distance
from posepart.metrics.bootstrap import Score, Statistic, Statistics
from posepart.metrics.collect import judged_joints, measured_distances, part_confusions, size_confusions
from posepart.metrics.judged import JudgedPhoto
from posepart.metrics.people import JOINT_GROUPS, JOINT_TYPES
from posepart.metrics.segmentation import SIZE_NAMES
from posepart.report.paper_tables import Numbers, iou_by_size, joint_distance, part_iou, pose_precision
from posepart.schema import PART_NAMES, Part

_PARTS = (*(part for part in Part if part != Part.BACKGROUND), Part.BACKGROUND)  # the order of Table 3


@dataclass(frozen=True)
class PaperTable:
    """One of the paper's tables."""

    title: str
    columns: tuple[str, ...]
    more_is_better: bool = True


PAPER_TABLES: dict[str, PaperTable] = {
    "table_1": PaperTable("AP of joints (Table 1)", (*map(str.capitalize, JOINT_GROUPS), "U-Body", "Total")),
    "table_2": PaperTable("ADK (Table 2)", (*map(str.capitalize, JOINT_TYPES), "Compared", "Ave."), False),
    "table_3": PaperTable(
        "IoU of parts (Table 3)",
        (*(PART_NAMES[part].replace("_", " ").capitalize() for part in _PARTS), "Ave."),
    ),
    "table_4": PaperTable("mIoU by size of the person (Table 4)", tuple(f"Size {s}" for s in SIZE_NAMES)),
}


def column_scores(photos: Sequence[JudgedPhoto]) -> dict[str, Score]:
    """The columns of all tables, by "TABLE: COLUMN"; without those of tables that nothing was measured for.

    Part maps of all origins count.
    """
    joints, distances = judged_joints(photos, "pckh"), measured_distances(photos)
    parts, sizes = part_confusions(photos), size_confusions(photos)

    def distance(weights: Index) -> list[float]:
        *types, average = joint_distance(distances).statistics(weights)
        return [*types, average_distance(distances, weights).coverage, average]

    measured = {
        "table_1": (pose_precision(joints), joints.positives),
        "table_2": (Numbers(distance, len(distances.total)), distances.counted),
        "table_3": (part_iou(parts), parts),
        "table_4": (iou_by_size(sizes), sizes),
    }
    found = {}
    for table, (numbers, samples) in measured.items():
        columns = _columns(numbers.statistics, PAPER_TABLES[table].columns) if samples.any() else ()
        for column, statistic in columns:
            name = f"{table}: {column}"
            found[name] = Score(name, "", numbers.photos, int(samples.sum()), statistic)
    return found


def _columns(values: Statistics, names: Sequence[str]) -> list[tuple[str, Statistic]]:
    """Each column on its own; all columns of a bootstrap sample are computed at once and remembered."""
    remembered = cache(lambda drawn: np.asarray(values(np.frombuffer(drawn, np.int64)), np.float64))

    def column(index: int, weights: Index) -> float:
        return float(remembered(weights.astype(np.int64).tobytes())[index])

    return [(name, partial(column, index)) for index, name in enumerate(names)]
