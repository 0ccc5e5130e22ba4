"""The pairwise features f(Pn) and f(Ps): 4 + 10 numbers per pair of nodes (Sec. 3.1 and supplement)."""

from dataclasses import dataclass

import cv2
import numpy as np

from posepart.arrays import Float32, Float64, Ids, Index, Mask
from posepart.config import FeatureConfig
from posepart.schema import JOINT_PARTS, NUM_PARTS, PAIR_PART, Part
from posepart.structures import Candidates, PartMaps

OFFSET_FEATURES = ("distance_v_to_u", "distance_u_to_v", "angle_v_to_u", "angle_u_to_v")
SEGMENT_FEATURES = (
    *(f"u_{name}" for name in ("inside_p1", "near_p1", "inside_p2", "near_p2")),
    *(f"v_{name}" for name in ("inside_p1", "near_p1", "inside_p2", "near_p2")),
    "line_share_p3",
    "rectangle_iou_p3",
)
FEATURE_NAMES = OFFSET_FEATURES + SEGMENT_FEATURES


def _swapped(name: str) -> str:
    return "_".join({"u": "v", "v": "u"}.get(word, word) for word in name.split("_"))


# Column k of the features of (v, u) is column SWAP[k] of those of (u, v).
SWAP: Index = np.array([FEATURE_NAMES.index(_swapped(name)) for name in FEATURE_NAMES])

_ASSOCIATED: Index = np.array(JOINT_PARTS, dtype=np.int64)  # (14, 2): p1, p2
_OUTSIDE = np.uint8(255)  # what lies beyond the crop belongs to no part


def feature_names(config: FeatureConfig) -> tuple[str, ...]:
    """The columns of `pairwise_features`: all 14, or the 4 of f(Pn) without the segment term."""
    return FEATURE_NAMES if config.segment_term else OFFSET_FEATURES


@dataclass(frozen=True)
class PartGeometry:
    """What the segment-joint term reads of the part label map Ls of one crop."""

    labels: Ids  # (S, S), `schema.Part` ids at crop resolution
    near: Mask  # (7, S, S), within `boundary_distance` of the part's boundary; background: never
    area: Float64  # (7,), px, size of each part region


def part_geometry(parts: PartMaps, config: FeatureConfig) -> PartGeometry:
    """Label map, boundary zones and areas of one crop.

    The scores are interpolated to crop resolution before the argmax, so that part borders are smooth. The boundary
    of a part consists of the pixels on both sides of its outline; the edge of the crop, where a part is merely cut
    off, is not a boundary.
    """
    labels = label_map(parts)
    near = np.zeros((NUM_PARTS, *labels.shape), bool)
    area = np.bincount(labels.ravel(), minlength=NUM_PARTS).astype(np.float64)
    for part in Part:
        if part is not Part.BACKGROUND and area[part]:
            _mark_boundary_zone(near[part], labels == part, config.boundary_distance)
    return PartGeometry(labels, near, area)


def label_map(parts: PartMaps) -> Ids:
    """Ls: the best part of every crop pixel, (S, S) uint8; of equal scores the lower id wins."""
    height, width = parts.scores.shape[1:]
    size = (round(width * parts.stride), round(height * parts.stride))
    best = cv2.resize(parts.scores[0], size, interpolation=cv2.INTER_LINEAR)
    labels = np.zeros(best.shape, np.uint8)
    for part in range(1, NUM_PARTS):
        scores = cv2.resize(parts.scores[part], size, interpolation=cv2.INTER_LINEAR)
        labels[scores > best] = part
        np.maximum(best, scores, out=best)
    return labels


def _mark_boundary_zone(zone: Mask, region: Mask, distance: float) -> None:
    """Set `zone` where a pixel is at most `distance` px from the outline of `region`."""
    mask = region.astype(np.uint8)
    x, y, width, height = cv2.boundingRect(mask)
    reach = int(np.ceil(distance)) + 2
    box = np.s_[max(y - reach, 0) : y + height + reach, max(x - reach, 0) : x + width + reach]
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    outline = cv2.morphologyEx(mask[box], cv2.MORPH_GRADIENT, cross)
    if outline.any():
        zone[box] = cv2.distanceTransform(1 - outline, cv2.DIST_L2, cv2.DIST_MASK_5) <= distance


