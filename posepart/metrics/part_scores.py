"""Part scores of a set of photos: on whole photos, by the size of the person, and of instance parts."""

from collections.abc import Iterator, Sequence

from posepart.arrays import Index
from posepart.metrics.bootstrap import Score, Statistic
from posepart.metrics.collect import parsing_records, part_confusions, size_confusions
from posepart.metrics.instance_parsing import (
    correctly_parsed_parts,
    part_average_precision,
    person_average_precision,
)
from posepart.metrics.judged import JudgedPhoto
from posepart.metrics.segmentation import SIZE_NAMES, pooled_scores
from posepart.schema import PART_NAMES

PART_ORIGINS = ("human", "derived", "exact")


def part_scores(photos: Sequence[JudgedPhoto]) -> Iterator[Score]:
    """Part segmentation, pooled over whole photos, by the origin of the part maps."""
    for origin in PART_ORIGINS:
        yield from _part_scores(origin, part_confusions(photos, origin))


def _part_scores(origin: str, confusions: Index) -> Iterator[Score]:
    where = f"pixels of whole photos with {origin} part maps"
    size = len(confusions), int(confusions.sum())

    def class_iou(index: int) -> Statistic:
        return lambda w: float(pooled_scores(confusions, w).iou[index])

    yield Score(
        f"part_miou_{origin}", f"7 classes, {where}", *size, lambda w: pooled_scores(confusions, w).miou
    )
    yield Score(
        f"part_pixel_accuracy_{origin}", where, *size, lambda w: pooled_scores(confusions, w).pixel_accuracy
    )
    yield Score(
        f"part_mean_accuracy_{origin}",
        f"7 classes, {where}",
        *size,
        lambda w: pooled_scores(confusions, w).mean_accuracy,
    )
    for index, name in enumerate(PART_NAMES):
        yield Score(f"part_iou_{origin}_{name}", where, *size, class_iou(index))


def size_scores(photos: Sequence[JudgedPhoto]) -> Iterator[Score]:
    """Part mIoU in the boxes of people, by their size (Table 4), over part maps of all origins."""
    sizes = size_confusions(photos)
    for index, name in enumerate(SIZE_NAMES):
        yield _size_score(name, sizes[:, index])


def _size_score(name: str, confusions: Index) -> Score:
    return Score(
        f"part_miou_size_{name.lower()}",
        f"7 classes, pixels in the boxes of people of size {name}",
        len(confusions),
        int(confusions.sum()),
        lambda w: pooled_scores(confusions, w).miou,
    )


def instance_scores(photos: Sequence[JudgedPhoto]) -> Iterator[Score]:
    """AP^r, AP^p and PCP under the strict rule, on photos in which everybody has an instance mask."""
    records = parsing_records(photos)
    size = len(records.people), int(records.people.sum())

    statistics: dict[str, tuple[str, Statistic]] = {
        "parsing_ap_r": (
            "parts, mean over IoU 0.1 to 0.9",
            lambda w: float(part_average_precision(records, w).mean()),
        ),
        "parsing_ap_p": (
            "people, mean over IoU 0.1 to 0.9",
            lambda w: float(person_average_precision(records, w).mean()),
        ),
        "parsing_pcp_50": ("share of parts found, IoU 0.5", lambda w: correctly_parsed_parts(records, w)),
    }
    for name, (what, statistic) in statistics.items():
        where = "photos with complete boxes and instance masks, strict rule"
        yield Score(name, f"{what}, {where}", *size, statistic)
