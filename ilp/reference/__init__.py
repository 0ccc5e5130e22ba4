"""Oracles and made-up problems for tests and benchmarks; the optimiser itself uses none of them."""