def pairwise_features(
    candidates: Candidates,
    geometry: PartGeometry | None,
    node_candidate: Index,
    node_label: Index,
    pair_u: Index,
    pair_v: Index,
    config: FeatureConfig,
) -> Float32:
    """f(ci, cj, li, lj | Pn, Ps) of Eq. (2), in full in supplement Eq. (1), for many pairs of nodes.

    Parameters
    ----------
    candidates : Candidates
    geometry : PartGeometry or None
        None without the segment term.
    node_candidate, node_label : (N,) int64
        Candidate and joint type of each node.
    pair_u, pair_v : (M,) int64
        The two nodes of each pair.
    config : FeatureConfig

    Returns
    -------
    (M, 14) float32, or (M, 4) without the segment term
        Columns `feature_names(config)`; distances in crop px, angles in radians.

    Raises
    ------
    ValueError
        If the segment term is on and there is no geometry.
    """
    columns = [offset_features(candidates, node_candidate, node_label, pair_u, pair_v)]
    if config.segment_term:
        if geometry is None:
            raise ValueError(
                "pairwise features: the segment term needs the part maps of the crop: pass their geometry, "
                "or set segment_term to false"
            )
        xy = candidates.xy[node_candidate]
        compatibility = joint_part_compatibility(geometry, xy, node_label)
        along = line_and_rectangle(geometry, xy, node_label, pair_u, pair_v, config.rectangle_aspect)
        columns += [compatibility[pair_u], compatibility[pair_v], along]
    return np.concatenate(columns, axis=1)


def offset_features(
    candidates: Candidates,
    node_candidate: Index,
    node_label: Index,
    pair_u: Index,
    pair_v: Index,
) -> Float32:
    """f(Pn) = [|v_ji - v'_ji|, |v_ij - v'_ij|, <v_ji, v'_ji>, <v_ij, v'_ij>] with i = u, j = v (Sec. 3.1).

    v_ij leads from candidate i to candidate j, v'_ij from i to where its offset map expects joint lj; <a, b> is the
    angle between a and b, 0 if one of them has length zero. Parameters as for `pairwise_features`.

    Returns
    -------
    (M, 4) float32
        Crop px, crop px, radians, radians.
    """
    from_candidate, to_candidate = node_candidate[pair_u], node_candidate[pair_v]
    from_label, to_label = node_label[pair_u], node_label[pair_v]
    direct = candidates.xy[to_candidate] - candidates.xy[from_candidate]
    forward = candidates.offsets[from_candidate, from_label, to_label]
    backward = candidates.offsets[to_candidate, to_label, from_label]
    return np.stack(
        [
            _distance(-direct, backward),
            _distance(direct, forward),
            _angle(-direct, backward),
            _angle(direct, forward),
        ],
        axis=1,
    )


def _distance(a: Float32, b: Float32) -> Float32:
    return np.hypot(a[:, 0] - b[:, 0], a[:, 1] - b[:, 1])


def _angle(a: Float32, b: Float32) -> Float32:
    """Angle in [0, pi] between vectors (M, 2); exact near 0, and 0 for a zero vector."""
    cross = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    dot = a[:, 0] * b[:, 0] + a[:, 1] * b[:, 1]
    return np.arctan2(np.abs(cross), dot + np.float32(0))  # adding 0 turns -0, whose angle is pi, into 0


def joint_part_compatibility(geometry: PartGeometry, xy: Float32, label: Index) -> Float32:
    """fu(ci, li | Ps): inside p1, near p1's boundary, inside p2, near p2's boundary (supplement, Table 1).

    Parameters
    ----------
    geometry : PartGeometry
    xy : (N, 2) float32, crop frame
    label : (N,) int64
        Joint types.

    Returns
    -------
    (N, 4) float32
        0 or 1.
    """
    height, width = geometry.labels.shape
    x, y = np.clip(np.rint(xy), 0, [width - 1, height - 1]).astype(np.int64).T
    found = geometry.labels[y, x]
    first, second = _ASSOCIATED[label].T
    columns = [found == first, geometry.near[first, y, x], found == second, geometry.near[second, y, x]]
    return np.stack(columns, axis=1).astype(np.float32)


