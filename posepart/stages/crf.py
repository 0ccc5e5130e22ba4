"""The fully connected CRF as an integer linear programme: from candidates to poses (Sec. 3.1)."""

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, Index
from posepart.config import CrfConfig, FeatureConfig
from posepart.geometry.boxes import box_iou
from posepart.ilp import Problem, Solution, solve
from posepart.schema import NUM_JOINTS
from posepart.stages.features import PartGeometry, pairwise_features
from posepart.stages.pairwise import PairwiseModel
from posepart.structures import Candidates, Certificate, Grouping, Pose


def unary(scores: NDArray, clip: float) -> Float64:
    """psi_i(li) = log((1 - P(li)) / P(li)), Eq. (1).

    Parameters
    ----------
    scores : (N,), probabilities of joint types at candidates
    clip : float
        Probabilities are clipped to [clip, 1 - clip].

    Returns
    -------
    (N,) float64; negative where selecting the node pays by itself.
    """
    return _negative_log_odds(scores, clip)


def pairwise(probability: NDArray, clip: float) -> Float64:
    """psi_ij(li, lj) = log((1 - Pij(li, lj)) / Pij(li, lj)), Eq. (2); arguments as for `unary`."""
    return _negative_log_odds(probability, clip)


def tempered(potential: Float64, config: CrfConfig) -> Float64:
    """psi_ij as it enters the energy: times `pairwise_scale`, less `pairwise_prior`.

    Eq. (1) sums the pairs of a person as if each were independent evidence. Where the offsets are wrong for a
    pose as a whole (a gymnast), all its pairs say so at once, and with Eq. (1) as printed such people fall apart.
    """
    return config.pairwise_scale * potential - config.pairwise_prior


def _negative_log_odds(probability: NDArray, clip: float) -> Float64:
    clipped = np.clip(np.asarray(probability, np.float64), clip, 1 - clip)
    return np.log1p(-clipped) - np.log(clipped)


def nodes(candidates: Candidates, config: CrfConfig) -> tuple[Index, Index]:
    """The (candidate, joint type) pairs among which the CRF chooses.

    Variant A: every candidate with the type whose map proposed it. Variant B (`multi_label`): with every type
    of at least `label_threshold`, too.

    Returns
    -------
    candidate, label : (N,) int64 each, by candidate and then by label.
    """
    allowed = np.zeros(candidates.scores.shape, bool)
    allowed[np.arange(len(candidates)), candidates.joint] = True
    if config.multi_label:
        allowed |= candidates.scores >= config.label_threshold
    candidate, label = np.nonzero(allowed)
    return candidate, label


def node_pairs(candidate: Index, label: Index, same_label: bool = False) -> tuple[Index, Index]:
    """Pairs u < v of nodes of different candidates, (M,) int64 each.

    They have different joint types, or one and the same with `same_label`.
    """
    u, v = np.triu_indices(len(candidate), 1)
    keep = (candidate[u] != candidate[v]) & ((label[u] == label[v]) == same_label)
    return u[keep], v[keep]


def build_problem(
    candidates: Candidates,
    geometry: PartGeometry | None,
    model: PairwiseModel,
    features: FeatureConfig,
    config: CrfConfig,
) -> Problem:
    """Eq. (1) for one crop as arrays for the optimiser.

    Parameters
    ----------
    candidates : Candidates
    geometry : PartGeometry, or None without the segment term
    model : PairwiseModel
    features : FeatureConfig
    config : CrfConfig
        `unique_joints`: two joints of one type are never in one person, which the problem states as
        `unique_labels` instead of listing such pairs. Otherwise they cost what their distance says
        (`duplicate_slope`, `duplicate_bias`).

    Returns
    -------
    ilp.Problem
        Nodes as `nodes` lists them; `n_candidates` is the number of candidates.

    Raises
    ------
    ValueError
        If the model was not fitted for this setting of the segment term.
    """
    weights = model.variant(features.segment_term)
    candidate, label = nodes(candidates, config)
    u, v = node_pairs(candidate, label)
    columns = pairwise_features(candidates, geometry, candidate, label, u, v, features)
    probability = weights.probability(columns, label[u], label[v])
    potential = tempered(pairwise(probability, config.probability_clip), config)
    if not config.unique_joints:
        same_u, same_v = node_pairs(candidate, label, same_label=True)
        u, v = np.concatenate([u, same_u]), np.concatenate([v, same_v])
        apart = candidates.xy[candidate[same_u]] - candidates.xy[candidate[same_v]]
        merged = duplicate_probability(np.linalg.norm(apart, axis=1), config)
        potential = np.concatenate([potential, pairwise(merged, config.probability_clip)])
    return Problem(
        unary(candidates.scores[candidate, label], config.probability_clip),
        candidate,
        label,
        u,
        v,
        potential,
        config.unique_joints,
        len(candidates),
    )


def duplicate_probability(distance: NDArray, config: CrfConfig) -> Float64:
    """Probability that two joints of one type, `distance` (M,) px apart, are one: 1 / (1 + exp(a d - b))."""
    exponent = config.duplicate_slope * np.asarray(distance, np.float64) - config.duplicate_bias
    return 1 / (1 + np.exp(np.minimum(exponent, 500)))


def assemble(
    candidates: Candidates,
    geometry: PartGeometry | None,
    model: PairwiseModel,
    features: FeatureConfig,
    config: CrfConfig,
) -> Grouping:
    """Select candidates and group them into poses: the minimiser of Eq. (1).

    Arguments as for `build_problem`.

    Returns
    -------
    Grouping
        Poses in the crop frame, best score first; clusters of fewer than `min_joints` joints are left out.
    """
    problem = build_problem(candidates, geometry, model, features, config)
    return grouping(candidates, minimise(problem, config), config)


