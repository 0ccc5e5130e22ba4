"""Scores on the data sets beside LIP: ATR (Table 8), MPII (Table 10) and CIHP, from the files of predict_lip.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posepart.arrays import Float64, Ids, Index
from posepart.data.cihp import ParsedPicture
from posepart.data.lip_files import pair_by_name, read_pose_submission
from posepart.data.sample import Sample
from posepart.io.files import read_text
from posepart.io.label_maps import read_label_map
from posepart.metrics.instance_parsing import (
    ParsingScores,
    PeopleParts,
    Rule,
    judge_parsing,
    merge_parsing,
    parsing_scores,
)
from posepart.metrics.lip import LipPoseScores, judge_lip_joints, lip_pose_scores
from posepart.metrics.people import mean_defined
from posepart.metrics.segmentation import SegmentationScores, confusion_matrix, segmentation_scores
from posepart.schema import IGNORE
from posepart.schema.atr_and_cihp import CIHP, COMMON_WITH_ATR
from posepart.schema.lip import NUM_LIP_LABELS
from posepart.schema.mpii import MPII


def score_common_labels(
    pictures: Sequence[ParsedPicture], submission: Path
) -> tuple[SegmentationScores, float]:
    """Score LIP's labels on ATR: the 16 categories that both have (Sec. 6.2.1, Table 8).

    Pixels of ATR's belts and bags do not count. A label that ATR lacks (gloves, coats, socks, jumpsuits) is wrong
    where it is predicted: the paper does not say what it does with them.

    Parameters
    ----------
    pictures : sequence of ParsedPicture
        Of ATR.
    submission : Path
        A folder of PNGs of LIP's ids, each named after its picture.

    Returns
    -------
    scores : SegmentationScores
        By LIP's 20 labels.
    miou : float
        The mean IoU of the 16.

    Raises
    ------
    ValueError
        A picture has no labels, or a prediction is absent, of another size, or has unknown ids.
    """
    confusion = np.zeros((NUM_LIP_LABELS, NUM_LIP_LABELS), np.int64)
    for picture in pictures:
        truth = picture.read_lip_labels()
        if truth is None:
            raise ValueError(f"{picture.name}: has no label map; leave it out or copy the labels again")
        confusion += _confusion(truth, Path(submission) / f"{Path(picture.name).stem}.png")
    scores = segmentation_scores(confusion)
    return scores, mean_defined(scores.iou[list(COMMON_WITH_ATR)])


def _confusion(truth: Ids, path: Path) -> Index:
    try:
        return confusion_matrix(truth, read_label_map(path, NUM_LIP_LABELS), NUM_LIP_LABELS)
    except ValueError as error:
        raise ValueError(f"{path}: {error}" if str(path) not in str(error) else str(error)) from error


def score_mpii(samples: Sequence[Sample], submission: Path) -> LipPoseScores:
    """PCKh@0.5 of LIP's or MPII's 16 joints on MPII's pictures of one person (Table 10).

    The head size is MPII's, 0.6 x the diagonal of the head box, where the data have it, else the head's length.
    LIP's spine has no counterpart; as in LIP, it and the pelvis are not in the total.

    Parameters
    ----------
    samples : sequence of Sample
        In MPII's schema.
    submission : Path
        A csv of file, then x, y of 16 joints.

    Raises
    ------
    ValueError
        Rows and pictures do not match, or the file is wrong.
    """
    poses = read_pose_submission(submission)
    rows = pair_by_name([sample.name for sample in samples], list(poses))
    values = list(poses.values())
    shape = len(samples), len(MPII.joints)
    predicted = np.array([values[row] for row in rows]).reshape(*shape, 2)
    nothing = np.zeros((len(MPII.joints), 3))
    people = [sample.people[0] for sample in samples]
    truth = np.array([nothing if p.joints is None else p.joints for p in people], np.float64).reshape(
        *shape, 3
    )
    heads = np.array([person.head_size for person in people])
    return lip_pose_scores(judge_lip_joints(truth, predicted, head_sizes=heads))


@dataclass(frozen=True)
class InstanceReport:
    """Scores of several people in every picture."""

    instances: ParsingScores  # AP^r, AP^p and PCP
    labels: SegmentationScores  # of the label maps, all people together


def score_cihp(pictures: Sequence[ParsedPicture], submission: Path, rule: Rule = "strict") -> InstanceReport:
    """Score a submission in CIHP's layout: people by their parts, and the label maps.

    Parameters
    ----------
    pictures : sequence of ParsedPicture
        Of CIHP.
    submission : Path
        Folder with Category_ids/, Human_ids/ and people.csv: file, person value, score; without it all scores are 1.
    rule : {"strict", "official"}
        See `metrics.instance_parsing`.

    Raises
    ------
    ValueError
        A picture has no labels, or a prediction is absent, of another size, or has unknown ids or people.
    """
    labels, submission = len(CIHP.labels), Path(submission)
    scores = _people_scores(submission / "people.csv")
    confusion = np.zeros((labels, labels), np.int64)
    records = []
    for picture in pictures:
        truth, people = picture.read_labels(), picture.read_people()
        if truth is None or people is None:
            raise ValueError(f"{picture.name}: lacks labels or people; leave it out or copy them again")
        people = np.where(people == IGNORE, 0, people)
        file = f"{Path(picture.name).stem}.png"
        parts = read_label_map(submission / "Category_ids" / file, labels)
        numbers = read_label_map(submission / "Human_ids" / file, IGNORE)
        found = int(numbers.max(initial=0))
        of_people = scores.get(picture.name, np.ones(found)) if scores is not None else np.ones(found)
        try:
            confusion += confusion_matrix(truth, parts, labels)
            known = PeopleParts(truth, people, np.ones(int(people.max(initial=0))))
            records.append(judge_parsing(PeopleParts(parts, numbers, of_people), known, rule, labels))
        except ValueError as error:
            raise ValueError(f"{submission}, {file}: {error}") from error
    return InstanceReport(parsing_scores(merge_parsing(records, labels)), segmentation_scores(confusion))


def _people_scores(path: Path) -> dict[str, Float64] | None:
    """Scores of the people of every picture, in the order of their values; None without the file."""
    if not path.exists():
        return None
    rows: dict[str, list[float]] = {}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        try:
            name, value, score = line.rsplit(",", 2)
            rows.setdefault(name, []).append(float(score))
            if int(value) != len(rows[name]):
                raise ValueError("people are not numbered 1, 2, ...")
        except ValueError as error:
            raise ValueError(
                f"{path}, line {number}: expected file, person value and score ({error})"
            ) from None
    return {name: np.array(values) for name, values in rows.items()}
