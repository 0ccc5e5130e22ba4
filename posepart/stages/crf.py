"""The fully-connected CRF of Eqs. (1) and (2), solved as an integer linear programme (Sec. 3.1)."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, Index
from posepart.config import CrfConfig, FeatureConfig, LabelConfig, PipelineConfig, PotentialConfig
from posepart.ilp import Problem, Solution, solve
from posepart.stages.features import PartGeometry, pairwise_features, part_geometry
from posepart.stages.pairwise import PairwiseModel
from posepart.stages.poses import decode
from posepart.structures import TIME_LIMIT, Candidates, Certificate, Evidence, Grouping


def unary(scores: NDArray, clip: float) -> Float64:
    """psi_i(li) = log((1 - P(li)) / P(li)), Eq. (1).

    Parameters
    ----------
    scores : (N,)
        Probabilities of joint types at candidates.
    clip : float
        Probabilities are clipped to [clip, 1 - clip].

    Returns
    -------
    (N,) float64
        Negative where selecting the node pays by itself.
    """
    return _negative_log_odds(scores, clip)


def pairwise(probability: NDArray, clip: float) -> Float64:
    """psi_ij(li, lj) = log((1 - Pij(li, lj)) / Pij(li, lj)), Eq. (2), of two joints of one person.

    Parameters
    ----------
    probability : (M,)
        Pij, the probability that both are joints of one person (`pairwise.LogisticWeights.probability`).
    clip : float
        Probabilities are clipped to [clip, 1 - clip].

    Returns
    -------
    (M,) float64
        Negative where joining the two pays by itself.
    """
    return _negative_log_odds(probability, clip)


def tempered(potential: Float64, config: PotentialConfig) -> Float64:
    """psi_ij as it enters the energy: multiplied by `pairwise_scale`, minus `pairwise_prior`.

    Eq. (1) adds up the pairs of a person as if they were independent evidence. They are not: where the offsets are
    wrong for a whole pose, as for a gymnast, all its pairs are wrong together, and Eq. (1) as printed splits such a
    person into several.
    """
    return config.pairwise_scale * potential - config.pairwise_prior


def _negative_log_odds(probability: NDArray, clip: float) -> Float64:
    clipped = np.clip(np.asarray(probability, np.float64), clip, 1 - clip)
    return np.log1p(-clipped) - np.log(clipped)


def nodes(candidates: Candidates, config: LabelConfig) -> tuple[Index, Index]:
    """The (candidate, joint type) pairs among which the CRF chooses.

    Each candidate comes with the type whose map proposed it; with `multi_label` (Sec. 3.1) also with every other
    type whose score there is at least `label_threshold`.

    Returns
    -------
    candidate, label : (N,) int64 each
        Ordered by candidate and then by label.
    """
    allowed = np.zeros(candidates.scores.shape, bool)
    allowed[np.arange(len(candidates)), candidates.joint] = True
    if config.multi_label:
        allowed |= candidates.scores >= config.label_threshold
    candidate, label = np.nonzero(allowed)
    return candidate, label


def node_pairs(candidate: Index, label: Index, same_label: bool = False) -> tuple[Index, Index]:
    """Pairs of nodes of different candidates: with different joint types, or with equal ones if `same_label`.

    Returns
    -------
    u, v : (M,) int64 each
        Indices of nodes, u < v.
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
    geometry : PartGeometry or None
        None without the segment term.
    model : PairwiseModel
    features : FeatureConfig
    config : CrfConfig
        With `labels.unique_joints` a person has at most one joint of a type, which the problem states as
        `unique_labels` without listing such pairs. Otherwise the cost of such a pair depends on its distance
        (`duplicate_probability`).

    Returns
    -------
    ilp.Problem
        Nodes as `nodes` lists them; `n_candidates` is the number of candidates.

    Raises
    ------
    ValueError
        If the model was not fitted for this setting of the segment term.
    """
    clip = config.potentials.probability_clip
    weights = model.variant(features.segment_term)
    candidate, label = nodes(candidates, config.labels)
    u, v = node_pairs(candidate, label)
    columns = pairwise_features(candidates, geometry, candidate, label, u, v, features)
    probability = weights.probability(columns, label[u], label[v])
    potential = tempered(pairwise(probability, clip), config.potentials)
    if not config.labels.unique_joints:
        same_u, same_v = node_pairs(candidate, label, same_label=True)
        u, v = np.concatenate([u, same_u]), np.concatenate([v, same_v])
        apart = candidates.xy[candidate[same_u]] - candidates.xy[candidate[same_v]]
        merged = duplicate_probability(np.linalg.norm(apart, axis=1), config.potentials)
        potential = np.concatenate([potential, pairwise(merged, clip)])
    costs = unary(candidates.scores[candidate, label], clip)
    return Problem(costs, candidate, label, u, v, potential, config.labels.unique_joints, len(candidates))


def duplicate_probability(distance: NDArray, config: PotentialConfig) -> Float64:
    """Probability that two joints of one type are one and the same: 1 / (1 + exp(a d - b)).

    a is `duplicate_slope` and b `duplicate_bias`, both from DeeperCut's released code.

    Parameters
    ----------
    distance : (M,)
        d, crop px.
    config : PotentialConfig

    Returns
    -------
    (M,) float64
        In [0, 1].
    """
    exponent = config.duplicate_slope * np.asarray(distance, np.float64) - config.duplicate_bias
    return 1 / (1 + np.exp(np.minimum(exponent, 500)))


@dataclass(frozen=True)
class CrfAssembler:
    """Evidence -> poses: the minimiser of Eq. (1), with its certificate."""

    pairwise: PairwiseModel  # Pij of Eq. (2)
    config: PipelineConfig

    def __call__(self, evidence: Evidence) -> "SolvedCrf":
        """The candidates that Eq. (1) selects, grouped into the poses of people.

        Raises
        ------
        ValueError
            If the pairwise model was not fitted for this setting of the segment term.
        """
        geometry, problem = self.problem(evidence)
        solver = self.config.crf.solver
        solution = solve(problem, time_limit=solver.time_limit, engine=solver.engine)
        solved = self.solved(evidence, geometry, problem, solution)
        if solution.status == "optimal":
            return solved
        return replace(solved, certificate=replace(solved.certificate, status=TIME_LIMIT))

    def problem(self, evidence: Evidence) -> tuple[PartGeometry | None, Problem]:
        """The geometry that the segment term reads (None without the term), and Eq. (1) as arrays."""
        features = self.config.features
        geometry = part_geometry(evidence.parts, features) if features.segment_term else None
        return geometry, build_problem(
            evidence.candidates, geometry, self.pairwise, features, self.config.crf
        )

    def solved(
        self, evidence: Evidence, geometry: PartGeometry | None, problem: Problem, solution: Solution
    ) -> "SolvedCrf":
        """The poses that a solution of `problem(evidence)` stands for."""
        poses = decode(evidence.candidates, solution, self.config.crf.labels, self.config.choice)
        certificate = Certificate(
            solution.energy, solution.bound, solution.gap, solution.status, solution.seconds
        )
        return SolvedCrf(poses, certificate, evidence.candidates, geometry, problem, solution, self)


@dataclass(frozen=True)
class SolvedCrf(Grouping):
    """The poses of one crop, with the CRF that gave them."""

    candidates: Candidates
    geometry: PartGeometry | None  # None without the segment term
    problem: Problem  # Eq. (1) as arrays
    solution: Solution  # a label and a cluster for each node
    assembler: CrfAssembler  # holds the weights and settings of the problem
