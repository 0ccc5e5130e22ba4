"""Labelled pairs of candidates, from predicted maps and true joints, to which the pairwise terms are fitted."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Index, Mask
from posepart.config import FeatureConfig, LabelConfig
from posepart.io.files import write_atomically
from posepart.schema import Joint
from posepart.stages.crf import node_pairs, nodes
from posepart.stages.features import FEATURE_NAMES, OFFSET_FEATURES, pairwise_features, part_geometry
from posepart.stages.pairwise import PAIR_CLASS
from posepart.training.evidence_batches import LabelledEvidence

_BACKGROUND, _UNCLEAR = -1, -2  # owners of nodes that belong to nobody, or perhaps to somebody


@dataclass(frozen=True)
class PairFitConfig:
    """How candidates are labelled, and how the regressions are fitted."""

    match_radius: float = 0.2  # distance to the joint, in torso lengths, up to which a candidate is right
    min_radius: float = 6.0  # px in the crop, the least value of this distance
    inverse_penalty: float = 1.0  # C of the L2-regularised logistic regression
    min_positives: int = 50  # with fewer, a class of pairs shares the weights of all classes of its kind
    balanced: bool = False  # whether positives weigh as much as negatives; Pij is then not a probability


@dataclass(frozen=True)
class LabelledPairs:
    """Pairs of nodes, each labelled as two joints of the same person or not."""

    features: NDArray[np.float32]  # (M, 14) or (M, 4), columns as in `features.feature_names`
    label_u: Index  # (M,), joint type of the first node
    label_v: Index  # (M,), joint type of the second node
    positive: Mask  # (M,), whether both nodes are right and of the same person

    def __post_init__(self) -> None:
        count = len(self.features)
        for name in ("label_u", "label_v", "positive"):
            if getattr(self, name).shape != (count,):
                raise ValueError(
                    f"LabelledPairs.{name}: expected shape ({count},), got {getattr(self, name).shape}"
                )
        if self.features.ndim != 2 or self.features.shape[1] not in (
            len(FEATURE_NAMES),
            len(OFFSET_FEATURES),
        ):
            raise ValueError(
                f"LabelledPairs.features: expected {len(FEATURE_NAMES)} or {len(OFFSET_FEATURES)} columns, "
                f"got shape {self.features.shape}"
            )

    def __len__(self) -> int:
        return len(self.positive)

    @property
    def pair_class(self) -> Index:
        """Index (M,) of the regression of each pair."""
        return PAIR_CLASS[self.label_u, self.label_v]


def join(pairs: Sequence[LabelledPairs]) -> LabelledPairs:
    """Join the pairs of several crops, at least one."""
    return LabelledPairs(
        np.concatenate([p.features for p in pairs]),
        np.concatenate([p.label_u for p in pairs]),
        np.concatenate([p.label_v for p in pairs]),
        np.concatenate([p.positive for p in pairs]),
    )


def save_pairs(path: Path, pairs: LabelledPairs) -> None:
    """Write pairs to an .npz file."""
    write_atomically(path, lambda file: np.savez(file, **vars(pairs)))


def read_pairs(path: Path) -> LabelledPairs:
    """Read the pairs that `save_pairs` wrote."""
    with np.load(path, allow_pickle=False) as file:
        return LabelledPairs(**{name: file[name] for name in file.files})


def collect_pairs(
    crop: LabelledEvidence, features: FeatureConfig, labels: LabelConfig, config: PairFitConfig
) -> LabelledPairs:
    """Label the pairs of one crop, the same pairs to which the CRF gives a cost.

    A node (a candidate with a type) belongs to the nearest person whose joint of that type is within
    `match_radius`. A pair is positive if both nodes belong to the same person, and otherwise negative. Pairs with an
    unclear node are left out. A node is unclear if it belongs to nobody but lies where an unlabelled joint of its
    type may be: near a person without a label for that joint, or in an ignored region.

    Parameters
    ----------
    crop : LabelledEvidence
        A joint of visibility 0 is *unlabelled*. A labelled joint outside the crop keeps its visibility, so that
        false candidates for it count as negatives.
    features : FeatureConfig
    labels : LabelConfig
    config : PairFitConfig
    """
    candidates, parts = crop.evidence.candidates, crop.evidence.parts
    geometry = part_geometry(parts, features) if features.segment_term else None
    candidate, label = nodes(candidates, labels)
    owner = node_owners(candidates.xy[candidate], label, crop.joints, config)
    cell = ((candidates.xy[candidate] + 0.5) / crop.ignore_stride).astype(np.int64)
    x, y = np.clip(cell, 0, np.array(crop.ignore.shape[::-1]) - 1).T
    owner[(owner == _BACKGROUND) & crop.ignore[y, x]] = _UNCLEAR
    u, v = node_pairs(candidate, label)
    clear = (owner[u] != _UNCLEAR) & (owner[v] != _UNCLEAR)
    u, v = u[clear], v[clear]
    columns = pairwise_features(candidates, geometry, candidate, label, u, v, features)
    return LabelledPairs(columns, label[u], label[v], (owner[u] == owner[v]) & (owner[u] != _BACKGROUND))


def node_owners(xy: NDArray, label: Index, joints: NDArray, config: PairFitConfig) -> Index:
    """Find the person to whom each node belongs.

    Parameters
    ----------
    xy : (N, 2)
        Positions of the nodes, crop frame.
    label : (N,) int64
        Joint types of the nodes.
    joints : (P, 14, 3)
        Labelled joints, crop frame.
    config : PairFitConfig

    Returns
    -------
    (N,) int64
        Index of the person, -1 for nobody, -2 if unclear.
    """
    owner = np.full(len(label), _BACKGROUND, np.int64)
    nearest = np.ones(len(label))
    for p, person in enumerate(np.asarray(joints, np.float64)):
        labelled = person[:, 2] > 0
        if not labelled.any():
            continue
        scale = person_scale(person)
        radius = max(config.match_radius * scale, config.min_radius)
        distance = np.linalg.norm(xy - person[label, :2], axis=1) / radius
        closer = labelled[label] & (distance <= nearest)
        owner[closer], nearest[closer] = p, distance[closer]
        low, high = person[labelled, :2].min(axis=0) - scale, person[labelled, :2].max(axis=0) + scale
        around = ((xy >= low) & (xy <= high)).all(axis=1)
        owner[(owner == _BACKGROUND) & ~labelled[label] & around] = _UNCLEAR
    return owner


def person_scale(joints: NDArray) -> float:
    """Torso length of a person, in the unit of its joints (14, 3): from the neck to the middle of the labelled hips.

    If neck or hips have no label, it is a third of the longer side of the box around the labelled joints, which is
    about the torso's share of a standing person.
    """
    labelled = joints[:, 2] > 0
    hips = [joint for joint in (Joint.LEFT_HIP, Joint.RIGHT_HIP) if labelled[joint]]
    if labelled[Joint.NECK] and hips:
        return float(np.linalg.norm(joints[hips, :2].mean(axis=0) - joints[Joint.NECK, :2]))
    return float(np.ptp(joints[labelled, :2], axis=0).max() / 3) if labelled.any() else 0.0
