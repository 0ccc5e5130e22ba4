"""A training in every process that `accelerate launch` starts: launched.py RUN STEPS [--resume]."""

import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from posepart.training.loop import LoopConfig, train

CONFIG = LoopConfig(
    steps=60, lr=0.02, optimiser="sgd", schedule="poly", warmup=0.0, bf16=False, checkpoint_every=20,
    evaluate_every=60, threads=1,
)  # fmt: skip


class Numbers(Dataset[Tensor]):
    """Batch `i` holds 4 rows of 3 numbers that depend on `i` alone; with `doubled`, those of 2i and 2i + 1."""

    def __init__(self, doubled: bool = False) -> None:
        self.doubled = doubled

    def __getitem__(self, step: int) -> Tensor:
        if self.doubled:
            return torch.cat([Numbers()[2 * step], Numbers()[2 * step + 1]])
        return torch.randn(4, 3, generator=torch.Generator().manual_seed(step))


def network() -> nn.Module:
    """Two layers, the same whatever was drawn before."""
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))


def compute_losses(model: nn.Module, batch: Tensor) -> dict[str, Tensor]:
    """The mean square error of a sum."""
    return {"loss": (model(batch)[:, 0] - batch.sum(1)).square().mean()}


def measure(model: nn.Module) -> dict[str, float]:
    """Says that it is called."""
    print("measured")
    return {"score": 1.0}


if __name__ == "__main__":
    train(
        network(), Numbers(), compute_losses, Path(sys.argv[1]), replace(CONFIG, steps=int(sys.argv[2])),
        evaluate=measure, resume="--resume" in sys.argv,
    )  # fmt: skip
