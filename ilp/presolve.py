"""Reductions that keep an optimum, and a bound without a linear programme.

``M_u(g) = min(0, min_{t of g} w_ut)`` is the most that node u can gain from candidate g, and
``tot_u = sum_g M_u(g)`` the most that it can gain in all.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .component import Component
from .problem import Float64, Index, Mask

_SLACK = 1e-9


def best_gains(component: Component) -> Float64:
    """The gains ``M_u(g)``, (N, G) float64, at most 0."""
    attraction = np.where(component.allowed, np.minimum(component.pair, 0.0), 0.0)
    return np.minimum.reduceat(attraction, component.start, axis=1)


def trivial_bound(component: Component) -> float:
    """The bound ``sum_g min(0, min_{v of g} (c_v + tot_v / 2))``: two nodes share the gain of their pair."""
    if not component.n_nodes:
        return 0.0
    each = np.minimum(component.unary + best_gains(component).sum(1) / 2, 0.0)
    return float(np.minimum.reduceat(each, component.start).sum())


def presolve(component: Component) -> list[Component]:
    """Apply R1 and R3 until nothing changes, then R2.

    R1 drops node v if ``c_v + tot_v >= 0``: taking v out of any person changes the energy by
    ``-(c_v + sum w) <= 0``.

    R3 sets ``y_uv = 0`` if ``w_uv + max(c_u, 0) + tot_u - M_u(g(v)) >= 0``: with v in its person, isolating u
    (alone if ``c_u <= 0``, else suppressed) does not raise the energy. The same with u and v swapped.

    R2 splits what remains into the connected components of (pairs with ``w < 0``) and (same candidate):
    splitting a person across components removes only terms ``w >= 0``.

    Among all optima take one with the fewest joined pairs plus selected nodes. Each rule would lower that
    count strictly, so this optimum satisfies all of them at once.

    Parameters
    ----------
    component : Component

    Returns
    -------
    list of Component
        Smallest first; each keeps an optimum of its part of the original problem.
    """
    while component.n_nodes:
        allowed = component.allowed
        gains = best_gains(component)
        total = gains.sum(1)
        alive = component.unary + total < -_SLACK
        lost = np.maximum(component.unary, 0.0) + total
        stay = component.pair + lost[:, None] - gains[:, component.candidate]
        cut = (stay >= -_SLACK) | (stay.T >= -_SLACK)
        if alive.all() and not (cut & allowed).any():
            break
        component = replace(component, allowed=allowed & ~cut).restrict(np.flatnonzero(alive))
    parts = connected_components(component)
    return [component.restrict(nodes) for nodes in sorted(parts, key=len)]


def connected_components(component: Component) -> list[Index]:
    """The sets of nodes connected by attraction (allowed pairs with ``w < 0``) or by a common candidate (R2)."""
    same = component.candidate[:, None] == component.candidate[None, :]
    return _components((component.allowed & (component.pair < 0)) | same)


def _components(adjacent: Mask) -> list[Index]:
    unseen = np.ones(len(adjacent), bool)
    parts = []
    for seed in range(len(adjacent)):
        if not unseen[seed]:
            continue
        inside = np.zeros(len(adjacent), bool)
        front = np.array([seed])
        while len(front):
            inside[front] = True
            front = np.flatnonzero(adjacent[front].any(0) & ~inside)
        unseen &= ~inside
        parts.append(np.flatnonzero(inside))
    return parts
