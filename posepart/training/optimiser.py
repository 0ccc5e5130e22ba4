"""The optimiser of a training: groups of parameters with their rates, and how the rate changes."""

import math

import numpy as np
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import SGD, AdamW, Optimizer

from posepart.models.weight_files import is_part
from posepart.training.loop_config import LoopConfig

DROP = 0.1  # factor of the learning rate at each of `LoopConfig.drops`


def make_optimiser(model: nn.Module, config: LoopConfig) -> Optimizer:
    """AdamW, or SGD with momentum, without weight decay for vectors.

    Layers that `config.slow` names have `config.slow_lr`, the others `config.lr`, times the factors in
    `config.rates` that fit: {"fc8": 10, ".bias": 2} are the rates of DeepLab, 20 for the bias of fc8.

    Raises
    ------
    ValueError
        A name in `config.rates` fits no parameter.
    """
    names = [name for name, _ in model.named_parameters()]
    for part in config.rates:
        if not any(_fits(name, part) for name in names):
            raise ValueError(f"loop.rates: the network has no parameter that {part} names")
    groups: dict[tuple[bool, float, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            slow = any(is_part(name, part) for part in config.slow)
            factor = math.prod(factor for part, factor in config.rates.items() if _fits(name, part))
            groups.setdefault((slow, factor, parameter.ndim > 1), []).append(parameter)
    settings = [
        {
            "params": parameters,
            "lr": (config.slow_lr if slow else config.lr) * factor,
            "weight_decay": config.weight_decay if decay else 0.0,
        }
        for (slow, factor, decay), parameters in groups.items()
    ]
    return AdamW(settings) if config.optimiser == "adamw" else SGD(settings, momentum=config.momentum)


def _fits(name: str, part: str) -> bool:
    return name.endswith(part) if part.startswith(".") else is_part(name, part)


def schedule_of(config: LoopConfig, step: int) -> float:
    """Factor of the learning rate of a step, counted from 0: the warm-up, times the schedule, times the drops."""
    progress = step / config.steps
    if config.schedule == "cosine":
        factor = warmup_cosine(progress, config.warmup)
    else:
        factor = _warmup(progress, config.warmup)
        if config.schedule == "poly":
            factor *= max(1 - progress, 0.0) ** config.power
    return factor * DROP ** sum(progress >= drop for drop in config.drops)


def warmup_cosine(progress: float, warmup: float) -> float:
    """Factor of the learning rate at a progress in [0, 1]: a linear warm-up times half a cosine, plus 0.005."""
    return _warmup(progress, warmup) * (0.5 + 0.5 * float(np.cos(np.pi * min(progress, 1.0)))) + 0.005


def _warmup(progress: float, warmup: float) -> float:
    return min(1.0, (progress + 1e-6) / max(warmup, 1e-6))


def batch_norms(model: nn.Module) -> list[nn.Module]:
    """The batch norms of a network."""
    return [module for module in model.modules() if isinstance(module, _BatchNorm)]
