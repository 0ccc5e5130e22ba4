"""Ablations: variants of the stages after the networks, compared on the same photos."""
