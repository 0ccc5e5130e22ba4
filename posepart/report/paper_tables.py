"""Tables 1 to 4 of the paper, and one of instance parts; every value has a bootstrap interval."""

from collections.abc import Sequence
from dataclasses import dataclass

from posepart.arrays import Index
from posepart.metrics.adk import JointDistances, average_distance
from posepart.metrics.average_precision import Detections
from posepart.metrics.bootstrap import Statistics, bootstrap_intervals
from posepart.metrics.collect import (
    judged_joints,
    measured_distances,
    parsing_records,
    part_confusions,
    size_confusions,
)
from posepart.metrics.instance_parsing import parsing_scores
from posepart.metrics.judged import JudgedPhoto
from posepart.metrics.part_scores import PART_ORIGINS
from posepart.metrics.people import JOINT_GROUPS, JOINT_TYPES
from posepart.metrics.pose_average_precision import Matching, pose_average_precision
from posepart.metrics.segmentation import SIZE_EDGES, SIZE_NAMES, pooled_scores
from posepart.metrics.tables import Cell, Row, Table
from posepart.schema import PART_NAMES, Part

NO_PART_MAPS = "Not measured: these predictions have no part maps."
NO_PART_LABELS = "Not measured: none of these photos has a part map as label."
NO_INSTANCES = "Not measured: in no photo is everybody labelled, with a mask for each person."
NO_EXACT_POSES = (
    "Not measured: in no photo is everybody labelled, with joints labelled by a human (or a generator)."
)

