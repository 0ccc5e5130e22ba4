"""The training loop of all networks: schedule, moving average of the weights, checkpoints, resuming."""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset

from posepart.io.files import read_json, write_atomically, write_json
from posepart.models.weight_files import is_part
from posepart.training.log import Log

Losses = Mapping[str, Tensor]  # "loss" is minimised, the others are logged

# Settings that may differ in a resumed run: where and how it computes, reads and writes.
FREE_SETTINGS = {
    *("checkpoint_every", "evaluate_every", "workers", "threads", "device"),
    *("resume", "run", "config", "recipe", "stage", "scenes"),
}


@dataclass(frozen=True)
class LoopConfig:
    """Optimisation."""

    steps: int = 10_000  # number of updates
    lr: float = 2e-3  # highest learning rate of new layers
    slow_lr: float = 6e-4  # highest learning rate of layers that start from trained weights
    slow: tuple[str, ...] = ("backbone",)  # modules with `slow_lr`: beginnings of names, up to a dot
    weight_decay: float = 0.02  # of AdamW, for all parameters but vectors
    warmup: float = 0.04  # share of the steps in which the rate rises
    clip: float = 5.0  # largest norm of the gradient
    ema: float = 0.997  # decay of the moving average of the weights
    bf16: bool = True  # whether to autocast to bfloat16, if the device computes in it
    checkpoint_every: int = 500  # steps
    evaluate_every: int = 2_000  # steps
    workers: int = 0  # processes that load data
    threads: int = 0  # torch threads; 0 lets torch choose
    seed: int = 0  # of all random generators
    device: str = "cpu"  # torch device


