"""The inequalities that a fractional point violates: triangles (T) and stars (S), in one form.

A cut has a centre j and a set T: ``sum_{t in T} y_jt - sum_{t < t' in T} y_tt' <= x_j``. With ``|T| = 2`` it is
transitivity. It is valid because ``k - k(k-1)/2 <= 1`` for all integers k >= 0, and because its left side is at
most 0 if ``x_j = 0``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .problem import Float64, Index, Mask

_LIFT = 1e-4


@dataclass(frozen=True)
class Cuts:
    """K cuts, the most promising first."""

    centre: Index  # (K,), j
    members: Index  # (K, P), T, padded with -1
    violation: Float64  # (K,), left side minus right side

    def __len__(self) -> int:
        return len(self.centre)


def violated_triangles(
    x: Float64, y: Float64, linked: Mask, stake: Float64, per_centre: int = 12, least: float = 1e-3
) -> Cuts:
    """Find all violated (T), but at most ``per_centre`` of each centre.

    Parameters
    ----------
    x : (N,) float64
        Selection.
    y : (N, N) float64
        Symmetric joining; 0 where there is no column.
    linked : (N, N) bool
        Pairs that need no triangle, as a row (L) implies it: of one candidate, or of one type if a person has
        at most one joint of a type.
    stake : (N, N) float64
        ``|w|``. A triangle can raise the bound by about its violation times its smallest stake; the first programmes
        violate hundreds of triangles by exactly 1.
    per_centre : int
    least : float
        Smallest violation that counts.

    Returns
    -------
    Cuts
    """
    joined = y > _LIFT
    common = joined.astype(np.float32)
    apart = (y < 1 - least) & ~linked & (common @ common > 0)
    a, b = np.nonzero(np.triu(apart, 1))
    pair, j = np.nonzero(joined[a] & joined[b])
    a, b = a[pair], b[pair]
    violation = y[j, a] + y[j, b] - y[a, b] - x[j]
    hit = np.flatnonzero(violation > least)
    j, a, b, violation = j[hit], a[hit], b[hit], violation[hit]
    worth = violation * np.minimum(np.minimum(stake[j, a], stake[j, b]), stake[a, b])
    order = np.lexsort((-worth, j))
    rank = np.arange(len(order)) - np.searchsorted(j[order], j[order])
    hit = order[rank < per_centre]
    hit = hit[np.argsort(-worth[hit], kind="stable")]
    return Cuts(j[hit], np.stack([a[hit], b[hit]], 1), violation[hit])


def violated_stars(x: Float64, y: Float64, seeds: int = 12, least: float = 1e-2) -> Cuts:
    """Find some violated (S) with ``|T| >= 3``, grown greedily around fractional centres.

    Parameters
    ----------
    x, y
        As for :func:`violated_triangles`.
    seeds : int
        Number of first members tried for each centre, largest ``y_jt`` first.
    least : float
        Smallest violation that counts.

    Returns
    -------
    Cuts
    """
    found: dict[tuple[int, tuple[int, ...]], float] = {}
    for j in np.flatnonzero(((y > 0.02) & (y < 0.98)).any(1)):
        near = np.flatnonzero(y[j] > 0.02)
        if len(near) < 3:
            continue
        worth, between = y[j, near], y[np.ix_(near, near)]
        for seed in np.argsort(-worth, kind="stable")[:seeds]:
            members, total = _grow_star(worth, between, int(seed))
            if len(members) >= 3 and total > x[j] + least:
                found[int(j), tuple(sorted(near[members].tolist()))] = float(total - x[j])
    return _pack(found)


def _grow_star(worth: Float64, between: Float64, seed: int) -> tuple[list[int], float]:
    """Add the member of largest gain ``y_jt - sum_{t' in T} y_tt'`` until no gain is positive."""
    members, total = [seed], float(worth[seed])
    gain = worth - between[seed]
    gain[seed] = -np.inf
    while True:
        best = int(gain.argmax())
        if gain[best] <= 1e-3:
            return members, total
        total += float(gain[best])
        members.append(best)
        gain -= between[best]
        gain[best] = -np.inf


def _pack(found: dict[tuple[int, tuple[int, ...]], float]) -> Cuts:
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    width = max((len(members) for (_, members), _ in ordered), default=2)
    members = np.full((len(ordered), width), -1, np.int64)
    for k, ((_, chosen), _) in enumerate(ordered):
        members[k, : len(chosen)] = chosen
    centre = np.array([j for (j, _), _ in ordered], np.int64)
    return Cuts(centre, members, np.array([violation for _, violation in ordered], np.float64))