def minimise(problem: Problem, config: CrfConfig) -> Solution:
    """The minimiser of Eq. (1), with its certificate."""
    return solve(problem, time_limit=config.time_limit, engine=config.engine)


def grouping(candidates: Candidates, solution: Solution, config: CrfConfig) -> Grouping:
    """The clusters of a solution as poses, best score first."""
    chosen = np.flatnonzero(solution.labels >= 0)
    if config.multi_label:
        chosen = chosen[_distinct(candidates, solution, chosen, config)]
    poses = []
    for person in np.unique(solution.clusters[chosen]):
        members = chosen[solution.clusters[chosen] == person]
        pose = make_pose(candidates, members, solution.labels[members], config)
        if np.count_nonzero(pose.present) >= config.min_joints:
            poses.append(pose)
    poses.sort(key=lambda pose: -pose.log_score)
    certificate = Certificate(
        solution.energy, solution.bound, solution.gap, solution.status, solution.seconds
    )
    return Grouping(tuple(poses), certificate)


def make_pose(candidates: Candidates, members: Index, labels: Index, config: CrfConfig) -> Pose:
    """The pose of one cluster; of several joints of one type the best scored stays.

    Its score is the sum over the joints of log P, a missing joint counting `missing_joint_score` (Sec. 4.1).
    """
    xy = np.zeros((NUM_JOINTS, 2), np.float32)
    scores = np.zeros(NUM_JOINTS, np.float32)
    rising = np.argsort(candidates.scores[members, labels], kind="stable")
    members, labels = members[rising], labels[rising]
    xy[labels] = candidates.xy[members]
    scores[labels] = candidates.scores[members, labels]
    counted = np.where(scores > 0, scores, config.missing_joint_score).astype(np.float64)
    return Pose(xy, scores, float(np.log(counted).sum()))


def _distinct(candidates: Candidates, solution: Solution, chosen: Index, config: CrfConfig) -> Index:
    """Which of the chosen candidates stay when variant B names one joint twice, best score first.

    Proposals of one map are far apart, but two maps propose the same spot, and in variant B both proposals
    may get the same type, as two people, or two types in one pose.
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


def pose_of_box(grouping: Grouping, box: NDArray, crop_size: int, config: CrfConfig) -> Pose | None:
    """The one pose that a person box keeps, by `config.pose_choice`: `overlapping_pose` or `select_pose`.

    Parameters
    ----------
    grouping : Grouping, in the crop frame
    box : (4,) xyxy, crop frame
    crop_size : int
    config : CrfConfig

    Raises
    ------
    ValueError
        For a choice that does not exist.
    """
    if config.pose_choice == "overlap":
        return overlapping_pose(grouping, box, config.pose_margin)
    if config.pose_choice == "centre":
        return select_pose(grouping, crop_size)
    raise ValueError(f"crf.pose_choice is {config.pose_choice!r}: choose overlap or centre")


def further_poses(grouping: Grouping, own: Pose | None, config: CrfConfig) -> tuple[Pose, ...]:
    """The other poses of a box that have enough joints to be people whom the detector did not box."""
    return tuple(
        pose
        for pose in grouping.poses
        if pose is not own and np.count_nonzero(pose.present) >= config.further_joints
    )


def pose_extent(xy: NDArray, margin: float) -> NDArray[np.float64]:
    """Box (4,) xyxy of joints (J, 2): their extent, grown by `margin` of its longer side, at least half a pixel."""
    low, high = xy.min(axis=0).astype(np.float64), xy.max(axis=0).astype(np.float64)
    reach = max(margin * float((high - low).max()), 0.5)
    return np.concatenate([low - reach, high + reach])


def overlapping_pose(grouping: Grouping, box: NDArray, margin: float) -> Pose | None:
    """The pose whose extent overlaps the box most (intersection over union).

    A pose's extent is its joints' bounding box grown by `margin` of its longer side, as hands, feet and hair
    reach beyond the joints. The box says more than its centre: where two people stand before each other, both
    their centres are near it. Left-over clusters of a few joints overlap little. Of equal poses the better
    scored wins.
    """
    return max(grouping.poses, key=lambda pose: (pose_fit(pose, box, margin), pose.log_score), default=None)


def pose_fit(pose: Pose, box: NDArray, margin: float) -> float:
    """How well a pose fills a box: intersection over union of `pose_extent` and the box (4,) xyxy."""
    extent = pose_extent(pose.xy[pose.present], margin)
    return float(box_iou(extent[None], box[None])[0, 0])


def select_pose(grouping: Grouping, crop_size: int) -> Pose | None:
    """The pose whose centre is nearest the box centre (Sec. 3.1).

    The centre of a pose is the centre of its joints' bounding box, as for the box itself: a mean of joints
    would lean towards the arms and shoulders of a half-seen person. Left-over clusters of a few joints may
    lie at the very centre, so only poses with at least half as many joints as the largest are considered.
    Of equally near poses the better scored wins.

    Parameters
    ----------
    grouping : Grouping, in the crop frame
    crop_size : int
        Side of the crop, px; the box is centred in it.

    Returns
    -------
    Pose, or None if no pose was found.
    """
    counts = [np.count_nonzero(pose.present) for pose in grouping.poses]
    large = [pose for pose, count in zip(grouping.poses, counts, strict=True) if 2 * count >= max(counts)]
    return min(large, key=lambda pose: _off_centre(pose, crop_size), default=None)


def _off_centre(pose: Pose, crop_size: int) -> tuple[float, float]:
    joints = pose.xy[pose.present]
    centre = (joints.min(axis=0) + joints.max(axis=0)) / 2
    return float(np.linalg.norm(centre - (crop_size - 1) / 2)), -pose.log_score
