"""Rectangles, frames and distances: arrays in, arrays out, with no knowledge of networks or of the CRF."""