def train(
    model: nn.Module,
    batches: Dataset[Any],
    compute_losses: Callable[[nn.Module, Any], Losses],
    run: Path,
    config: LoopConfig,
    *,
    resume: bool = False,
    evaluate: Callable[[nn.Module], Mapping[str, float]] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> nn.Module:
    """Train a network and return the exponential moving average of its weights.

    Parameters
    ----------
    model : nn.Module
    batches : Dataset
        Item `i` is the batch of step `i`, so that a resumed run gets the batches of an uninterrupted one.
    compute_losses : callable
        (model, batch) -> losses.
    run : Path
        Folder of `config.json`, `log.jsonl`, TensorBoard events and `checkpoint.pt`.
    config : LoopConfig
    resume : bool
        Continue from `checkpoint.pt` if there is one. The result is the same, bit for bit, as without interruption.
    evaluate : callable, optional
        Called with the averaged network every `evaluate_every` steps and after the last; returns measures by name.
    settings : mapping, optional
        Further settings to keep in `config.json`.

    Returns
    -------
    nn.Module

    Raises
    ------
    ValueError
        `run` holds a run, and `resume` is False or its settings are other ones; or a loss is not finite.
    """
    run.mkdir(parents=True, exist_ok=True)
    record = {"loop": asdict(config), **(settings or {})}
    checkpoint = run / "checkpoint.pt"
    if checkpoint.exists() and not resume:
        raise ValueError(f"{run} holds a run already: pass --resume to continue it, or choose another folder")
    if checkpoint.exists():
        check_settings(run / "config.json", record)
    write_json(run / "config.json", record)
    seed_everything(config.seed, config.threads)
    model = model.to(config.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(config.ema), use_buffers=True)
    optimiser = make_optimiser(model, config)
    schedule = LambdaLR(optimiser, lambda step: warmup_cosine(step / config.steps, config.warmup))
    parts = {"model": model, "average": average, "optimiser": optimiser, "schedule": schedule}
    first = load_checkpoint(checkpoint, parts) if checkpoint.exists() else 0
    bf16 = config.bf16 and has_bf16(config.device)
    with Log(run, config.steps, first) as log:
        for step, batch in enumerate(_loader(batches, config, first), start=first):
            model.train()
            with torch.autocast(torch.device(config.device).type, torch.bfloat16, enabled=bf16):
                losses = compute_losses(model, to_device(batch, config.device))
            _check_finite(losses["loss"], step)
            optimiser.zero_grad(set_to_none=True)
            losses["loss"].backward()
            norm = nn.utils.clip_grad_norm_(model.parameters(), config.clip)
            optimiser.step()
            schedule.step()
            average.update_parameters(model)
            log.add({**{k: float(v.detach()) for k, v in losses.items()}, "gradient": float(norm)})
            done = step + 1
            if done % config.checkpoint_every == 0 or done == config.steps:
                save_checkpoint(checkpoint, done, parts)
            if evaluate is not None and (done % config.evaluate_every == 0 or done == config.steps):
                with torch.random.fork_rng(devices=[]):
                    log.write("evaluation", done, evaluate(average.module.eval()))
    return average.module.eval()


def _check_finite(loss: Tensor, step: int) -> None:
    """Stop before weights and checkpoint are spoilt."""
    if not torch.isfinite(loss):
        raise ValueError(
            f"the loss of step {step + 1} is {float(loss.detach())}: train anew with a lower learning rate "
            "(--loop.lr), or look for broken labels with `posepart data check`"
        )


def has_bf16(device: str) -> bool:
    """Whether a device computes in bfloat16; a CPU without such instructions only emulates it, and is slow."""
    return device != "cpu" or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def check_settings(path: Path, record: Mapping[str, Any]) -> None:
    """Refuse to continue a run with other settings; only `FREE_SETTINGS` may differ.

    Raises
    ------
    ValueError
        The settings in `path`, a `config.json`, differ from `record`.
    """
    before = _flat(read_json(path))
    now = _flat(json.loads(json.dumps(record, default=str)))
    changed = sorted(
        key
        for key in before.keys() | now.keys()
        if key.rpartition(".")[2] not in FREE_SETTINGS and before.get(key) != now.get(key)
    )
    if changed:
        raise ValueError(
            f"{path.parent} holds a run with another {', '.join(changed)}: resume it with its own settings "
            "(config.json), or choose another folder"
        )


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """The leaves of nested dicts by their dotted names."""
    if not isinstance(value, dict):
        return {name: value}
    prefix = f"{name}." if name else ""
    return {k: v for key, inner in value.items() for k, v in _flat(inner, f"{prefix}{key}").items()}


def make_optimiser(model: nn.Module, config: LoopConfig) -> torch.optim.AdamW:
    """AdamW with a lower rate for the layers that `config.slow` names, and without weight decay for vectors."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            slow = any(is_part(name, part) for part in config.slow)
            groups.setdefault((slow, parameter.ndim > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "lr": config.slow_lr if slow else config.lr,
                "weight_decay": config.weight_decay if decay else 0.0,
            }
            for (slow, decay), parameters in groups.items()
        ]
    )


def warmup_cosine(progress: float, warmup: float) -> float:
    """Factor of the learning rate at a progress in [0, 1]: a linear warm-up times half a cosine, plus 0.005."""
    return (
        min(1.0, (progress + 1e-6) / max(warmup, 1e-6))
        * (0.5 + 0.5 * float(np.cos(np.pi * min(progress, 1.0))))
        + 0.005
    )


def seed_everything(seed: int, threads: int) -> None:
    """Seed all random generators and set the number of torch threads; 0 lets torch choose."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - libraries that draw from the global stream
    torch.manual_seed(seed)
    if threads:
        torch.set_num_threads(threads)


def _loader(batches: Dataset[Any], config: LoopConfig, first: int) -> Iterator[Any]:
    steps = range(first, config.steps)
    state = torch.get_rng_state()
    stream = iter(DataLoader(batches, batch_size=None, sampler=steps, num_workers=config.workers))
    if first:  # making the iterator draws a random number, as the run did before it was interrupted
        torch.set_rng_state(state)
    return stream


def device_of(model: nn.Module) -> torch.device:
    """The device of a network's weights; the CPU if it has none."""
    parameter = next(model.parameters(), None)
    return torch.device("cpu") if parameter is None else parameter.device


def to_device(batch: Any, device: str) -> Any:
    """Copy the tensors of a batch, which may be nested, to a device."""
    if isinstance(batch, Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {name: to_device(value, device) for name, value in batch.items()}
    return (
        type(batch)(to_device(value, device) for value in batch) if isinstance(batch, list | tuple) else batch
    )


def save_checkpoint(path: Path, step: int, parts: Mapping[str, Any]) -> None:
    """Write the state from which a run can be resumed, including that of torch's random generator."""
    state = {name: part.state_dict() for name, part in parts.items()}
    state["step"] = step
    state["rng"] = torch.get_rng_state()
    write_atomically(path, lambda file: torch.save(state, file))


def load_checkpoint(path: Path, parts: Mapping[str, Any]) -> int:
    """Restore `parts` and torch's random generator, and return the number of steps done."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(state[name])
    torch.set_rng_state(state["rng"])
    return int(state["step"])
