"""What `experiments/train.py` runs: one file per kind of weights, each with `Settings` and `train(settings, run)`."""
