"""Settings of the training loop."""

import math
from collections.abc import Sized
from dataclasses import dataclass, field, replace
from typing import Any, Literal


@dataclass(frozen=True)
class LoopConfig:
    """Optimisation. A step is one update of the weights."""

    steps: int = 10_000  # number of updates
    epochs: float | None = None  # passes over the training data, which replace `steps`
    optimiser: Literal["adamw", "sgd"] = "adamw"  # "sgd" with `momentum`, as DeepLab is trained
    lr: float = 2e-3  # highest learning rate of new layers
    slow_lr: float = 6e-4  # highest learning rate of layers that start from trained weights
    slow: tuple[str, ...] = ("backbone",)  # modules with `slow_lr`: beginnings of names, up to a dot
    rates: dict[str, float] = field(
        default_factory=dict
    )  # beginning of a name, up to a dot, or its end (".bias") -> factor of the rate; all that fit multiply
    momentum: float = 0.9  # of sgd
    weight_decay: float = 0.02  # for all parameters but vectors
    schedule: Literal["cosine", "poly", "constant"] = "cosine"  # how the rate falls after the warm-up
    power: float = 0.9  # of poly: the rate is proportional to (1 - step / steps) ** power
    drops: tuple[float, ...] = ()  # shares of the training after each of which the rate is a tenth
    warmup: float = 0.04  # share of the steps in which the rate rises
    clip: float = 5.0  # largest norm of the gradient; 0 for none
    frozen_norms: bool = False  # whether batch norms keep their statistics, scales and shifts, as in DeepLab
    accumulate: int = 1  # batches per step and process, whose gradients are averaged
    ema: float = 0.997  # decay of the moving average of the weights, the result; 0 for none
    bf16: bool = True  # whether to autocast to bfloat16, if the device computes in it
    checkpoint_every: int = 500  # steps
    evaluate_every: int = 2_000  # steps
    workers: int = 0  # processes that load data
    threads: int = 0  # torch threads; 0 lets torch choose
    seed: int = 0  # of all random generators
    deterministic: bool = False  # whether a GPU gives the same bits in every run, which is slower; a CPU does
    device: str = "cpu"  # torch device

    def __post_init__(self) -> None:
        ranges = (
            ("accumulate", self.accumulate >= 1, "1 or more"),
            ("epochs", self.epochs is None or self.epochs > 0, "more than 0"),
            ("ema", 0 <= self.ema < 1, "0 for no average, or a decay below 1"),
            ("clip", self.clip >= 0, "0 for none, or the largest norm"),
            ("rates", all(factor >= 0 for factor in self.rates.values()), "factors of 0 or more"),
        )
        for name, holds, expected in ranges:
            if not holds:
                raise ValueError(f"loop.{name}: expected {expected}, got {getattr(self, name)}")


def resolved(config: LoopConfig, batches: Any, processes: int = 1) -> LoopConfig:
    """Turn `epochs` into the `steps` that they take.

    Parameters
    ----------
    config : LoopConfig
    batches : Dataset
        Its length is the number of batches in an epoch.
    processes : int
        Each takes `config.accumulate` batches per step.

    Raises
    ------
    ValueError
        The batches have no length.
    """
    if config.epochs is None:
        return config
    if not isinstance(batches, Sized):
        raise ValueError("loop.epochs: this training has no epochs; pass --loop.steps")
    return replace(config, steps=math.ceil(config.epochs * len(batches) / (config.accumulate * processes)))
