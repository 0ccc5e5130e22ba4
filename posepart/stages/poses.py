"""From the clusters of the CRF to poses, and from the poses of a crop to its people (Sec. 3.1)."""

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Index
from posepart.config import ChoiceConfig, LabelConfig
from posepart.geometry.pose_boxes import pose_fit
from posepart.ilp import Solution
from posepart.schema import NUM_JOINTS
from posepart.structures import Candidates, Choice, Crop, Grouping, Pose


def decode(
    candidates: Candidates, solution: Solution, labels: LabelConfig, choice: ChoiceConfig
) -> tuple[Pose, ...]:
    """The clusters of a solution as poses (Sec. 3.1).

    Parameters
    ----------
    candidates : Candidates
        In the crop frame.
    solution : ilp.Solution
        A label and a cluster for each node of the candidates' problem.
    labels : LabelConfig
    choice : ChoiceConfig
        Clusters of fewer than `min_joints` joints are left out.

    Returns
    -------
    tuple of Pose
        In the crop frame, best score first.
    """
    chosen = np.flatnonzero(solution.labels >= 0)
    if labels.multi_label:
        chosen = chosen[_distinct(candidates, solution, chosen, labels)]
    poses = []
    for person in np.unique(solution.clusters[chosen]):
        members = chosen[solution.clusters[chosen] == person]
        pose = make_pose(candidates, members, solution.labels[members], choice)
        if np.count_nonzero(pose.present) >= choice.min_joints:
            poses.append(pose)
    return tuple(sorted(poses, key=lambda pose: -pose.log_score))


def make_pose(candidates: Candidates, members: Index, labels: Index, config: ChoiceConfig) -> Pose:
    """The pose of one cluster; of several joints of one type the best scored is kept.

    Its score is the sum over the joints of log P, in which a missing joint has P = `missing_joint_score` (Sec. 4.1).

    Parameters
    ----------
    candidates : Candidates
    members : (k,) int64
        Candidates of the cluster.
    labels : (k,) int64
        Their joint types.
    config : ChoiceConfig
    """
    xy = np.zeros((NUM_JOINTS, 2), np.float32)
    scores = np.zeros(NUM_JOINTS, np.float32)
    rising = np.argsort(candidates.scores[members, labels], kind="stable")
    members, labels = members[rising], labels[rising]
    xy[labels] = candidates.xy[members]
    scores[labels] = candidates.scores[members, labels]
    counted = np.where(scores > 0, scores, config.missing_joint_score).astype(np.float64)
    return Pose(xy, scores, float(np.log(counted).sum()))


def _distinct(candidates: Candidates, solution: Solution, chosen: Index, config: LabelConfig) -> Index:
    """Positions in `chosen` of the candidates to keep when several types are allowed, rising.

    Proposals of one map are far apart, but two maps may propose the same spot. Both proposals can then get the
    same type, in two people, or two types in one person. Of two such proposals the better scored is kept.
    """
    label, person, xy = solution.labels[chosen], solution.clusters[chosen], candidates.xy[chosen]
    kept: list[int] = []
    for i in np.argsort(-candidates.scores[chosen, label], kind="stable"):
        distance = np.linalg.norm(xy[kept] - xy[i], axis=1)
        same_joint = (label[kept] == label[i]) & (distance < config.same_label_distance)
        same_spot = (person[kept] == person[i]) & (distance < config.same_spot_distance)
        if not np.any(same_joint | same_spot):
            kept.append(int(i))
    return np.sort(np.array(kept, np.int64))


def choose_poses(grouping: Grouping, crop: Crop, config: ChoiceConfig) -> Choice:
    """The people of a crop (Sec. 3.1): the person the box is of, and further people.

    Parameters
    ----------
    grouping : Grouping
        In the crop frame.
    crop : Crop
    config : ChoiceConfig
        `rule` says which pose is that of the box. Each other pose is a further person, without a box of its own, if
        it has at least `extra_joints` joints. With the rule "all", for a box that is the whole photo, every pose is
        a further person.

    Returns
    -------
    Choice
    """
    if config.rule == "all":
        return Choice(None, grouping.poses)
    box = crop.affine.forward(crop.box.reshape(2, 2)).ravel()
    if config.rule == "overlap":
        own = pose_by_overlap(grouping, box, config.margin)
    else:
        own = pose_by_centre(grouping, box, config.centre_share)
    extra = tuple(
        pose
        for pose in grouping.poses
        if pose is not own and np.count_nonzero(pose.present) >= config.extra_joints
    )
    return Choice(own, extra)


def pose_by_overlap(grouping: Grouping, box: NDArray, margin: float) -> Pose | None:
    """The pose whose extent overlaps the box most (intersection over union); None without poses.

    The whole box tells people apart better than its centre does: where one person stands in front of another, the
    centres of both poses are near it. Clusters of a few left-over joints overlap little. Of poses that overlap
    equally the better scored wins.

    Parameters
    ----------
    grouping : Grouping
        In the crop frame.
    box : (4,) xyxy, crop frame
    margin : float
        How far a body reaches beyond its joints, see `pose_extent`.
    """
    return max(
        grouping.poses,
        key=lambda pose: (pose_fit(pose.xy[pose.present], box, margin), pose.log_score),
        default=None,
    )


def pose_by_centre(grouping: Grouping, box: NDArray, least_share: float) -> Pose | None:
    """The pose whose centre is nearest the box centre (Sec. 3.1); None without poses.

    The centre of a pose is the centre of the bounding box of its joints; the mean of the joints would lie too near
    the arms and shoulders of a person who is half visible. Clusters of a few left-over joints may lie at the very
    centre, so only poses with at least `least_share` of the joints of the largest are considered (in the paper all).
    Of equally near poses the better scored wins.

    Parameters
    ----------
    grouping : Grouping
        In the crop frame.
    box : (4,) xyxy, crop frame
    least_share : float
        In [0, 1].
    """
    counts = [np.count_nonzero(pose.present) for pose in grouping.poses]
    least = least_share * max(counts, default=0)
    large = [pose for pose, count in zip(grouping.poses, counts, strict=True) if count >= least]
    return min(large, key=lambda pose: _off_centre(pose, box), default=None)


def _off_centre(pose: Pose, box: NDArray) -> tuple[float, float]:
    joints = pose.xy[pose.present]
    centre = (joints.min(axis=0) + joints.max(axis=0)) / 2
    return float(np.linalg.norm(centre - box.reshape(2, 2).mean(axis=0))), -pose.log_score
