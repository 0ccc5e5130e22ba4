"""Scores of submissions to LIP's two tasks, from files: in total, by challenge factor and by size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posepart.arrays import Float64, Index, Mask
from posepart.data.lip import LipPicture
from posepart.data.lip_files import pair_by_name, read_pose_submission
from posepart.data.visibility import VISIBILITIES, derived_visibilities
from posepart.io.files import read_names
from posepart.io.label_maps import read_label_map
from posepart.metrics.bootstrap import Statistic, bootstrap_interval
from posepart.metrics.lip import (
    SIZE_NAMES,
    LipGroupsConfig,
    LipPoseScores,
    judge_lip_joints,
    lip_pose_scores,
    size_of_picture,
)
from posepart.metrics.measure import Measure
from posepart.metrics.segmentation import SegmentationScores, confusion_matrix, pooled_scores
from posepart.schema.lip import LIP_TOTAL_JOINTS, NUM_LIP_JOINTS, NUM_LIP_LABELS


@dataclass(frozen=True)
class PoseReport:
    """PCKh@0.5 of a submission, by group of pictures; the first group is "all"."""

    scores: dict[str, LipPoseScores]
    pictures: dict[str, int]  # how many each group has
    measures: tuple[Measure, ...]  # the totals with their intervals


@dataclass(frozen=True)
class ParsingReport:
    """Parsing scores of a submission, by group of pictures; the first group is "all"."""

    scores: dict[str, SegmentationScores]
    pictures: dict[str, int]  # how many each group has
    measures: tuple[Measure, ...]  # the mean IoUs with their intervals


def score_pose(
    pictures: Sequence[LipPicture],
    submission: Path,
    *,
    strict: bool = True,
    factor_lists: Mapping[str, Path] | None = None,
    config: LipGroupsConfig | None = None,
    replicates: int = 0,
) -> PoseReport:
    """Score a pose submission by PCKh@0.5.

    Parameters
    ----------
    pictures : sequence of LipPicture
        Of the split, in the order of its csv.
    submission : Path
        A csv of file, then x, y of 16 joints.
    strict : bool
        Pair the rows by file name; False pairs them by order, as the official script does.
    factor_lists, config
        See `picture_groups`.
    replicates : int
        Of the bootstrap over pictures; without any there are no intervals.

    Raises
    ------
    ValueError
        Rows and pictures do not match, or a file is wrong.
    """
    poses = read_pose_submission(submission)
    rows = pair_by_name([p.name for p in pictures], list(poses), strict)
    values = list(poses.values())
    predicted = np.array([values[row] for row in rows]).reshape(-1, NUM_LIP_JOINTS, 2)
    counts = judge_lip_joints(_joints(pictures), predicted)
    groups = picture_groups(pictures, factor_lists, config)
    scores = {name: lip_pose_scores(counts, chosen) for name, chosen in groups.items()}
    of_total = list(LIP_TOTAL_JOINTS)
    measures = [
        _measure(
            f"pckh_{name}",
            "joints",
            chosen,
            int(counts.counted[chosen][:, of_total].sum()),
            lambda weights: lip_pose_scores(counts, weights).total,
            replicates,
        )
        for name, chosen in groups.items()
    ]
    return PoseReport(scores, _sizes(groups), tuple(measures))


def score_parsing(
    pictures: Sequence[LipPicture],
    submission: Path,
    *,
    factor_lists: Mapping[str, Path] | None = None,
    config: LipGroupsConfig | None = None,
    replicates: int = 0,
) -> ParsingReport:
    """Score a parsing submission by pixel accuracy, mean accuracy and mean IoU, pooled over each group.

    Parameters
    ----------
    pictures : sequence of LipPicture
    submission : Path
        A folder of PNGs of label ids, each named after its picture.
    factor_lists, config, replicates
        As in `score_pose`; only the mean IoUs have intervals.

    Raises
    ------
    ValueError
        A prediction, which the error names, is absent, of another size, or has unknown ids.
    """
    confusions = np.array([_confusion(picture, Path(submission)) for picture in pictures], np.int64)
    confusions = confusions.reshape(-1, NUM_LIP_LABELS, NUM_LIP_LABELS)
    groups = picture_groups(pictures, factor_lists, config)
    scores = {name: pooled_scores(confusions, chosen) for name, chosen in groups.items()}
    measures = []
    for name, chosen in groups.items():
        pixels = "pixels", chosen, int(confusions[chosen].sum())
        measures += [
            _measure(
                f"overall_accuracy_{name}", *pixels, lambda w: pooled_scores(confusions, w).pixel_accuracy, 0
            ),
            _measure(
                f"mean_accuracy_{name}", *pixels, lambda w: pooled_scores(confusions, w).mean_accuracy, 0
            ),
            _measure(f"miou_{name}", *pixels, lambda w: pooled_scores(confusions, w).miou, replicates),
        ]
    return ParsingReport(scores, _sizes(groups), tuple(measures))


def _confusion(picture: LipPicture, folder: Path) -> Index:
    """The confusion matrix (20, 20) of one picture and its prediction."""
    truth = picture.read_labels()
    if truth is None:
        raise ValueError(f"{picture.name}: has no label map; leave it out or copy the labels again")
    path = folder / f"{Path(picture.name).stem}.png"
    predicted = read_label_map(path, NUM_LIP_LABELS)
    try:
        return confusion_matrix(truth, predicted, NUM_LIP_LABELS)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _measure(
    name: str,
    counted: str,
    chosen: Mask,
    samples: int,
    statistic: Statistic,
    replicates: int,
) -> Measure:
    """Compute a statistic of the chosen pictures with its interval."""
    interval = bootstrap_interval(lambda weights: statistic(weights * chosen), len(chosen), replicates)
    photos = int(chosen.sum())
    return Measure(name, interval.value, interval.low, interval.high, photos, samples, counted)


def _sizes(groups: Mapping[str, Mask]) -> dict[str, int]:
    return {name: int(chosen.sum()) for name, chosen in groups.items()}


def picture_groups(
    pictures: Sequence[LipPicture],
    factor_lists: Mapping[str, Path] | None = None,
    config: LipGroupsConfig | None = None,
) -> dict[str, Mask]:
    """Find the pictures of "all", of each challenge factor and of each size.

    Parameters
    ----------
    pictures : sequence of LipPicture
        I pictures.
    factor_lists : mapping of str to Path, optional
        Factor -> text file of picture names, one per line, with or without suffix. Without it, factors are derived
        from joints (see `data.visibility.derived_visibilities`).
    config : LipGroupsConfig, optional
        Factors and limits of sizes; by default those of the paper.

    Returns
    -------
    dict of str to (I,) bool

    Raises
    ------
    ValueError
        A factor is unknown, or a listed picture is not among the pictures.
    """
    config = config or LipGroupsConfig()
    groups: dict[str, Mask] = {"all": np.ones(len(pictures), bool)}
    if factor_lists is None:
        derived = derived_visibilities(_joints(pictures))
        groups |= {factor: derived[factor] for factor in config.factors if factor in derived}
    for factor, path in (factor_lists or {}).items():
        if factor not in VISIBILITIES:
            raise ValueError(f"unknown factor {factor!r}: choose one of {', '.join(VISIBILITIES)}")
        if factor not in config.factors:
            continue
        listed = {Path(name).stem for name in read_names(Path(path))}
        stems = [Path(picture.name).stem for picture in pictures]
        unknown = sorted(listed - set(stems))
        if unknown:
            raise ValueError(f"{path}: lists {unknown[0]}, which is not in the split")
        groups[factor] = np.array([stem in listed for stem in stems], bool)
    areas = np.array([np.prod(picture.size()) for picture in pictures], np.float64)
    sizes = size_of_picture(areas, config.size_edges)
    return groups | {name: sizes == i for i, name in enumerate(SIZE_NAMES)}


def _joints(pictures: Sequence[LipPicture]) -> Float64:
    """The joints of all pictures, (I, 16, 3); zeros for a picture without pose labels."""
    nothing = np.zeros((NUM_LIP_JOINTS, 3))
    rows = [nothing if picture.joints is None else picture.joints for picture in pictures]
    return np.array(rows).reshape(-1, NUM_LIP_JOINTS, 3)
