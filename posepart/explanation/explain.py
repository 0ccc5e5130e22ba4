"""Why a pose is as it is: the terms of Eq. (1) for and against each joint, and the cost of doing without it.

All numbers are energies in nats: negative terms speak for a joint, positive ones against it.

*Terms.* The energy of a person is the sum of the unaries of its joints and of the pairwise costs of all its pairs. A
pairwise cost psi_ij = -(w . terms(f) + b), Eq. (2), is split by feature around f = 0. There the offsets lead exactly
to the other joint, and no part is near:

    psi_ij(f) = psi_ij(0)  +  sum over the features k of  -w_k (terms_k(f_k) - terms_k(0))

`base` is psi_ij(0). The distances and angles tell what the misfit of the offsets adds. The segment features tell
what the part maps add, so their sum is the difference to a crop without part scores. Probabilities are clipped
before the logarithm; `clipped` is what that changes, so that the sum is exact.

*Prices.* There are three, from cheap to thorough:

- `removal`: leave the joint out and change nothing else. This is minus its terms.
- `runner_up`: replace the joint's candidate by the best other candidate of the same type and change nothing else.
- `margin`: forbid the candidate, solve Eq. (1) again, and subtract the optimum. Everything else may change: another
  candidate may become the joint (`successor`), or none. The margin is never negative and never larger than the other
  two. Where a search ran into its time limit, it is an interval between certified bounds.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, Index
from posepart.explanation.prices import runner_up, solve_without, successor_person
from posepart.explanation.records import (
    FAMILIES,
    JointExplanation,
    Margin,
    PairExplanation,
    PoseExplanation,
    Terms,
)
from posepart.pipeline import Trace
from posepart.schema import Joint
from posepart.stages.crf import SolvedCrf, tempered
from posepart.stages.features import feature_names, pairwise_features
from posepart.stages.pairwise import PAIR_CLASS, LogisticWeights, canonical_order
from posepart.structures import Pose


def explain(trace: Trace, person: int) -> PoseExplanation:
    """Explain the pose of one person of a photo. Eq. (1) is solved again for every joint.

    Parameters
    ----------
    trace : Trace
        From `Pipeline.trace`.
    person : int
        Index in `trace.scene.people`, from 0.

    Returns
    -------
    PoseExplanation
        Candidates are numbered as in `crf_of(trace, person).candidates`.

    Raises
    ------
    ValueError
        If there is no such person, or the model has no CRF, as a JPPNet alone.
    """
    return explain_pose(crf_of(trace, person), trace.sources[person].pose)


def crf_of(trace: Trace, person: int) -> SolvedCrf:
    """The solved CRF of the crop that a person comes from; arguments and errors as for `explain`."""
    if not 0 <= person < len(trace.sources):
        raise ValueError(
            f"person {person}: the photo has {len(trace.sources)} people, and their indices start from 0"
        )
    crf = trace.groupings[trace.sources[person].crop]
    if not isinstance(crf, SolvedCrf):
        raise ValueError(
            f"{trace.scene.model} has no CRF, so there is nothing to explain; choose another model"
        )
    return crf


def explain_pose(crf: SolvedCrf, pose: Pose) -> PoseExplanation:
    """Explain one pose of a crop.

    Parameters
    ----------
    crf : SolvedCrf
        Its solver's time limit holds for each joint's search.
    pose : Pose
        One of `crf.poses`.

    Raises
    ------
    ValueError
        If the pose is not one of the solution's.
    """
    person = person_of(pose, crf)
    members = crf.solution.nodes[person]
    members = members[np.argsort(crf.problem.label[members], kind="stable")]
    pairs = _explain_pairs(crf, members)
    return PoseExplanation(
        tuple(_explain_joint(crf, pose, person, int(node), pairs) for node in members),
        pairs,
        feature_names(crf.assembler.config.features),
        crf.problem.energy([members]),
        crf.solution.energy,
        crf.solution.bound,
    )


def person_of(pose: Pose, crf: SolvedCrf) -> int:
    """The person of the solution, as an index in `solution.nodes`, who has most of the pose's joints.

    The pose may lack joints of the person: of two joints of one type, or at one spot, `decode` keeps one.

    Raises
    ------
    ValueError
        If the pose has no joint of the solution.
    """
    matches = np.zeros(len(crf.solution.nodes), np.int64)
    for person, nodes in enumerate(crf.solution.nodes):
        matches[person] = sum(_shows(pose, crf, int(node)) for node in nodes)
    if not matches.any():
        raise ValueError("the pose has no joint of this solution: pass one of the poses of this crop's CRF")
    return int(matches.argmax())


def _shows(pose: Pose, crf: SolvedCrf, node: int) -> bool:
    candidate, label = crf.problem.candidate[node], crf.problem.label[node]
    same_score = crf.candidates.scores[candidate, label] == pose.joint_scores[label]
    return bool(same_score and (crf.candidates.xy[candidate] == pose.xy[label]).all())


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
        What each feature adds to it, nats. u is the lower joint type, whatever the order of the pair.
    """
    pair_class = PAIR_CLASS[label_u, label_v]
    weight = weights.weights[pair_class]
    count = len(weights.columns)
    origin = weights.terms(np.zeros((1, count)))
    base = -(weight @ origin[0] + weights.bias[pair_class])
    ordered = canonical_order(np.asarray(features, np.float64), label_u, label_v)
    by_term = -(weights.terms(ordered) - origin) * weight
    by_feature = by_term[:, :count]
    by_feature[:, : by_term.shape[1] - count] += by_term[:, count:]  # exp(-f) of the first features, if any
    return base, by_feature


