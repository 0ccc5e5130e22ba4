"""What `experiments/train.py` runs: one file per kind of weights, with `Settings` and `train(settings, run)`."""
