"""Pose NMS over boxes (Sec. 4.1): which of the people found in all crops of a photo are kept."""

from collections.abc import Sequence

import numpy as np

from posepart.config import MergeConfig
from posepart.geometry.boxes import box_iou
from posepart.geometry.pose_boxes import body_box, pose_fit
from posepart.schema import BODY_BOXES
from posepart.structures import Person

Rank = tuple[bool, float]  # (the detector has a box for the person, score); the higher is kept


def rank_of(person: Person, extra: bool, margin: float, config: MergeConfig) -> Rank:
    """Which of two poses of one person is kept: the one of higher rank.

    Sec. 4.1 ranks by `Pose.log_score`. That sum over joints tells how clearly the joints are seen, but not whether
    they belong to one person: of a good box and a shifted one of the same person, either may win. With
    `config.keep_by` "box" the rank is the score of the box times how well the pose fills it
    (`pose_boxes.pose_fit`). A person without a box of its own ranks below all others.

    Parameters
    ----------
    person : Person
        In the photo frame.
    extra : bool
        Whether the detector has no box for this person.
    margin : float
        How far a body reaches beyond its joints, see `pose_boxes.pose_extent`.
    config : MergeConfig

    Returns
    -------
    (bool, float)
        Whether the detector has a box for this person, and the score.
    """
    if config.keep_by == "pose":
        return not extra, person.pose.log_score
    joints = person.pose.xy[person.pose.present]
    return not extra, person.box_score * pose_fit(joints, person.box, margin)


def pose_nms(people: Sequence[Person], ranks: Sequence[Rank], config: MergeConfig) -> list[int]:
    """Of every two poses of one person, drop the one of lower rank (Sec. 4.1).

    Two poses are of one person if the IoU of their head, upper-body, lower-body or whole-body boxes exceeds its
    threshold. A body box is the extent of the joints of `schema.BODY_BOXES` that are present, its shorter side
    widened to `min_box_aspect` of the longer. A box is not compared if one of the poses has fewer than two of its
    joints, or has them all on one spot.

    Parameters
    ----------
    people : sequence of Person
        In the photo frame.
    ranks : sequence of (bool, float)
        The rank of each of them (`rank_of`).
    config : MergeConfig

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
        joints = list(BODY_BOXES[name])
        found = [person.pose.xy[joints][person.pose.present[joints]] for person in people]
        boxes = np.array([body_box(xy, config.min_box_aspect) for xy in found]).reshape(-1, 4)
        same |= box_iou(boxes, boxes) > threshold
    kept: list[int] = []
    for i in sorted(range(len(people)), key=lambda i: ranks[i], reverse=True):
        if not same[i, kept].any():
            kept.append(i)
    return kept
