"""Why a pose is what it is: the terms of Eq. (1) that speak for each joint, and the price of doing without it.

All prices are energies in nats: negative speaks for a joint, positive against it.

*Terms.* The energy of a person is the sum of the unaries of its joints and of the pairwise costs of all their
pairs. A pairwise cost psi_ij = -(w . terms(f) + b), Eq. (2), is split by feature around f = 0, which are offsets
that lead exactly to the other joint, and no part anywhere near:

    psi_ij(f) = psi_ij(0)  +  sum over the features k of  -w_k (terms_k(f_k) - terms_k(0))

`base` is psi_ij(0); the distances and angles tell what the misfit of the offsets adds; the segment features tell
what the part maps add, so their sum is the difference to a crop without part scores. Probabilities are clipped
before the logarithm: what that changes is `clipped`, so that the sum is exact.

*Prices.* Three, from cheap to thorough:

- `removal`: leave the joint out and keep all else as it is: minus its terms;
- `runner_up`: keep all else and let the best other candidate of the same type take the joint's place;
- `margin`: forbid the candidate altogether, solve Eq. (1) again and subtract the optimum. All else may change,
  another candidate may take the place (`successor`) or none. It is never more than the first two, and never
  negative; where a search ran into its time limit it is an interval between certified bounds.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, Index
from posepart.config import CrfConfig, FeatureConfig
from posepart.explanation.prices import heir, runner_up, solve_without
from posepart.explanation.records import (
    FAMILIES,
    JointExplanation,
    Margin,
    PairExplanation,
    PoseExplanation,
    Terms,
)
from posepart.ilp import Problem, Solution
from posepart.schema import Joint
from posepart.stages.crf import tempered
from posepart.stages.features import OFFSET_FEATURES, PartGeometry, feature_names, pairwise_features
from posepart.stages.pairwise import PAIR_CLASS, LogisticWeights, PairwiseModel, canonical_order
from posepart.structures import Candidates, Pose


def explain(
    candidates: Candidates,
    geometry: PartGeometry | None,
    model: PairwiseModel,
    problem: Problem,
    solution: Solution,
    pose: Pose,
    features: FeatureConfig,
    config: CrfConfig,
) -> PoseExplanation:
    """Explain a pose of one crop.

    Parameters
    ----------
    candidates : Candidates
    geometry : PartGeometry, or None without the segment term
    model : PairwiseModel
    problem : ilp.Problem
        What `crf.build_problem` made of the above.
    solution : ilp.Solution
        Its minimiser.
    pose : Pose
        One of `crf.grouping` of it, in the crop frame.
    features : FeatureConfig
    config : CrfConfig
        `time_limit` holds for each joint's search.

    Returns
    -------
    PoseExplanation

    Raises
    ------
    ValueError
        If the pose is not one of the solution's.
    """
    person = person_of(pose, candidates, problem, solution)
    members = solution.nodes[person]
    members = members[np.argsort(problem.label[members], kind="stable")]
    pairs = _explain_pairs(candidates, geometry, model, problem, members, features, config)
    joints = tuple(
        _explain_joint(candidates, problem, solution, pose, person, int(node), pairs, config)
        for node in members
    )
    return PoseExplanation(
        joints,
        pairs,
        feature_names(features),
        problem.energy([members]),
        solution.energy,
        solution.bound,
    )


def person_of(pose: Pose, candidates: Candidates, problem: Problem, solution: Solution) -> int:
    """Which person of the solution a pose shows: the one with most of its joints.

    The pose may lack joints of the person: those that `crf.grouping` drops as second namings.
    """
    matches = np.zeros(len(solution.nodes), np.int64)
    for person, nodes in enumerate(solution.nodes):
        matches[person] = sum(_shows(pose, candidates, problem, int(node)) for node in nodes)
    if not matches.any():
        raise ValueError(
            "the pose has no joint of this solution: pass one of the poses that crf.grouping made of it"
        )
    return int(matches.argmax())


def _shows(pose: Pose, candidates: Candidates, problem: Problem, node: int) -> bool:
    candidate, label = problem.candidate[node], problem.label[node]
    same_score = candidates.scores[candidate, label] == pose.joint_scores[label]
    return bool(same_score and (candidates.xy[candidate] == pose.xy[label]).all())


def pair_contributions(
    weights: LogisticWeights, features: NDArray, label_u: Index, label_v: Index
) -> tuple[Float64, Float64]:
    """psi_ij of Eq. (2), before clipping, split by feature around f = 0.

    Parameters
    ----------
    weights : LogisticWeights
    features : (M, F)
        In the column order of `weights.columns`.
    label_u, label_v : (M,) int64
        Different joint types.

    Returns
    -------
    base : (M,) float64
        psi_ij(0), nats.
    by_feature : (M, F) float64
        What each feature adds to it, nats; u is the lower joint type whatever the order of the pair.
    """
    pair_class = PAIR_CLASS[label_u, label_v]
    weight = weights.weights[pair_class]
    count = len(weights.columns)
    origin = weights.terms(np.zeros((1, count)))
    base = -(weight @ origin[0] + weights.bias[pair_class])
    ordered = canonical_order(np.asarray(features, np.float64), label_u, label_v)
    by_term = -(weights.terms(ordered) - origin) * weight
    by_feature = by_term[:, :count]
    by_feature[:, : len(OFFSET_FEATURES)] += by_term[:, count:]
    return base, by_feature


def _explain_pairs(
    candidates: Candidates,
    geometry: PartGeometry | None,
    model: PairwiseModel,
    problem: Problem,
    members: Index,
    features: FeatureConfig,
    config: CrfConfig,
) -> tuple[PairExplanation, ...]:
    """Every two nodes of a person, by joint types."""
    first, second = np.triu_indices(len(members), 1)
    u, v = members[first], members[second]
    label_u, label_v = problem.label[u], problem.label[v]
    weights = model.variant(features.segment_term)
    cost = _pair_costs(problem)[u, v]
    base, by_feature = cost.copy(), np.zeros((len(u), len(weights.columns)))
    split = label_u != label_v  # what two joints of one type cost is no matter of features
    columns = pairwise_features(
        candidates, geometry, problem.candidate, problem.label, u[split], v[split], features
    )
    bare, contributions = pair_contributions(weights, columns, label_u[split], label_v[split])
    base[split], by_feature[split] = tempered(bare, config), config.pairwise_scale * contributions
    clipped = cost - base - by_feature.sum(axis=1)
    return tuple(
        PairExplanation(
            (Joint(label_u[k]), Joint(label_v[k])),
            (int(problem.candidate[u[k]]), int(problem.candidate[v[k]])),
            tuple(by_feature[k].tolist()),
            Terms(float(base[k]), _by_family(weights.columns, by_feature[k]), float(clipped[k])),
        )
        for k in range(len(u))
    )


def _pair_costs(problem: Problem) -> Float64:
    """(N, N) float64 symmetric; 0 where the problem names no cost."""
    costs = np.zeros((problem.n_nodes, problem.n_nodes))
    costs[problem.pair_u, problem.pair_v] = costs[problem.pair_v, problem.pair_u] = problem.pair_cost
    return costs


def _by_family(columns: Sequence[str], values: Float64) -> tuple[float, ...]:
    sums = dict.fromkeys(FAMILIES, 0.0)
    for name, value in zip(columns, values.tolist(), strict=True):
        sums[next(family for family in FAMILIES if family in name.split("_"))] += value
    return tuple(sums.values())


def _explain_joint(
    candidates: Candidates,
    problem: Problem,
    solution: Solution,
    pose: Pose,
    person: int,
    node: int,
    pairs: Sequence[PairExplanation],
    config: CrfConfig,
) -> JointExplanation:
    candidate, label = int(problem.candidate[node]), int(problem.label[node])
    again = solve_without(problem, solution, candidate, config)
    margin = Margin(
        max(0.0, again.bound - solution.energy),
        max(0.0, again.energy - solution.bound),
    )
    others = np.setdiff1d(solution.nodes[person], [node])
    left = heir(others, again)
    takes_over = [int(n) for n in np.setdiff1d(left, others) if problem.label[n] == label]
    return JointExplanation(
        Joint(label),
        candidate,
        float(candidates.scores[candidate, label]),
        _shows(pose, candidates, problem, node),
        float(problem.unary[node]),
        _sum_of([pair.terms for pair in pairs if candidate in pair.candidates]),
        margin,
        int(problem.candidate[takes_over[0]]) if takes_over else None,
        tuple(Joint(joint) for joint in np.sort(problem.label[np.setdiff1d(others, left)])),
        runner_up(problem, solution, person, node),
    )


def _sum_of(terms: Sequence[Terms]) -> Terms:
    families = tuple(sum(term.families[k] for term in terms) for k in range(len(FAMILIES)))
    return Terms(sum(term.base for term in terms), families, sum(term.clipped for term in terms))
