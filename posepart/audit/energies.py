"""Eq. (1) of poses that somebody gives: a label, the label with sides exchanged, a prediction.

The candidates of such a problem are the joints of the poses, with the scores and offsets of the Pose FCN there. The
energy of a pose is then exact, and so is the best exchange of sides: all of them are tried.
"""

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, Index
from posepart.ilp import Problem
from posepart.schema import FLIP_JOINTS, JOINT_NAMES, NUM_JOINTS, Joint
from posepart.stages.candidates import sample
from posepart.stages.crf import CrfAssembler, build_problem
from posepart.stages.features import part_geometry
from posepart.structures import Candidates, PartMaps, PoseMaps

# The six pairs of a joint with its mirror: (left, right).
SIDE_PAIRS: tuple[tuple[Joint, Joint], ...] = tuple(
    (joint, FLIP_JOINTS[joint]) for joint in Joint if joint.name.startswith("LEFT_")
)


@dataclass(frozen=True)
class Exchange:
    """The exchange of left and right that costs least."""

    price: float  # nats, energy of the pose as it is minus that with sides exchanged; 0 without an exchange
    pairs: tuple[str, ...]  # which joints change sides, such as "knee"
    joints: Index  # (14,) the joint that each joint becomes


def pose_problem(
    xy_crop: NDArray, joints: NDArray, maps: PoseMaps, parts: PartMaps, assembler: CrfAssembler
) -> Problem:
    """Eq. (1) whose nodes are given.

    Parameters
    ----------
    xy_crop : (N, 2)
    joints : (N,)
        The joint type of every node.
    maps : PoseMaps
    parts : PartMaps
        Of the same crop.
    assembler : CrfAssembler

    Returns
    -------
    ilp.Problem
        Node k is row k.
    """
    config = assembler.config
    xy = np.asarray(xy_crop, np.float32)
    kinds = np.asarray(joints, np.int64)
    candidates = Candidates(xy, kinds, sample(maps.joints, xy, maps.stride), maps.offsets.at(xy))
    geometry = part_geometry(parts, config.features) if config.features.segment_term else None
    crf = replace(config.crf, labels=replace(config.crf.labels, multi_label=False))
    return build_problem(candidates, geometry, assembler.pairwise, config.features, crf)


def pose_energies(
    poses: NDArray, present: NDArray, maps: PoseMaps, parts: PartMaps, assembler: CrfAssembler
) -> Float64:
    """The energies of poses with the same joints.

    Parameters
    ----------
    poses : (K, 14, 2)
        Crop frame.
    present : (14,) bool
        The joints that count.
    maps, parts, assembler
        See `pose_problem`.

    Returns
    -------
    (K,) float64
        Nats.
    """
    kinds = np.flatnonzero(present)
    problem = pose_problem(poses[:, kinds].reshape(-1, 2), np.tile(kinds, len(poses)), maps, parts, assembler)
    count = len(kinds)
    people = [np.arange(k * count, (k + 1) * count) for k in range(len(poses))]
    return np.array([problem.energy([nodes]) for nodes in people])


def best_exchange(
    xy_crop: NDArray, present: NDArray, maps: PoseMaps, parts: PartMaps, assembler: CrfAssembler
) -> Exchange:
    """The exchange of sides with the least energy, found by trying all 64.

    Parameters
    ----------
    xy_crop : (14, 2)
    present : (14,) bool
    maps, parts, assembler
        See `pose_problem`.
    """
    kinds = np.flatnonzero(present)
    mirrored = np.array([FLIP_JOINTS[joint] for joint in kinds], np.int64)
    xy = np.concatenate([xy_crop[kinds]] * 2)
    problem = pose_problem(xy, np.concatenate([kinds, mirrored]), maps, parts, assembler)
    pairs = [pair for pair in SIDE_PAIRS if present[list(pair)].any()]
    matrix, count = problem.pair_matrix(), len(kinds)
    energies: dict[tuple[bool, ...], float] = {}
    for swapped in product((False, True), repeat=len(pairs)):
        changed = {joint for pair, swap in zip(pairs, swapped, strict=True) if swap for joint in pair}
        nodes = np.array([k + count * (kind in changed) for k, kind in enumerate(kinds)], np.int64)
        pairwise = np.triu(matrix[np.ix_(nodes, nodes)], 1).sum()
        energies[swapped] = float(problem.unary[nodes].sum() + pairwise)
    best = min(energies, key=lambda swapped: energies[swapped])
    becomes = np.arange(NUM_JOINTS)
    for (left, right), swap in zip(pairs, best, strict=True):
        if swap:
            becomes[[left, right]] = right, left
    names = tuple(
        JOINT_NAMES[left].removeprefix("left_") for (left, _), swap in zip(pairs, best, strict=True) if swap
    )
    return Exchange(energies[(False,) * len(pairs)] - energies[best], names, becomes)
