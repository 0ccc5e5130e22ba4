"""Fits the trees of `trees` on photos that are not tested on: the regressions first, then scale and prior."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from sklearn.linear_model import LogisticRegression

from posepart.ablation.trees import (
    EDGE_CLASS,
    TREES,
    TreeAssembler,
    TreeModel,
    edge_features,
    tree_edges,
    tree_problem,
)
from posepart.arrays import Float64, Index, Mask
from posepart.config import PipelineConfig
from posepart.data.sample import Sample
from posepart.ilp import Problem
from posepart.metrics.collect import judged_joints
from posepart.metrics.judged import judge
from posepart.metrics.pose_average_precision import pose_average_precision
from posepart.pipeline import Pipeline
from posepart.stages.merge import merge_people
from posepart.stages.poses import choose_poses
from posepart.structures import Evidence, Scene
from posepart.training.pairs import PairFitConfig, node_owners

SCALES = (0.1, 0.2, 0.35, 0.6, 1.0, 1.5)  # tried for `TreeModel.scale`
PRIORS = (0.0, 1.0, 2.0, 3.0, 5.0, 8.0)  # nats, tried for `TreeModel.prior`
LEAST = 20  # positive edges; a class with fewer takes the regression over all edges


@dataclass(frozen=True)
class LabelledCrop:
    """The evidence of one labelled box."""

    evidence: Evidence
    joints: (
        Float64  # (P, 14, 3), of all people with joint labels of the photo, crop frame; third column 1 or 0
    )


SeenPhoto = tuple[Sample, Sequence[Evidence]]  # a labelled photo, and the evidence of its labelled boxes


def labelled_crops(photos: Sequence[SeenPhoto]) -> list[LabelledCrop]:
    """The labelled boxes of photos in which somebody has joint labels."""
    crops = []
    for sample, evidence in photos:
        people = [
            np.asarray(person.joints, np.float64) for person in sample.people if person.joints is not None
        ]
        for seen in evidence if people else ():
            joints = np.stack(people)
            joints[..., :2] = seen.crop.affine.forward(joints[..., :2].reshape(-1, 2)).reshape(
                len(people), -1, 2
            )
            joints[..., 2] = joints[..., 2] > 0
            crops.append(LabelledCrop(seen, joints))
    return crops


def fit_trees(photos: Sequence[SeenPhoto], pipeline: Pipeline) -> dict[str, TreeModel]:
    """Every tree of `TREES`: its regressions on every other photo, its scale and prior on the photos between.

    Parameters
    ----------
    photos : sequence of (Sample, evidence)
        With the evidence of their labelled boxes.
    pipeline : Pipeline
        Its settings are those that the trees will be used with.

    Raises
    ------
    ValueError
        The photos hold no two neighbouring joints of a person, or no two of different ones.
    """
    crops, config = labelled_crops(photos[::2]), pipeline.config
    return {kind: tempered_tree(fit_edges(kind, crops, config), photos[1::2], config) for kind in TREES}


def fit_edges(kind: str, crops: Sequence[LabelledCrop], config: PipelineConfig) -> TreeModel:
    """The regressions of a tree, one per kind of limb, as `training.crf` fits those of the CRF.

    Raises
    ------
    ValueError
        See `fit_trees`.
    """
    features, classes, positive = (
        np.concatenate(parts)
        for parts in zip(*(_edges_of(crop, kind, config) for crop in crops), strict=True)
    )
    if not positive.any() or positive.all():
        raise ValueError(
            f"{TREES[kind].title}: {np.count_nonzero(positive)} of {len(positive)} edges join two joints of one "
            "person; a fit needs both kinds: give it more labelled photos"
        )
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    deviation = np.where(deviation > 1e-9, deviation, 1.0)
    scaled = (features - mean) / deviation
    weights, bias = np.zeros((EDGE_CLASS.max() + 1, features.shape[1])), np.zeros(EDGE_CLASS.max() + 1)
    for k in range(len(bias)):
        rows = classes == k
        if np.count_nonzero(positive[rows]) < LEAST or positive[rows].all():
            rows = np.ones(len(classes), bool)
        regression = LogisticRegression(max_iter=2000, tol=1e-6).fit(scaled[rows], positive[rows])
        weights[k], bias[k] = regression.coef_[0], regression.intercept_[0]
    return TreeModel(kind, mean, deviation, weights, bias)


def _edges_of(crop: LabelledCrop, kind: str, config: PipelineConfig) -> tuple[Float64, Index, Mask]:
    """The features (M, F), classes (M,) and labels (M,) of the edges of a crop, without unclear candidates."""
    candidates = crop.evidence.candidates
    owner = node_owners(candidates.xy, candidates.joint, crop.joints, PairFitConfig())
    upper, lower, row = tree_edges(candidates.joint)
    clear = (owner[upper] > -2) & (owner[lower] > -2)
    positive = (owner[upper] == owner[lower]) & (owner[upper] >= 0)
    features = edge_features(crop.evidence, TREES[kind], config)
    return features[clear], EDGE_CLASS[row][clear], positive[clear]


def tempered_tree(model: TreeModel, photos: Sequence[SeenPhoto], config: PipelineConfig) -> TreeModel:
    """The tree with the scale and prior of the highest mAP (`pose_map`); of equal ones the first tried."""
    plain = replace(model, scale=1.0, prior=0.0)
    problems = [[tree_problem(seen, plain, config) for seen in evidence] for _, evidence in photos]

    def quality(tree: TreeModel) -> float:
        own = [
            [replace(p, pair_cost=tree.scale * p.pair_cost - tree.prior) for p in of_photo]
            for of_photo in problems
        ]
        return pose_map(TreeAssembler(tree, config), photos, own)

    return max((replace(model, scale=s, prior=p) for s, p in product(SCALES, PRIORS)), key=quality)


def pose_map(
    assembler: TreeAssembler, photos: Sequence[SeenPhoto], problems: Sequence[Sequence[Problem]]
) -> float:
    """The mAP of the poses that a tree finds in photos, given their labelled boxes; 0 where it is undefined.

    Parameters
    ----------
    assembler : TreeAssembler
    photos : sequence of (Sample, evidence)
    problems : sequence of sequence of Problem
        The `tree_problem` of each piece of evidence.
    """
    judged, config = [], assembler.config
    for (sample, evidence), of_photo in zip(photos, problems, strict=True):
        shape = (sample.height, sample.width)
        groupings = [assembler.solve(*both) for both in zip(evidence, of_photo, strict=True)]
        choices = [
            choose_poses(grouping, seen.crop, config.choice)
            for grouping, seen in zip(groupings, evidence, strict=True)
        ]
        found = merge_people(evidence, groupings, choices, shape, config)
        nothing = np.zeros(shape, np.uint8)
        scene = Scene(tuple(item.person for item in found), nothing, nothing, assembler.model.kind)
        judged.append(judge(sample, scene, parts=False))
    return float(np.nan_to_num(pose_average_precision(judged_joints(judged, "pckh")).total))
