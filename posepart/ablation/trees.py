"""Tree-structured assemblers with potentials of their own (Sec. 4.2): two And-Or graphs, and Chen & Yuille's tree.

A person is a connected part of the skeleton of supplement Table 2 with one candidate per joint; at every joint there
is the choice (Or) to leave a subtree out. It costs

    sum of psi_i + sum over the neighbours of scale * log((1 - Pij) / Pij) - prior,

with the unary psi_i of Eq. (1) and a logistic regression Pij on features of the edge. `TREES` lists which; the
regression, scale and prior of each are fitted for it (`tree_fit`), since a tree adds up 13 pairs and the CRF 91.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, Index, Mask
from posepart.config import PipelineConfig
from posepart.ilp import Problem, evaluate
from posepart.schema import FLIP_JOINTS, SKELETON, Joint
from posepart.stages.crf import pairwise, unary
from posepart.stages.features import pairwise_features, part_geometry
from posepart.stages.poses import decode
from posepart.stages.skeleton_maps import STICK_GROUPS
from posepart.structures import Certificate, Evidence, Grouping

# TREE_CHILDREN[j]: joints below j in the skeleton of supplement Table 2, whose root is its first joint.
TREE_ROOT: Joint = SKELETON[0][0]
TREE_CHILDREN: dict[Joint, tuple[Joint, ...]] = {
    joint: tuple(child for parent, child, _ in SKELETON if parent == joint) for joint in Joint
}

# EDGE_CLASS[row of SKELETON]: which regression; an edge and its mirror image share one.
EDGE_CLASS: Index = np.array(
    [next(k for k, group in enumerate(STICK_GROUPS) if row in group) for row in range(len(SKELETON))]
)


@dataclass(frozen=True)
class TreeKind:
    """A tree by what its edges see."""

    title: str  # as the paper calls it
    geometry: bool = False  # the displacement from joint to joint, as deformable parts have it
    offsets: bool = False  # f(Pn): image-dependent, where either end expects the other
    segments: bool = False  # f(Ps), the features of the segment-joint term


TREES: dict[str, TreeKind] = {
    # Sec. 4.2: "only uses geometric connectivity between neighbouring joints"
    "aog_simple": TreeKind("AOG-Simple", geometry=True),
    # Sec. 4.2: "adds part segment consistency features", "the same as ... in the FCRF"
    "aog_seg": TreeKind("AOG-Seg", geometry=True, segments=True),
    # Sec. 4.2: "a tree-structured model", "using unary scores and image-dependent pairwise terms"
    "chen_yuille": TreeKind("Chen & Yuille's tree", offsets=True),
}


@dataclass(frozen=True)
class TreeModel:
    """The fitted potentials of a tree."""

    kind: str  # a key of `TREES`
    mean: Float64  # (F,), subtracted from each feature
    deviation: Float64  # (F,), by which the difference is divided
    weights: Float64  # (7, F), of each edge class
    bias: Float64  # (7,)
    scale: float = 1.0  # of log((1 - Pij) / Pij)
    prior: float = 0.0  # nats, subtracted from every edge

    def probability(self, features: NDArray, edge_class: Index) -> Float64:
        """Pij of edges: (M, F) features and (M,) classes -> (M,) float64."""
        scaled = (features - self.mean) / self.deviation
        logit = (scaled * self.weights[edge_class]).sum(1) + self.bias[edge_class]
        return 1 / (1 + np.exp(-np.clip(logit, -500, 500)))


@dataclass(frozen=True)
class TreeAssembler:
    """Candidates -> poses by a fitted tree.

    The cheapest person is found exactly (`best_subtree`), its candidates are removed, and so on as long as a person
    lowers the energy. Chen & Yuille's model is one of a single person; but a box shows neighbours, too, of whom the
    cheapest person may be one.
    """

    model: TreeModel
    config: PipelineConfig

    def __call__(self, evidence: Evidence) -> Grouping:
        """The poses of one crop; the certificate is of the tree's own energy, and proves nothing."""
        return self.solve(evidence, tree_problem(evidence, self.model, self.config))

    def solve(self, evidence: Evidence, problem: Problem) -> Grouping:
        """The poses of one crop, given its `tree_problem`."""
        solution = evaluate(problem, people_of_trees(problem))
        labels = self.config.crf.labels
        poses = decode(evidence.candidates, solution, labels, self.config.choice)
        return Grouping(poses, Certificate(solution.energy, solution.bound, solution.gap, "tree"))


def tree_edges(joint: Index) -> tuple[Index, Index, Index]:
    """Every two candidates that are neighbours by their joint types.

    Returns
    -------
    upper, lower : (M,) int64 each
        Candidates.
    row : (M,) int64
        Of `SKELETON`.
    """
    found = [
        (upper, lower, row)
        for row, (above, below, _) in enumerate(SKELETON)
        for upper in np.flatnonzero(joint == above)
        for lower in np.flatnonzero(joint == below)
    ]
    upper, lower, row = np.array(found, np.int64).reshape(-1, 3).T
    return upper, lower, row


def edge_features(evidence: Evidence, kind: TreeKind, config: PipelineConfig) -> Float64:
    """The features of `tree_edges`: (M, F) float64.

    Geometry is (dx, dy, dx^2, dy^2, dx dy) in shares of the crop, whose size is that of the person; dx of a right
    limb has the opposite sign. f(Pn) are 4 features and f(Ps) 10, from the upper to the lower joint
    (`pairwise_features`).
    """
    candidates = evidence.candidates
    upper, lower, row = tree_edges(candidates.joint)
    columns = [np.zeros((len(row), 0))]
    if kind.geometry:
        ends = np.array([[int(a), int(b)] for a, b, _ in SKELETON])
        flipped = np.array([FLIP_JOINTS[b] < b for b in ends[:, 1]])  # the schema keeps left before right
        dx, dy = ((candidates.xy[lower] - candidates.xy[upper]) / config.crop.size).astype(np.float64).T
        dx = np.where(flipped[row], -dx, dx)
        columns.append(np.stack([dx, dy, dx * dx, dy * dy, dx * dy], axis=1))
    if kind.offsets or kind.segments:
        features = replace(config.features, segment_term=kind.segments)
        geometry = part_geometry(evidence.parts, features) if kind.segments else None
        nodes = np.arange(len(candidates))
        both = pairwise_features(candidates, geometry, nodes, candidates.joint, upper, lower, features)
        columns += [both[:, :4].astype(np.float64)] if kind.offsets else []
        columns += [both[:, 4:].astype(np.float64)] if kind.segments else []
    return np.concatenate(columns, axis=1)


def tree_problem(evidence: Evidence, model: TreeModel, config: PipelineConfig) -> Problem:
    """The energy of a tree as arrays: candidates of the types that proposed them, and neighbouring pairs only."""
    candidates, clip = evidence.candidates, config.crf.potentials.probability_clip
    upper, lower, row = tree_edges(candidates.joint)
    features = edge_features(evidence, TREES[model.kind], config)
    probability = model.probability(features, EDGE_CLASS[row])
    nodes = np.arange(len(candidates))
    costs = unary(candidates.scores[nodes, candidates.joint], clip)
    edges = model.scale * pairwise(probability, clip) - model.prior
    first, last = np.minimum(upper, lower), np.maximum(upper, lower)
    return Problem(costs, nodes, candidates.joint, first, last, edges, True, len(candidates))


def people_of_trees(problem: Problem) -> list[Index]:
    """The nodes of each person, cheapest person first."""
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
