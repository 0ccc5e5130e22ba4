"""Oracles and generated problems for tests and benchmarks; the optimiser does not use them."""
