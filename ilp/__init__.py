"""The optimiser: joint labelling and grouping of candidates, solved exactly.

numpy and OR-Tools only; knows nothing of images.
"""

from .problem import Problem
from .solution import Solution
from .solver import solve

__all__ = ["Problem", "Solution", "solve"]
