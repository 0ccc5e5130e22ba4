"""Ways to assemble candidates into poses: the CRF's exact optimum, and what it is compared with (Sec. 4.2).

All of them take what the CRF takes and give a `Grouping`, whose certificate says how far its energy of Eq. (1)
may be from the optimum. `ASSEMBLERS` lists them by name.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, Index
from posepart.config import CrfConfig, FeatureConfig
from posepart.ilp import Problem
from posepart.ilp.component import dense
from posepart.ilp.heuristics import upper_bound
from posepart.ilp.presolve import trivial_bound
from posepart.ilp.solution import make_solution
from posepart.schema import SKELETON, Joint
from posepart.stages.crf import assemble, build_problem, grouping
from posepart.stages.features import PartGeometry
from posepart.stages.pairwise import PairwiseModel
from posepart.structures import Candidates, Grouping

Assembler = Callable[
    [Candidates, PartGeometry | None, PairwiseModel, FeatureConfig, CrfConfig],
    Grouping,
]

# TREE_CHILDREN[j]: joints below j in the skeleton of supplement Table 2, whose root is its first joint.
TREE_ROOT: Joint = SKELETON[0][0]
TREE_CHILDREN: dict[Joint, tuple[Joint, ...]] = {
    joint: tuple(child for parent, child, _ in SKELETON if parent == joint) for joint in Joint
}


def per_joint_maximum(
    candidates: Candidates,
    geometry: PartGeometry | None,
    model: PairwiseModel,
    features: FeatureConfig,
    config: CrfConfig,
) -> Grouping:
    """One person: the best scored candidate of every joint type; no pairwise term of Eq. (1) has a say.

    Arguments as for `crf.assemble`, here and below. The model only enters the certificate's energy.
    """
    problem = _single_label_problem(candidates, geometry, model, features, config)
    cheapest_first = np.lexsort((np.arange(problem.n_nodes), problem.unary))
    _, first = np.unique(problem.label[cheapest_first], return_index=True)
    return _grouping_of(candidates, problem, [cheapest_first[first]], config)


def tree(
    candidates: Candidates,
    geometry: PartGeometry | None,
    model: PairwiseModel,
    features: FeatureConfig,
    config: CrfConfig,
) -> Grouping:
    """An And-Or graph on the 13 neighbouring pairs: "AOG-Simple" without the segment term, else "AOG-Seg".

    A person is a connected part of the skeleton with one candidate per joint; every joint has the choice (Or)
    of leaving a subtree away. Its cost is Eq. (1) with the pairs of supplement Table 2 alone. The cheapest
    person is found exactly (`best_subtree`), its candidates are taken out, and so on while a person pays.
    """
    problem = _single_label_problem(candidates, geometry, model, features, config)
    pair = _tree_costs(problem)
    left = np.ones(problem.n_nodes, bool)
    people: list[Index] = []
    while True:
        nodes, cost = best_subtree(problem.unary, problem.label, pair, left)
        if cost >= 0:
            return _grouping_of(candidates, problem, people, config)
        people.append(nodes)
        left[nodes] = False


def best_subtree(
    unary: Float64, label: Index, pair: Float64, available: NDArray[np.bool_]
) -> tuple[Index, float]:
    """The cheapest connected part of the skeleton with one node per joint, by dynamic programming.

    With M(v) the least cost of a part whose topmost node is v,
    M(v) = unary(v) + sum over child joints c of min(0, min over nodes w of type c of pair(v, w) + M(w)).

    Parameters
    ----------
    unary : (N,) float64
    label : (N,) int64, joint types
    pair : (N, N) float64, symmetric; only neighbouring joint types are read
    available : (N,) bool, nodes that may be used

    Returns
    -------
    nodes : (k,) int64, ascending; of equal costs the lowest nodes
    cost : float; +inf, with no nodes, if none is available
    """
    best = np.asarray(unary, np.float64).copy()
    nodes_of = {joint: np.flatnonzero((label == joint) & available) for joint in Joint}
    chosen: dict[tuple[int, Joint], int] = {}
    for joint in _leaves_first():
        for child in TREE_CHILDREN[joint]:
            below = nodes_of[child]
            for node in nodes_of[joint] if len(below) else ():
                through = pair[node, below] + best[below]
                cheapest = int(through.argmin())
                if through[cheapest] < 0:
                    best[node] += through[cheapest]
                    chosen[int(node), child] = int(below[cheapest])
    if not available.any():
        return np.zeros(0, np.int64), float("inf")
    top = int(np.where(available, best, np.inf).argmin())
    found = [top]
    for above in found:
        found += [chosen[above, c] for c in TREE_CHILDREN[Joint(label[above])] if (above, c) in chosen]
    return np.sort(np.array(found, np.int64)), float(best[top])


def local_search(
    candidates: Candidates,
    geometry: PartGeometry | None,
    model: PairwiseModel,
    features: FeatureConfig,
    config: CrfConfig,
) -> Grouping:
    """Eq. (1) by greedy joining, best single moves and Kernighan-Lin exchanges, as DeeperCut's released code.

    Never below the optimum, and often at it; nothing is proven. No random restarts.
    """
    problem = build_problem(candidates, geometry, model, features, config)
    component, _ = dense(problem)
    if not component.n_nodes:
        return _grouping_of(candidates, problem, [], config)
    found = upper_bound(component, np.random.default_rng(0), kicks=0, deadline=float("inf"))
    return _grouping_of(candidates, problem, [component.node[nodes] for nodes in found], config)


ASSEMBLERS: dict[str, Assembler] = {
    "per_joint_maximum": per_joint_maximum,
    "tree": tree,
    "local_search": local_search,
    "exact": assemble,
}


def _single_label_problem(
    candidates: Candidates,
    geometry: PartGeometry | None,
    model: PairwiseModel,
    features: FeatureConfig,
    config: CrfConfig,
) -> Problem:
    """Eq. (1) in variant A: with several types per candidate, one candidate could be two joints of a person."""
    return build_problem(candidates, geometry, model, features, replace(config, multi_label=False))


def _tree_costs(problem: Problem) -> Float64:
    """(N, N) pairwise costs, symmetric; missing pairs cost 0."""
    pair = np.zeros((problem.n_nodes, problem.n_nodes))
    pair[problem.pair_u, problem.pair_v] = pair[problem.pair_v, problem.pair_u] = problem.pair_cost
    return pair


def _leaves_first() -> list[Joint]:
    """The joints, each after those below it."""
    order = [TREE_ROOT]
    for joint in order:
        order += TREE_CHILDREN[joint]
    return order[::-1]


def _grouping_of(
    candidates: Candidates, problem: Problem, people: Sequence[Index], config: CrfConfig
) -> Grouping:
    """People as poses; the certificate's bound is what each candidate could gain at best."""
    component, scale = dense(problem)
    solution = make_solution(problem, people, trivial_bound(component) * scale)
    return grouping(candidates, solution, config)
