"""Pose NMS over boxes (Sec. 4.1): which of the people found in all crops of a photo stay."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from posepart.config import MergeConfig
from posepart.geometry.boxes import box_iou
from posepart.schema import BODY_BOXES, Joint
from posepart.stages.crf import pose_fit
from posepart.structures import Person, Pose


def keep_order(people: Sequence[Person], further: int, margin: float, config: MergeConfig) -> list[float]:
    """Which of two poses of one person stays: the one of higher rank.

    Sec. 4.1 ranks by `Pose.score`. That sum over joints tells how clear the joints are, not whose: of a good box
    and a shifted one of the same person, either may win. With `config.rank` "box" a pose counts as its box does,
    times how well it fills it (`crf.pose_fit`).

    Parameters
    ----------
    people : photo frame
    further : the last so many people have no box of their own; they rank below all others
    margin : see `crf.pose_fit`
    config : MergeConfig

    Returns
    -------
    list of float
        One per person.
    """
    ranks = [_rank(person, margin, config) for person in people]
    boxed = len(people) - further
    step = 1 + max(ranks, default=0) - min(ranks, default=0)
    return ranks[:boxed] + [rank - step for rank in ranks[boxed:]]


def _rank(person: Person, margin: float, config: MergeConfig) -> float:
    if config.rank == "pose":
        return person.pose.log_score
    return person.box_score * pose_fit(person.pose, person.box, margin)


def pose_nms(people: Sequence[Person], ranks: Sequence[float], config: MergeConfig) -> list[int]:
    """Drop the pose of lower rank of every two poses of one person (Sec. 4.1).

    Two poses are of one person if the IoU of their head, upper-body, lower-body or whole-body boxes exceeds its
    threshold. A body box is the extent of the joints of `schema.BODY_BOXES` that are present, its shorter side
    widened to `min_box_aspect` of the longer. It is not compared where one of the poses has fewer than two of
    its joints or has them all on one spot.

    Returns
    -------
    list of int
        Indices of the people kept, best rank first; of equal ranks the first wins.
    """
    thresholds = {
        "head": config.head_iou,
        "upper_body": config.upper_body_iou,
        "lower_body": config.lower_body_iou,
        "whole_body": config.whole_body_iou,
    }
    same = np.zeros((len(people), len(people)), bool)
    for name, threshold in thresholds.items():
        rows = [body_box(person.pose, BODY_BOXES[name], config.min_box_aspect) for person in people]
        boxes = np.array(rows).reshape(-1, 4)
        same |= box_iou(boxes, boxes) > threshold
    kept: list[int] = []
    for i in sorted(range(len(people)), key=lambda i: -ranks[i]):
        if not same[i, kept].any():
            kept.append(i)
    return kept


def body_box(pose: Pose, joints: Sequence[Joint], min_aspect: float) -> NDArray[np.float64]:
    """Extent of some joints of a pose: (4,) float64 xyxy in its frame, NaN where it has none."""
    xy = pose.xy[list(joints)][pose.present[list(joints)]].astype(np.float64)
    if len(xy) < 2:
        return np.full(4, np.nan)
    low, high = xy.min(axis=0), xy.max(axis=0)
    longest = (high - low).max()
    if longest <= 0:
        return np.full(4, np.nan)
    widen = np.maximum(min_aspect * longest - (high - low), 0) / 2
    return np.concatenate([low - widen, high + widen])