def line_and_rectangle(
    geometry: PartGeometry,
    xy: Float32,
    label: Index,
    pair_u: Index,
    pair_v: Index,
    aspect: float,
) -> Float32:
    """fp(ci, cj, li, lj | Ps): share of the line in p3, IoU of a rectangle with p3 (supplement, Table 2).

    Parameters
    ----------
    geometry, xy, label
        As for `joint_part_compatibility`.
    pair_u, pair_v, aspect
        As for `pairwise_features` and `rectangle_iou`.

    Returns
    -------
    (M, 2) float32
        In [0, 1]; 0 for pairs that are not neighbours in the skeleton.
    """
    result = np.zeros((len(pair_u), 2), np.float32)
    part = PAIR_PART[label[pair_u], label[pair_v]]
    rows = np.flatnonzero(part >= 0)
    start, end = xy[pair_u[rows]], xy[pair_v[rows]]
    result[rows, 0] = line_share(geometry.labels, start, end, part[rows])
    result[rows, 1] = rectangle_iou(geometry, start, end, part[rows], aspect)
    return result


def line_share(labels: Ids, start: Float32, end: Float32, part: Index) -> Float32:
    """Share of the pixels on a line that belong to a part, for many lines.

    A line has one pixel per step along its longer axis, both ends included.

    Parameters
    ----------
    labels : (S, S) uint8
    start, end : (M, 2) float32
        Crop frame.
    part : (M,) int64

    Returns
    -------
    (M,) float32
        In [0, 1].
    """
    span = end - start
    steps = np.ceil(np.abs(span).max(axis=1, initial=0)).astype(np.int64)
    line = np.repeat(np.arange(len(steps)), steps + 1)
    first = np.cumsum(steps + 1) - (steps + 1)
    fraction = (np.arange(len(line)) - first[line]) / np.maximum(steps, 1)[line]
    points = start[line] + fraction[:, None].astype(np.float32) * span[line]
    inside = _lookup(labels, points[:, 0], points[:, 1]) == part[line]
    return (np.bincount(line, weights=inside, minlength=len(steps)) / (steps + 1)).astype(np.float32)


def rectangle_iou(
    geometry: PartGeometry, start: Float32, end: Float32, part: Index, aspect: float
) -> Float32:
    """IoU of an oriented rectangle with the whole region of a part in the crop, for many rectangles.

    The intersection is counted on a grid of 20 x 8 points of the rectangle; the areas are exact.

    Parameters
    ----------
    geometry : PartGeometry
    start, end : (M, 2) float32
        The ends of the axis, crop frame; the distance between them is the length.
    part : (M,) int64
    aspect : float
        Length / width.

    Returns
    -------
    (M,) float32
        In [0, 1]; 0 where the two ends coincide.
    """
    along = (np.arange(20, dtype=np.float32) + 0.5) / 20
    across = ((np.arange(8, dtype=np.float32) + 0.5) / 8 - 0.5) / np.float32(aspect)
    dx, dy = (end - start).T[:, :, None, None]
    x = start[:, 0, None, None] + along[:, None] * dx - across * dy
    y = start[:, 1, None, None] + along[:, None] * dy + across * dx
    inside = _lookup(geometry.labels, x, y) == part[:, None, None]
    rectangle = ((end - start) ** 2).sum(axis=1) / aspect
    intersection = inside.mean(axis=(1, 2)) * rectangle
    union = rectangle + geometry.area[part] - intersection
    return (intersection / np.maximum(union, 1e-9)).astype(np.float32)


def _lookup(labels: Ids, x: Float32, y: Float32) -> Ids:
    """Label of the pixel nearest to each point; `_OUTSIDE` beyond the crop."""
    height, width = labels.shape
    framed = np.pad(labels, 1, constant_values=_OUTSIDE).ravel()
    # x + 0.5 truncates to the nearest pixel, and the frame adds 1
    column = np.clip(x + np.float32(1.5), 0, width + 1).astype(np.int32)
    row = np.clip(y + np.float32(1.5), 0, height + 1).astype(np.int32)
    return framed[row * (width + 2) + column]
