"""Ways to assemble candidates into poses: the CRF's exact optimum, and what it is compared with (Sec. 4.2).

All of them build Eq. (1) as the CRF does and solve it in their own way. The certificate tells how far their energy
of Eq. (1) may be from the optimum. `ASSEMBLERS` lists them by name.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from posepart.arrays import Float64, Index, Mask
from posepart.ilp import Problem, evaluate, local_search
from posepart.schema import SKELETON, Joint
from posepart.stages.crf import CrfAssembler, SolvedCrf
from posepart.structures import Evidence

# TREE_CHILDREN[j]: joints below j in the skeleton of supplement Table 2, whose root is its first joint.
TREE_ROOT: Joint = SKELETON[0][0]
TREE_CHILDREN: dict[Joint, tuple[Joint, ...]] = {
    joint: tuple(child for parent, child, _ in SKELETON if parent == joint) for joint in Joint
}


@dataclass(frozen=True)
class PerJointMaximumAssembler(CrfAssembler):
    """One person: the best scored candidate of every joint type. Pairwise costs only enter the certificate."""

    def __call__(self, evidence: Evidence) -> SolvedCrf:
        """See `CrfAssembler`."""
        return _assembled_in_variant_a(self, evidence, per_joint_maximum)


@dataclass(frozen=True)
class TreeAssembler(CrfAssembler):
    """An And-Or graph on the 13 neighbouring pairs: "AOG-Simple" without the segment term, else "AOG-Seg".

    A person is a connected part of the skeleton with one candidate per joint; at every joint there is the choice
    (Or) to leave a subtree out. It costs Eq. (1) with the pairs of supplement Table 2 only. The cheapest person is
    found exactly (`best_subtree`), its candidates are removed, and so on as long as a person lowers the energy.
    """

    def __call__(self, evidence: Evidence) -> SolvedCrf:
        """See `CrfAssembler`."""
        return _assembled_in_variant_a(self, evidence, people_of_trees)


@dataclass(frozen=True)
class LocalSearchAssembler(CrfAssembler):
    """Eq. (1) by the heuristic of DeeperCut's released code, see `ilp.local_search`; nothing is proven."""

    def __call__(self, evidence: Evidence) -> SolvedCrf:
        """See `CrfAssembler`."""
        geometry, problem = self.problem(evidence)
        return self.solved(evidence, geometry, problem, local_search(problem))


ASSEMBLERS: dict[str, type[CrfAssembler]] = {
    "per_joint_maximum": PerJointMaximumAssembler,
    "tree": TreeAssembler,
    "local_search": LocalSearchAssembler,
    "exact": CrfAssembler,
}


def _assembled_in_variant_a(
    assembler: CrfAssembler, evidence: Evidence, group: Callable[[Problem], list[Index]]
) -> SolvedCrf:
    """The people that `group` makes of Eq. (1) in variant A, one joint type per candidate.

    With several types, one candidate could be two joints of a person.
    """
    config = assembler.config
    labels = replace(config.crf.labels, multi_label=False)
    single = CrfAssembler(assembler.pairwise, replace(config, crf=replace(config.crf, labels=labels)))
    geometry, problem = single.problem(evidence)
    return assembler.solved(evidence, geometry, problem, evaluate(problem, group(problem)))


def per_joint_maximum(problem: Problem) -> list[Index]:
    """The nodes of one person: of every joint type the node of least unary cost, of equal ones the first."""
    cheapest_first = np.lexsort((np.arange(problem.n_nodes), problem.unary))
    _, first = np.unique(problem.label[cheapest_first], return_index=True)
    return [cheapest_first[first]]


def people_of_trees(problem: Problem) -> list[Index]:
    """The nodes of each person of `TreeAssembler`, cheapest person first."""
    pair = problem.pair_matrix()
    left = np.ones(problem.n_nodes, bool)
    people: list[Index] = []
    while True:
        nodes, cost = best_subtree(problem.unary, problem.label, pair, left)
        if cost >= 0:
            return people
        people.append(nodes)
        left[nodes] = False


def best_subtree(unary: Float64, label: Index, pair: Float64, available: Mask) -> tuple[Index, float]:
    """The cheapest connected part of the skeleton with one node per joint, by dynamic programming.

    Parameters
    ----------
    unary : (N,) float64
    label : (N,) int64
        Joint types.
    pair : (N, N) float64
        Symmetric; only the costs of neighbouring joint types are read.
    available : (N,) bool
        Nodes that may be used.

    Returns
    -------
    nodes : (k,) int64
        Ascending; of equal costs the lowest nodes.
    cost : float
        +inf, with no nodes, if none is available.

    Notes
    -----
    With M(v) the least cost of a part whose topmost node is v,
    M(v) = unary(v) + sum over child joints c of min(0, min over nodes w of type c of pair(v, w) + M(w)).
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


def _leaves_first() -> list[Joint]:
    """The joints, each after those below it."""
    order = [TREE_ROOT]
    for joint in order:
        order += TREE_CHILDREN[joint]
    return order[::-1]
