"""Fits the trees of `trees` on photos that are not tested on: the regressions first, then scale and prior."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from posepart.ablation.trees import (
    EDGE_CLASS,
    TREES,
    TreeAssembler,
    TreeModel,
    edge_features,
    tree_edges,
)
from posepart.arrays import Float64, Index, Mask
from posepart.config import PipelineConfig
from posepart.data.sample import Sample
from posepart.stages.poses import choose_poses
from posepart.structures import Evidence
from posepart.training.pairs import PairFitConfig, node_owners, person_scale

SCALES = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0)  # tried for `TreeModel.scale`
PRIORS = (0.0, 0.2, 0.4, 0.7, 1.0, 1.5, 2.0)  # nats, tried for `TreeModel.prior`
LEAST = 20  # positive edges; a class with fewer takes the regression over all edges


@dataclass(frozen=True)
class LabelledCrop:
    """The evidence of one labelled box."""

    evidence: Evidence
    joints: Float64  # (P, 14, 3), of all people with joint labels of the photo, crop frame; 1 where labelled
    own: int  # which of them the box is of


def labelled_crops(sample: Sample, evidence: Sequence[Evidence]) -> list[LabelledCrop]:
    """The crops of a photo's labelled boxes, in the order of its people; people without joint labels give none."""
    people = [person for person in sample.people if person.joints is not None]
    crops = []
    for person, seen in zip(sample.people, evidence, strict=True):
        if person.joints is None:
            continue
        joints = np.stack([np.asarray(other.joints, np.float64) for other in people])
        joints[..., :2] = seen.crop.affine.forward(joints[..., :2].reshape(-1, 2)).reshape(len(people), -1, 2)
        joints[..., 2] = joints[..., 2] > 0
        crops.append(LabelledCrop(seen, joints, next(k for k, other in enumerate(people) if other is person)))
    return crops


def fit_trees(crops: Sequence[LabelledCrop], config: PipelineConfig) -> dict[str, TreeModel]:
    """Every tree of `TREES`: its regressions on the even crops, its scale and prior on the odd ones.

    Raises
    ------
    ValueError
        The crops hold no two neighbouring joints of a person, or no two of different ones.
    """
    even, odd = crops[::2], crops[1::2]
    return {kind: tempered_tree(fit_edges(kind, even, config), odd, config) for kind in TREES}


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


def tempered_tree(model: TreeModel, crops: Sequence[LabelledCrop], config: PipelineConfig) -> TreeModel:
    """The tree with the scale and prior that give the best poses (`joint_f1`); of equal ones the first tried."""
    tried = [replace(model, scale=scale, prior=prior) for scale, prior in product(SCALES, PRIORS)]
    return max(tried, key=lambda tree: joint_f1(TreeAssembler(tree, config), crops))


def joint_f1(assembler: TreeAssembler, crops: Sequence[LabelledCrop]) -> float:
    """2 * right / (found + labelled) joints of the owners of boxes, all crops together.

    A joint is right within `PairFitConfig.match_radius` of the label, as where the regressions are fitted. Joints
    that the person has no label for do not count.
    """
    right = found = labelled = 0
    for crop in crops:
        person = crop.joints[crop.own]
        there = person[:, 2] > 0
        labelled += int(there.sum())
        pose = choose_poses(assembler(crop.evidence), crop.evidence.crop, assembler.config.choice).own
        if pose is not None:
            present = pose.present & there
            found += int(present.sum())
            right += int((_distances(pose.xy, person)[present] <= PairFitConfig().match_radius).sum())
    return 2 * right / max(found + labelled, 1)


def _distances(xy: NDArray, person: Float64) -> Float64:
    """(14,) distances to the labelled joints, in torso lengths."""
    return np.asarray(np.linalg.norm(xy - person[:, :2], axis=1) / max(person_scale(person), 1.0))
