"""The trainings of `experiments/train.py`: for each kind of weights a module with `Settings` and `train`."""
