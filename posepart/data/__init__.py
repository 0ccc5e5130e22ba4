"""Data sets and transforms: every reader yields the same `Sample`."""