_TABLE_3_ORDER = (*(part for part in Part if part != Part.BACKGROUND), Part.BACKGROUND)
_MATCHINGS: dict[str, Matching] = {"matched by PCKh": "pckh", "matched by pose box": "pose_box"}


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are computed."""

    replicates: int = 1000  # bootstrap samples of the photos; 0 for no intervals
    seed: int = 0
    confidence: float = 0.95

    def row(self, label: str, numbers: "Numbers") -> Row:
        """Make a row of a table."""
        intervals = bootstrap_intervals(
            numbers.statistics, numbers.photos, self.replicates, self.seed, self.confidence
        )
        return Row(label, tuple(map(Cell, intervals)))


@dataclass(frozen=True)
class Numbers:
    """The numbers of a row of a table, not yet computed."""

    statistics: Statistics  # how often every photo counts -> the numbers
    photos: int  # how many photos they rest on


def pose_precision(joints: Detections) -> Numbers:
    """A row of Table 1: AP of the seven groups of joints, of the upper body, and in total."""

    def statistics(weights: Index) -> list[float]:
        score = pose_average_precision(joints, weights)
        return [*score.groups.values(), score.upper_body, score.total]

    return Numbers(statistics, len(joints.positives))


def joint_distance(distances: JointDistances) -> Numbers:
    """A row of Table 2: ADK of the eight types of joints, and their average."""

    def statistics(weights: Index) -> list[float]:
        score = average_distance(distances, weights)
        return [*score.types.values(), score.average]

    return Numbers(statistics, len(distances.total))


def part_iou(confusions: Index) -> Numbers:
    """A row of Table 3: IoU of the six parts and of the background, and their mean, of (I, 7, 7) confusions."""

    def statistics(weights: Index) -> list[float]:
        score = pooled_scores(confusions, weights)
        return [*score.iou[list(_TABLE_3_ORDER)], score.miou]

    return Numbers(statistics, len(confusions))


def iou_by_size(confusions: Index) -> Numbers:
    """A row of Table 4: mean IoU by the size of the person, of (I, sizes, 7, 7) confusions."""

    def statistics(weights: Index) -> list[float]:
        return [pooled_scores(confusions[:, size], weights).miou for size in range(confusions.shape[1])]

    return Numbers(statistics, len(confusions))


def paper_tables(photos: Sequence[JudgedPhoto], bootstrap: Bootstrap, parts: bool = True) -> dict[str, Table]:
    """Make all tables, by their names; `parts` says whether the results have part maps at all."""
    tables = (
        pose_precision_table(photos, bootstrap),
        distance_table(photos, bootstrap),
        part_table(photos, bootstrap, parts),
        size_table(photos, bootstrap, parts),
        instance_table(photos, bootstrap, parts),
    )
    return {table.name: table for table in tables}


def pose_precision_table(photos: Sequence[JudgedPhoto], bootstrap: Bootstrap) -> Table:
    """Table 1: mean average precision of joints, by both matchings."""
    judged = {label: judged_joints(photos, matching) for label, matching in _MATCHINGS.items()}
    rows = [bootstrap.row(label, pose_precision(joints)) for label, joints in judged.items()]
    positives = next(iter(judged.values())).positives
    note = (
        f"Average precision of joints in %, higher is better; {len(positives)} photos in which everybody is "
        f"labelled, {int(positives.sum())} joints. A joint is right within half the forehead-neck distance. A "
        "pose is compared with the person of whom it hits most joints (PCKh: DeepCut, MPII), or with the "
        "person whose pose box it overlaps most (Xia et al.)."
    )
    columns = (*(name.capitalize() for name in JOINT_GROUPS), "U-Body", "Total (mAP)")
    return _table(
        "table_1", "Table 1: pose, mAP", note, NO_EXACT_POSES, columns, rows if len(positives) else []
    )


def distance_table(photos: Sequence[JudgedPhoto], bootstrap: Bootstrap) -> Table:
    """Table 2: average distance of keypoints."""
    distances = measured_distances(photos)
    number = len(distances.total)

    def statistics(weights: Index) -> list[float]:
        *types, average = joint_distance(distances).statistics(weights)
        return [*types, average_distance(distances, weights).coverage, average]

    note = (
        f"Distance of joints in % of half the forehead-neck distance, lower is better; {number} photos. Each "
        "person is compared with the pose that overlaps most, in the joints that both have: "
        f"{int(distances.counted.sum())} joints; the column Compared is their share of all labelled joints."
    )
    columns = (*(name.capitalize() for name in JOINT_TYPES), "Compared", "Ave.")
    rows = [bootstrap.row("distance", Numbers(statistics, number))] if number else []
    return _table("table_2", "Table 2: pose, ADK", note, NO_EXACT_POSES, columns, rows)


def part_table(photos: Sequence[JudgedPhoto], bootstrap: Bootstrap, parts: bool = True) -> Table:
    """Table 3: pixel IoU of each part, by the origin of the part maps."""
    by_origin = {origin: part_confusions(photos, origin) for origin in PART_ORIGINS}
    rows = [
        bootstrap.row(f"{origin} part maps, {len(maps)} photos", part_iou(maps))
        for origin, maps in by_origin.items()
        if len(maps)
    ]
    note = (
        "Intersection over union of pixels in %, over all photos together, higher is better. Derived part maps "
        "were computed from masks and joints: agreement with them is weaker evidence than agreement with human ones."
    )
    columns = (*(PART_NAMES[part].replace("_", " ").capitalize() for part in _TABLE_3_ORDER), "Ave. (mIoU)")
    absent = NO_PART_LABELS if parts else NO_PART_MAPS
    return _table("table_3", "Table 3: parts, IoU", note, absent, columns, rows)


def size_table(photos: Sequence[JudgedPhoto], bootstrap: Bootstrap, parts: bool = True) -> Table:
    """Table 4: mIoU by the size of the person."""
    sizes = size_confusions(photos)
    edges = ", ".join(f"{edge:g}" for edge in (photos[0].size_edges if photos else SIZE_EDGES))
    note = (
        "Mean IoU in % of the pixels in the boxes of people, by the square root of the area of the box: up to "
        f"{edges} px, and above; {len(sizes)} photos."
    )
    columns = tuple(f"Size {name}" for name in SIZE_NAMES)
    rows = [bootstrap.row("mIoU", iou_by_size(sizes))] if len(sizes) else []
    absent = NO_PART_LABELS if parts else NO_PART_MAPS
    return _table("table_4", "Table 4: parts by size of the person, mIoU", note, absent, columns, rows)


def instance_table(photos: Sequence[JudgedPhoto], bootstrap: Bootstrap, parts: bool = True) -> Table:
    """Instance parts, which must belong to the right person."""
    records = parsing_records(photos)
    number = len(records.people)

    def statistics(weights: Index) -> list[float]:
        score = parsing_scores(records, weights)
        return [score.ap_r, score.ap_r_50, score.ap_p, score.ap_p_50, score.pcp_50]

    note = (
        f"Parts of the right person in %, higher is better; {number} photos, {int(records.people.sum())} "
        "people. AP^r judges single parts by their IoU, AP^p people by the mean IoU of their parts (means over "
        "the thresholds 0.1 to 0.9, and at 0.5); PCP is the share of parts found at IoU 0.5. A person is "
        "matched at most once (strict rule)."
    )
    columns = ("AP^r", "AP^r at 0.5", "AP^p", "AP^p at 0.5", "PCP at 0.5")
    absent = NO_INSTANCES if parts else NO_PART_MAPS
    rows = [bootstrap.row("instances", Numbers(statistics, number))] if records.people.sum() else []
    return _table("instances", "Instance parts", note, absent, columns, rows)


def _table(
    name: str, title: str, note: str, absent: str, columns: tuple[str, ...], rows: Sequence[Row]
) -> Table:
    summed = columns[-1].startswith(("Total", "Ave."))
    return Table(name, title, note if rows else absent, columns, tuple(rows), summed)
