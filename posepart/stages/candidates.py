"""Joint proposals: non-maximum suppression on the joint score maps (Sec. 3.1, numbers in Sec. 4.1)."""

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float32, Index
from posepart.config import CandidateConfig
from posepart.geometry.frames import corners, crop_to_map, map_to_crop
from posepart.structures import Candidates, PoseMaps


def propose(maps: PoseMaps, config: CandidateConfig) -> Candidates:
    """The joint proposals of one crop.

    Per joint map: local maxima of at least `score_threshold`, best first, none nearer than `min_distance`
    to a better one, at most `max_per_joint`.

    Parameters
    ----------
    maps : PoseMaps
    config : CandidateConfig

    Returns
    -------
    Candidates
        In the crop frame, ordered by type and then by falling score. `xy` is refined between the cells by a
        parabola through the peak and its two neighbours along each axis. The score of the proposing type is the
        value of its peak; that of another type is its map interpolated bilinearly at `xy`, because Sec. 3.1 takes
        the probability of every type *at the location* of the candidate: a maximum over the surrounding cells
        would give a wrist the score of the elbow beside it.

    Raises
    ------
    ValueError
        If a joint score is not a number in [0, 1].
    """
    if not (maps.joints.size and maps.joints.min() >= 0 and maps.joints.max() <= 1):
        raise ValueError(
            f"joint scores: maps of shape {maps.joints.shape} hold values outside [0, 1]: "
            "apply the sigmoid to the network's output and look for NaN in its weights"
        )
    joint, row, column = local_maxima(maps.joints, config.score_threshold)
    if not len(joint):
        return Candidates.empty()
    score = maps.joints[joint, row, column]
    cell = np.stack([column, row], axis=1) + peak_shift(maps.joints, joint, row, column)
    kept = suppress(map_to_crop(cell, maps.stride), joint, score, config)
    joint, score = joint[kept], score[kept]
    xy = map_to_crop(cell[kept], maps.stride).astype(np.float32)
    scores = sample(maps.joints, xy, maps.stride)
    scores[np.arange(len(joint)), joint] = score
    return Candidates(xy, joint, scores, maps.offsets.at(xy))


def local_maxima(score_maps: Float32, threshold: float) -> tuple[Index, Index, Index]:
    """Cells of at least `threshold` that none of their 8 neighbours exceeds.

    Parameters
    ----------
    score_maps : (K, h, w) float32
    threshold : float

    Returns
    -------
    map, row, column : (P,) int64 each
        By map, then row, then column.
    """
    padded = np.pad(score_maps, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    across = np.maximum(np.maximum(padded[:, :, :-2], padded[:, :, 2:]), padded[:, :, 1:-1])
    highest = np.maximum(np.maximum(across[:, :-2], across[:, 2:]), across[:, 1:-1])
    index, row, column = np.nonzero((score_maps >= highest) & (score_maps >= threshold))
    return index, row, column


def peak_shift(score_maps: Float32, index: Index, row: Index, column: Index) -> Float32:
    """Where between the cells a peak lies: the vertex of a parabola through three cells, along each axis.

    Parameters
    ----------
    score_maps : (K, h, w) float32
    index, row, column : (P,) int64 each
        The peaks, as `local_maxima` returns them.

    Returns
    -------
    (P, 2) float32
        (dx, dy) in cells, in [-0.5, 0.5]; 0 along an axis on which the peak touches the border or is a plateau.
    """
    shifts = []
    for axis, position in ((2, column), (1, row)):
        last = score_maps.shape[axis] - 1
        low, high = np.maximum(position - 1, 0), np.minimum(position + 1, last)
        before = score_maps[index, row, low] if axis == 2 else score_maps[index, low, column]
        after = score_maps[index, row, high] if axis == 2 else score_maps[index, high, column]
        curvature = 2 * score_maps[index, row, column] - before - after
        inner = (low < position) & (position < high) & (curvature > 0)
        shift = np.where(inner, 0.5 * (after - before) / np.where(inner, curvature, 1), 0)
        shifts.append(np.clip(shift, -0.5, 0.5))
    return np.stack(shifts, axis=1).astype(np.float32)


def suppress(xy: NDArray, joint: Index, score: Float32, config: CandidateConfig) -> Index:
    """Greedy non-maximum suppression, all types at once: one round per proposal of a type.

    Parameters
    ----------
    xy : (P, 2)
        Crop frame.
    joint : (P,) int64
    score : (P,) float32
    config : CandidateConfig

    Returns
    -------
    (Q,) int64
        Indices kept, by type and then by falling score; of equal scores the first wins.
    """
    left = np.lexsort((-score, joint))
    kept = []
    for _ in range(config.max_per_joint):
        if not len(left):
            break
        leads = np.r_[True, joint[left[1:]] != joint[left[:-1]]]
        best = left[leads]
        kept.append(best)
        distance = np.linalg.norm(xy[left] - xy[best[np.cumsum(leads) - 1]], axis=1)
        left = left[~leads & (distance >= config.min_distance)]
    chosen = np.concatenate(kept) if kept else np.zeros(0, np.int64)
    return chosen[np.lexsort((-score[chosen], joint[chosen]))]


def sample(score_maps: Float32, xy: NDArray, stride: float) -> Float32:
    """Bilinear interpolation of maps at points; beyond the outermost cell centres their values continue.

    Parameters
    ----------
    score_maps : (K, h, w) float32
    xy : (N, 2)
        Crop frame.
    stride : float
        Crop pixels per cell.

    Returns
    -------
    (N, K) float32
    """
    height, width = score_maps.shape[-2:]
    cell = np.clip(crop_to_map(np.asarray(xy, np.float64), stride), 0, [width - 1, height - 1])
    around = corners(cell, (height, width))
    values = score_maps.reshape(len(score_maps), -1)[:, around.y * width + around.x]
    return (values * around.share).sum(axis=2).T.copy()
