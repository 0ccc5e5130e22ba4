"""The numbers of LIP's tables: what each table measures of a system's submissions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Ids, Index
from posepart.data.cihp import read_atr
from posepart.data.lip import LipPicture, read_lip
from posepart.data.lip_files import read_pose_submission
from posepart.data.mpii import read_mpii
from posepart.data.visibility import derived_visibilities
from posepart.io.label_maps import read_label_map
from posepart.metrics.lip import (
    FACTORS,
    SIZE_NAMES,
    LipJointCounts,
    judge_lip_joints,
    lip_pose_scores,
)
from posepart.metrics.lip_submissions import picture_groups
from posepart.metrics.segmentation import SegmentationScores, confusion_matrix, pooled_scores
from posepart.report.paper_tables import Bootstrap, Numbers
from posepart.schema import IGNORE
from posepart.schema.atr_and_cihp import COMMON_WITH_ATR
from posepart.schema.lip import LIP_JOINT_GROUPS, NUM_LIP_JOINTS, NUM_LIP_LABELS, LipLabel
from posepart.schema.mpii import MPII

_TABLE_4_ORDER = (*(label for label in LipLabel if label != LipLabel.BACKGROUND), LipLabel.BACKGROUND)
PARSING, POSE = "parsing", "pose.csv"  # of a submission


@dataclass(frozen=True)
class PictureSet:
    """Labelled pictures of one person, and how systems are measured on them.

    Attributes
    ----------
    folders : dict of str to Path
        "lip", and if there are any "atr" and "mpii": folders of data sets.
    splits : dict of str to str
        Data set -> the split that is measured on.
    bootstrap : Bootstrap
    factor_lists : dict of str to Path
        Factor of Sec. 4.1.2 -> file of picture names; without any, factors are derived from joints.
    """

    folders: dict[str, Path]
    splits: dict[str, str]
    bootstrap: Bootstrap
    factor_lists: dict[str, Path] | None = None


Submissions = Mapping[str, Path]


def _lip(pictures: PictureSet) -> list[LipPicture]:
    return read_lip(pictures.folders["lip"], pictures.splits["lip"])


def confusions_of(
    labels: Sequence[tuple[str, Ids | None]], submission: Path, kept: Sequence[int] = ()
) -> Index:
    """(I, 20, 20) confusion matrices of pictures and their predicted labels.

    Parameters
    ----------
    labels : sequence of (str, (H, W) uint8 or None)
        Name of the picture's file, and its LIP ids; None counts nothing.
    submission : Path
        Folder with `parsing/NAME.png`.
    kept : sequence of int
        If given, other labels of the truth do not count, and predictions of them are those of the background.
    """
    confusions = np.zeros((len(labels), NUM_LIP_LABELS, NUM_LIP_LABELS), np.int64)
    for row, (name, truth) in enumerate(labels):
        if truth is None:
            continue
        predicted = read_label_map(submission / PARSING / f"{Path(name).stem}.png", NUM_LIP_LABELS)
        if kept:
            truth = np.where(np.isin(truth, [*kept, IGNORE]), truth, IGNORE).astype(np.uint8)
            predicted = np.where(np.isin(predicted, kept), predicted, LipLabel.BACKGROUND).astype(np.uint8)
        confusions[row] = confusion_matrix(truth, predicted, NUM_LIP_LABELS)
    return confusions


def _lip_confusions(submissions: Submissions, pictures: PictureSet, kept: Sequence[int] = ()) -> Index:
    labels = [(picture.name, picture.read_labels()) for picture in _lip(pictures)]
    return confusions_of(labels, submissions["lip"], kept)


def _parsing_numbers(
    submissions: Submissions, pictures: PictureSet, values: Callable[[SegmentationScores], Sequence[float]]
) -> Numbers:
    confusions = _lip_confusions(submissions, pictures)
    return Numbers(lambda weights: values(pooled_scores(confusions, weights)), len(confusions))


def _by_group(submissions: Submissions, pictures: PictureSet, groups: Sequence[str]) -> Numbers:
    """Mean IoU of groups of pictures; nan for a group that cannot be recognised."""
    confusions, chosen = _lip_confusions(submissions, pictures), _groups(pictures)

    def statistics(weights: Index) -> list[float]:
        return [
            pooled_scores(confusions, weights * chosen[name]).miou if name in chosen else float("nan")
            for name in groups
        ]

    return Numbers(statistics, len(confusions))


def _groups(pictures: PictureSet) -> dict[str, Index]:
    return {
        name: of_group.astype(np.int64)
        for name, of_group in picture_groups(_lip(pictures), pictures.factor_lists).items()
    }


def _common_with_atr(submissions: Submissions, pictures: PictureSet) -> Numbers:
    """Mean IoU of the 16 common labels on ATR and on LIP; each is resampled on its own."""
    atr = read_atr(pictures.folders["atr"], pictures.splits["atr"])
    labels = [(picture.name, picture.read_lip_labels()) for picture in atr]
    kept = [int(label) for label in COMMON_WITH_ATR]
    on_atr = confusions_of(labels, submissions["atr"], kept)
    on_lip = _lip_confusions(submissions, pictures, kept)

    def statistics(weights: Index) -> list[float]:
        rows = weights[: len(on_atr)], weights[len(on_atr) :]
        pairs = zip((on_atr, on_lip), rows, strict=True)
        return [float(np.nanmean(pooled_scores(one, of_one).iou[kept])) for one, of_one in pairs]

    return Numbers(statistics, len(on_atr) + len(on_lip))


def _pose_values(counts: LipJointCounts, weights: Index) -> list[float]:
    scores = lip_pose_scores(counts, weights)
    return [*(scores.groups[name] for name in LIP_JOINT_GROUPS), scores.total]


def _lip_counts(submissions: Submissions, pictures: PictureSet) -> LipJointCounts:
    truth = [picture.joints for picture in _lip(pictures)]
    names = [picture.name for picture in _lip(pictures)]
    return judged(names, truth, submissions["lip"])


def judged(
    names: Sequence[str],
    truth: Sequence[NDArray | None],
    submission: Path,
    head_sizes: NDArray | None = None,
) -> LipJointCounts:
    """Judge the joints of a submission; pictures without labels count nothing, head sizes are those of PCKh."""
    found = {Path(name).stem: pose for name, pose in read_pose_submission(submission / POSE).items()}
    predicted = np.array([found[Path(name).stem] for name in names]).reshape(-1, NUM_LIP_JOINTS, 2)
    nothing = np.zeros((NUM_LIP_JOINTS, 3))
    labelled = np.array([nothing if one is None else one for one in truth]).reshape(-1, NUM_LIP_JOINTS, 3)
    return judge_lip_joints(labelled, predicted, head_sizes=head_sizes)


def _pose_numbers(submissions: Submissions, pictures: PictureSet) -> Numbers:
    counts = _lip_counts(submissions, pictures)
    return Numbers(lambda weights: _pose_values(counts, weights), len(counts.right))


def _pose_by_group(submissions: Submissions, pictures: PictureSet) -> Numbers:
    counts, chosen = _lip_counts(submissions, pictures), _groups(pictures)
    names = ["all", *(factor for factor in FACTORS if factor != "head_missing")]

    def statistics(weights: Index) -> list[float]:
        return [
            lip_pose_scores(counts, weights * chosen[name]).total if name in chosen else float("nan")
            for name in names
        ]

    return Numbers(statistics, len(counts.right))


def _mpii_numbers(submissions: Submissions, pictures: PictureSet) -> Numbers:
    """PCKh on MPII, whose joints have LIP's order, by its head boxes where they are known."""
    samples = read_mpii(pictures.folders["mpii"], pictures.splits["mpii"], MPII)
    people = [sample.people[0] for sample in samples]
    names, truth = [sample.name for sample in samples], [person.joints for person in people]
    sizes = np.array([person.head_size for person in people])
    counts = judged(names, truth, submissions["mpii"], sizes)
    return Numbers(lambda weights: _pose_values(counts, weights), len(counts.right))


