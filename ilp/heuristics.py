"""Upper bounds: greedy groupings, and the moves that improve them."""

from __future__ import annotations

from time import perf_counter

import numpy as np

from .component import Component
from .problem import Float64, Index

_SLACK = 1e-9


def contract(component: Component, deadline: float = float("inf")) -> list[Index]:
    """Give every candidate its cheapest type, then join the two most attracted people again and again.

    Parameters
    ----------
    component : Component
    deadline : float
        Of ``time.perf_counter()``.

    Returns
    -------
    list of (k,) int64
        Nodes of each person.
    """
    cheapest = _argmin_per_candidate(component, component.unary)
    between = component.pair[np.ix_(cheapest, cheapest)].copy()
    np.fill_diagonal(between, np.inf)
    people = [[int(node)] for node in cheapest]
    n = len(people)
    while n > 1 and perf_counter() < deadline:
        a, b = divmod(int(between.argmin()), n)
        if not between[a, b] < 0:
            break
        between[a] += between[b]
        between[:, a] = between[a]
        between[a, a] = np.inf
        between[b] = between[:, b] = np.inf
        people[a] += people[b]
        people[b] = []
    return [np.array(person) for person in people if person]


def all_alone(component: Component) -> list[Index]:
    """One person for every candidate that is worth selecting alone: feasible, and no worse than selecting none."""
    cheapest = _argmin_per_candidate(component, component.unary)
    return [np.array([node]) for node in cheapest[component.unary[cheapest] < 0]]


def _argmin_per_candidate(component: Component, cost: Float64) -> Index:
    """The first of the cheapest nodes of each candidate: (G,) int64."""
    least = np.minimum.reduceat(cost, component.start)
    hit = np.flatnonzero(cost == least[component.candidate])
    _, first = np.unique(component.candidate[hit], return_index=True)
    return hit[first]


