"""The optimiser: labels candidates and groups them into people in one minimisation, solved exactly.

Needs only numpy and OR-Tools, and knows nothing of images. `solve` proves its answer; `local_search` and `evaluate`
give the energies of heuristics, with a simple bound. The oracles for tests and benchmarks are in `reference`.
"""

from .problem import Problem
from .solution import TOLERANCE, Solution
from .solver import evaluate, local_search, solve

__all__ = ["TOLERANCE", "Problem", "Solution", "evaluate", "local_search", "solve"]
