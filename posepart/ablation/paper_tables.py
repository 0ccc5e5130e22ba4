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
from posepart.metrics.pose_average_precision import pose_average_precision
from posepart.metrics.segmentation import SIZE_NAMES, pooled_scores
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

    def precision(weights: Index) -> list[float]:
        score = pose_average_precision(joints, weights)
        return [*score.groups.values(), score.upper_body, score.total]

    def distance(weights: Index) -> list[float]:
        score = average_distance(distances, weights)
        return [*score.types.values(), score.coverage, score.average]

    def part_iou(weights: Index) -> list[float]:
        score = pooled_scores(parts, weights)
        return [*score.iou[list(_PARTS)], score.miou]

    def size_miou(weights: Index) -> list[float]:
        return [pooled_scores(sizes[:, k], weights).miou for k in range(sizes.shape[1])]

    measured = {
        "table_1": (precision, len(joints.positives), int(joints.positives.sum())),
        "table_2": (distance, len(distances.total), int(distances.counted.sum())),
        "table_3": (part_iou, len(parts), int(parts.sum())),
        "table_4": (size_miou, len(sizes), int(sizes.sum())),
    }
    found = {}
    for table, (values, number, samples) in measured.items():
        for name, statistic in _columns(values, PAPER_TABLES[table].columns) if samples else ():
            found[f"{table}: {name}"] = Score(f"{table}: {name}", "", number, samples, statistic)
    return found


def _columns(values: Statistics, names: Sequence[str]) -> list[tuple[str, Statistic]]:
    """Each column on its own; all columns of a bootstrap sample are computed at once and remembered."""
    remembered = cache(lambda drawn: np.asarray(values(np.frombuffer(drawn, np.int64)), np.float64))

    def column(index: int, weights: Index) -> float:
        return float(remembered(weights.astype(np.int64).tobytes())[index])

    return [(name, partial(column, index)) for index, name in enumerate(names)]
