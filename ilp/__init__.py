"""The optimiser: joint labelling and grouping of candidates, solved exactly.

numpy and OR-Tools only; knows nothing of images. The oracles for tests and benchmarks are in `naive` and
`brute_force`, made-up problems in `generate`.
"""

from .problem import Problem
from .solution import Solution
from .solver import solve, solve_many

__all__ = ["Problem", "Solution", "solve", "solve_many"]
