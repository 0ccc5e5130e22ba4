"""Ways to assemble candidates into poses: the CRF's exact optimum, and what it is compared with (Sec. 4.2).

All of them build Eq. (1) as the CRF does and solve it in their own way. The certificate tells how far their energy
of Eq. (1) may be from the optimum. `ASSEMBLERS` lists them by name.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from posepart.ablation.trees import people_of_trees
from posepart.arrays import Index
from posepart.ilp import Problem, evaluate, local_search
from posepart.stages.crf import CrfAssembler, SolvedCrf
from posepart.structures import Evidence


@dataclass(frozen=True)
class PerJointMaximumAssembler(CrfAssembler):
    """One person: the best scored candidate of every joint type. Pairwise costs only enter the certificate."""

    def __call__(self, evidence: Evidence) -> SolvedCrf:
        """See `CrfAssembler`."""
        return _assembled_in_variant_a(self, evidence, per_joint_maximum)


@dataclass(frozen=True)
class CrfTreeAssembler(CrfAssembler):
    """A tree on the 13 neighbouring pairs of Eq. (1), with the regressions of the CRF; see `trees` for fitted ones.

    It should read potentials as printed: the scale and prior of the defaults are tuned for 91 pairs of a person.
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
    "tree": CrfTreeAssembler,
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
