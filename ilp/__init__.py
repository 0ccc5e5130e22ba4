"""The optimiser: numpy + ortools only; knows nothing of images."""