def _accuracies(scores: SegmentationScores) -> list[float]:
    return [scores.pixel_accuracy, scores.mean_accuracy, scores.miou]


def _classes(scores: SegmentationScores) -> list[float]:
    return [*scores.iou[list(_TABLE_4_ORDER)], scores.miou]


Measure = Callable[[Submissions, PictureSet], Numbers]


def _overall(submissions: Submissions, pictures: PictureSet) -> Numbers:
    return _parsing_numbers(submissions, pictures, _accuracies)


# The numbers of one system in each table. Those of the test split are measured on the split with labels.
MEASURES: dict[str, Measure] = {
    "table_2": _overall,
    "table_3": _overall,
    "table_12": _overall,
    "table_4": lambda done, pictures: _parsing_numbers(done, pictures, _classes),
    "table_5": _pose_numbers,
    "table_6": _pose_numbers,
    "table_11": _pose_numbers,
    "table_8_left": _common_with_atr,
    "table_8_right": lambda done, pictures: _by_group(done, pictures, SIZE_NAMES),
    "table_10": _mpii_numbers,
    "figure_5": lambda done, pictures: _by_group(done, pictures, ("all", *FACTORS)),
    "figure_7": _pose_by_group,
}
NEEDS: dict[str, tuple[str, ...]] = {"table_8_left": ("lip", "atr"), "table_10": ("mpii",)}
TEST_TABLES = (
    "table_3",
    "table_5",
    "table_11",
    "table_12",
)  # printed for the test set, whose labels are secret


def pictures_by_factor(pictures: PictureSet) -> list[float]:
    """The numbers of Figure 4: how many pictures show each factor; nan for one that cannot be recognised."""
    truth = [picture.joints for picture in _lip(pictures)]
    if pictures.factor_lists is None:
        nothing = np.zeros((NUM_LIP_JOINTS, 3))
        rows = np.array([nothing if one is None else one for one in truth]).reshape(-1, NUM_LIP_JOINTS, 3)
        counts = {name: float(of_factor.sum()) for name, of_factor in derived_visibilities(rows).items()}
    else:
        counts = {name: float(of_factor.sum()) for name, of_factor in _groups(pictures).items()}
    return [counts.get(factor, float("nan")) for factor in FACTORS]


def data_of(tables: Sequence[str]) -> list[str]:
    """The data sets on which tables are measured."""
    return list(dict.fromkeys(data for table in tables for data in NEEDS.get(table, ("lip",))))