def _explain_pairs(crf: SolvedCrf, members: Index) -> tuple[PairExplanation, ...]:
    """Every two nodes of a person, by joint types."""
    problem, config = crf.problem, crf.assembler.config
    first, second = np.triu_indices(len(members), 1)
    u, v = members[first], members[second]
    label_u, label_v = problem.label[u], problem.label[v]
    weights = crf.assembler.pairwise.variant(config.features.segment_term)
    cost = problem.pair_matrix()[u, v]
    base, by_feature = cost.copy(), np.zeros((len(u), len(weights.columns)))
    split = label_u != label_v  # two joints of one type cost what their distance says, whatever the features
    columns = pairwise_features(
        crf.candidates, crf.geometry, problem.candidate, problem.label, u[split], v[split], config.features
    )
    potentials = config.crf.potentials
    bare, contributions = pair_contributions(weights, columns, label_u[split], label_v[split])
    base[split], by_feature[split] = tempered(bare, potentials), potentials.pairwise_scale * contributions
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


def _by_family(columns: Sequence[str], values: Float64) -> tuple[float, ...]:
    sums = dict.fromkeys(FAMILIES, 0.0)
    for name, value in zip(columns, values.tolist(), strict=True):
        sums[next(family for family in FAMILIES if family in name.split("_"))] += value
    return tuple(sums.values())


def _explain_joint(
    crf: SolvedCrf, pose: Pose, person: int, node: int, pairs: Sequence[PairExplanation]
) -> JointExplanation:
    problem, solution = crf.problem, crf.solution
    candidate, label = int(problem.candidate[node]), int(problem.label[node])
    again = solve_without(problem, solution, candidate, crf.assembler.config.crf.solver)
    others = np.setdiff1d(solution.nodes[person], [node])
    kept = successor_person(others, again)
    replacing = [int(n) for n in np.setdiff1d(kept, others) if problem.label[n] == label]
    return JointExplanation(
        joint=Joint(label),
        candidate=candidate,
        score=float(crf.candidates.scores[candidate, label]),
        in_pose=_shows(pose, crf, node),
        unary=float(problem.unary[node]),
        pairwise=_sum_of([pair.terms for pair in pairs if candidate in pair.candidates]),
        margin=Margin(
            max(0.0, again.bound - solution.energy),
            max(0.0, again.energy - solution.bound),
        ),
        successor=int(problem.candidate[replacing[0]]) if replacing else None,
        leaving=tuple(Joint(joint) for joint in np.sort(problem.label[np.setdiff1d(others, kept)])),
        runner_up=runner_up(problem, solution, person, node),
    )


def _sum_of(terms: Sequence[Terms]) -> Terms:
    families = tuple(sum(term.families[k] for term in terms) for k in range(len(FAMILIES)))
    return Terms(sum(term.base for term in terms), families, sum(term.clipped for term in terms))
