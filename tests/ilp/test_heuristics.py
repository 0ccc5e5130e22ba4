"""Local search keeps its state consistent, never gets worse and stays feasible."""

import numpy as np
import pytest
from helpers.ilp_problems import problem_of, random_problem

from posepart.ilp.component import dense
from posepart.ilp.heuristics import LocalSearch, contract, restarts, upper_bound
from posepart.ilp.presolve import presolve
from posepart.ilp.reference.brute_force import solve_brute_force
from posepart.ilp.reference.generate import make_box


def check_books(search: LocalSearch) -> None:
    component, people = search.component, search.groups()
    assert search.energy == pytest.approx(component.energy(people), abs=1e-6)
    for k, nodes in enumerate(people):
        np.testing.assert_allclose(search.attach[k], component.pair[:, nodes].sum(1), atol=1e-6)
    assert not search.attach[search.people].any()


@pytest.mark.parametrize("seed", range(6))
def test_books_after_every_kind_of_move(seed: int) -> None:
    component = dense(make_box(seed, 3, multi=bool(seed % 2)))[0]
    search, rng = LocalSearch(component), np.random.default_rng(seed)
    search.load(contract(component))
    for _ in range(6):
        before = search.energy
        search.descend()
        check_books(search)
        assert search.energy <= before + 1e-9
        search.exchange()
        check_books(search)
        search.kick(rng)
        check_books(search)


def test_upper_bound_is_feasible_and_near_the_optimum() -> None:
    rng, missed = np.random.default_rng(1), 0
    for _ in range(60):
        problem = random_problem(rng)
        component, scale = dense(problem)
        energy = 0.0
        for part in presolve(component):
            people = restarts(part, upper_bound(part), np.random.default_rng(0), 3)
            assert part.feasible(people)
            energy += part.energy(people) * scale
        exact = solve_brute_force(problem).energy
        assert energy >= exact - 1e-6 * abs(exact)
        missed += energy > exact + 1e-6 * abs(exact)
    assert missed <= 12


def test_contraction_joins_what_attracts() -> None:
    component = dense(problem_of([-1.0] * 3, range(3), [0] * 3, [(0, 1), (1, 2), (0, 2)], [-3.0, 2.0, 1.0]))[
        0
    ]
    assert sorted(sorted(nodes.tolist()) for nodes in contract(component)) == [[0, 1], [2]]