class LocalSearch:
    """A grouping that is improved by single moves, merges and chains of exchanges.

    Its state: ``node[g]`` is the selected node of candidate g or -1, ``person[g]`` its person (0 .. people-1) or -1,
    and ``attach[k, v]``, the sum of ``w_vu`` over the nodes u of person k, the cost of joining v to person k. A
    person may be empty until `descend` is over. Row ``people`` is always zero and stands for a new person.

    Parameters
    ----------
    component : Component
    deadline : float
        Of ``time.perf_counter()``; no move starts after it.
    """

    def __init__(self, component: Component, deadline: float = float("inf")) -> None:
        self.component = component
        self.deadline = deadline
        self._single = component.n_candidates == component.n_nodes
        self.load([])

    def load(self, people: list[Index]) -> None:
        """Start from a grouping: the nodes of each person."""
        component, n = self.component, self.component.n_candidates
        self.people = len(people)
        self.size = np.zeros(n + 1, np.int64)
        self.size[: self.people] = [len(nodes) for nodes in people]
        self.node = np.full(n, -1, np.int64)
        self.person = np.full(n, -1, np.int64)
        self.attach = np.zeros((n + 1, component.n_nodes))
        self.energy = 0.0
        if people:
            nodes = np.concatenate(people)
            person = np.repeat(np.arange(self.people), self.size[: self.people])
            candidates = component.candidate[nodes]
            self.node[candidates], self.person[candidates] = nodes, person
            member = (np.arange(self.people)[:, None] == person).astype(float)
            self.attach[: self.people] = member @ component.pair[nodes]
            self.energy = float((component.unary[nodes] + self.attach[person, nodes] / 2).sum())

    def groups(self) -> list[Index]:
        """The nodes of each person."""
        return [np.sort(self.node[self.person == k]) for k in range(self.people)]

    def place(self, candidate: int, node: int, person: int) -> None:
        """Give a candidate another node and person, or suppress it (``node = -1``); people keep their numbers."""
        old = self.node[candidate]
        pair, attach = self.component.pair, self.attach
        if old >= 0:
            k = self.person[candidate]
            self.energy -= self.component.unary[old] + attach[k, old]
            self.size[k] -= 1
            if self.size[k]:
                attach[k] -= pair[old]
            else:
                attach[k] = 0.0
        if node >= 0:
            self.energy += self.component.unary[node] + attach[person, node]
            attach[person] += pair[node]
            self.size[person] += 1
            self.people = max(self.people, person + 1)
        self.node[candidate], self.person[candidate] = node, person if node >= 0 else -1

    def _compact(self) -> None:
        """Renumber the people so that none below ``people`` is empty."""
        self._drop_last_empty()
        for k in np.flatnonzero(self.size[: self.people] == 0)[::-1]:
            last = self.people - 1
            if k < last:
                self.attach[k] = self.attach[last]
                self.size[k] = self.size[last]
                self.person[self.person == last] = k
            self.attach[last] = 0.0
            self.size[last] = 0
            self.people = last

    def _drop_last_empty(self) -> None:
        while self.people and not self.size[self.people - 1]:
            self.people -= 1

    def descend(self) -> None:
        """Repeat the best single move (join, leave, relabel, suppress), or the best merge if none helps."""
        for _ in range(50 * self.component.n_candidates + 50):
            self._drop_last_empty()
            if perf_counter() > self.deadline or not (self._best_move() or self._best_merge()):
                break
        self._compact()

    def _best_move(self) -> bool:
        component = self.component
        cost = self.attach[: self.people + 1] + component.unary
        best = cost.min(0)
        least = best if self._single else np.minimum.reduceat(best, component.start)
        current = np.where(self.node >= 0, cost[self.person, self.node], 0.0)
        gain = current - np.minimum(least, 0.0)
        g = int(gain.argmax())
        if gain[g] <= _SLACK:
            return False
        if least[g] < 0:
            stop = component.start[g + 1] if g + 1 < len(component.start) else component.n_nodes
            node = int(component.start[g]) + int(best[component.start[g] : stop].argmin())
            self.place(g, node, int(cost[:, node].argmin()))
        else:
            self.place(g, -1, -1)
        return True

    def _best_merge(self) -> bool:
        if self.people < 2:
            return False
        chosen = np.flatnonzero(self.node >= 0)
        member = (np.arange(self.people)[:, None] == self.person[chosen]).astype(float)
        between = self.attach[: self.people, self.node[chosen]] @ member.T
        np.fill_diagonal(between, 0.0)
        a, b = divmod(int(between.argmin()), self.people)
        if between[a, b] >= -_SLACK:
            return False
        self.energy += between[a, b]
        self.attach[a] += self.attach[b]
        self.size[a] += self.size[b]
        self.attach[b], self.size[b] = 0.0, 0
        self.person[self.person == b] = a
        return True

    def exchange(self, max_passes: int = 10) -> None:
        """Try Kernighan-Lin chains between every two people and out of each person, until none helps."""
        for _ in range(max_passes):
            before = self.energy
            for a in range(self.people):
                for b in [*range(a + 1, self.people), self.people]:
                    if self.size[a] > 1 and self.size[b] != 1 and perf_counter() < self.deadline:
                        self._chain(a, b)
                self._drop_last_empty()
            self.descend()
            if self.energy > before - _SLACK:
                return

    def _chain(self, a: int, b: int) -> None:
        """Move the candidates of a and b to the other side, each once, best first; keep the best prefix."""
        members = np.flatnonzero((self.person == a) | (self.person == b))
        node, side = self.node[members], np.where(self.person[members] == a, 1.0, -1.0)
        cost = (self.attach[b, node] - self.attach[a, node]) * side
        change = self.component.pair[node[:, None], node] * (2 * side[:, None] * side)
        moved: list[int] = []
        total, best, keep = 0.0, -_SLACK, 0
        for step in range(len(members)):
            q = int(cost.argmin())
            total += float(cost[q])
            cost += change[q]
            cost[q] = np.inf
            moved.append(q)
            if total < best:
                best, keep = total, step + 1
        for q in moved[:keep]:
            self.place(int(members[q]), int(node[q]), b if side[q] > 0 else a)

    def kick(self, rng: np.random.Generator) -> None:
        """Disturb the grouping: dissolve a person, drop a quarter of the candidates, or move a sixth."""
        self._compact()
        kind = rng.random()
        chosen = np.flatnonzero(self.node >= 0)
        if not len(chosen):
            return
        if kind < 0.4:
            for g in np.flatnonzero(self.person == rng.integers(self.people)):
                self.place(int(g), -1, -1)
        elif kind < 0.7:
            for g in rng.choice(chosen, max(1, len(chosen) // 4), replace=False):
                self.place(int(g), -1, -1)
        else:
            people, n = self.people, self.component.n_candidates
            for g in rng.choice(n, max(1, n // 6), replace=False):
                nodes = np.flatnonzero(self.component.candidate == g)
                self.place(int(g), int(rng.choice(nodes)), int(rng.integers(people)))


def upper_bound(component: Component, deadline: float = float("inf")) -> list[Index]:
    """A good grouping of a component: greedy contraction, then moves and chains.

    Parameters
    ----------
    component : Component
    deadline : float
        ``time.perf_counter()`` after which no further move is tried.

    Returns
    -------
    list of (k,) int64
        Nodes of each person.
    """
    search = LocalSearch(component, deadline)
    search.load(contract(component, deadline))
    search.descend()
    search.exchange()
    return _better(search, all_alone(component))


def restarts(
    component: Component,
    people: list[Index],
    rng: np.random.Generator,
    kicks: int,
    deadline: float = float("inf"),
) -> list[Index]:
    """The best of a grouping, of one from an empty start, and of some from the best one so far, disturbed.

    Parameters
    ----------
    component : Component
    people : list of (k,) int64
    rng : numpy Generator
    kicks : int
        How often the best grouping is disturbed.
    deadline : float
        ``time.perf_counter()`` after which no further start or move is tried.

    Returns
    -------
    list of (k,) int64
        Nodes of each person.
    """
    search = LocalSearch(component, deadline)
    for step in range(-1, kicks):
        if perf_counter() > deadline:
            break
        search.load(people if step >= 0 else [])
        if step >= 0:
            search.kick(rng)
        search.descend()
        if step <= 0:
            search.exchange()
        people = _better(search, people)
    return people


def _better(search: LocalSearch, people: list[Index]) -> list[Index]:
    found = search.groups()
    better = search.energy < search.component.energy(people) - _SLACK and search.component.feasible(found)
    return found if better else people
