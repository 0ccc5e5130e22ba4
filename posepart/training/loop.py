"""The training loop of all networks: schedule, moving average of the weights, checkpoints, resuming."""

import os
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset

from posepart.io.files import write_json
from posepart.training.checkpoints import check_settings, generator_states, load_checkpoint, save_checkpoint
from posepart.training.log import Log
from posepart.training.loop_config import LoopConfig, resolved
from posepart.training.optimiser import batch_norms, make_optimiser, schedule_of
from posepart.training.processes import Processes, join_processes

__all__ = ["LoopConfig", "Losses", "device_of", "seed_everything", "to_device", "train"]

Losses = Mapping[str, Tensor]  # "loss" is minimised, the others are logged


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
    """Train a network and return the exponential moving average of its weights, or itself without one.

    Parameters
    ----------
    model : nn.Module
    batches : Dataset
        Item `i` is the batch of step `i`, so that a resumed run gets the batches of an uninterrupted one. With n
        batches per step, of several processes or accumulated, step `i` takes items `n i` to `n i + n - 1`. If it has
        a length, that is the number of batches in an epoch.
    compute_losses : callable
        (model, batch) -> losses.
    run : Path
        Folder of `config.json`, `log.jsonl`, TensorBoard events and `checkpoint.pt`, which the main process writes.
    config : LoopConfig
    resume : bool
        Continue from `checkpoint.pt` if there is one. The result is the same, bit for bit, as without interruption,
        in one process: always on a CPU, on a GPU if the run is `deterministic`.
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
    processes = join_processes(config.device)
    config, device = resolved(config, batches, processes.count), processes.device
    checkpoint = run / "checkpoint.pt"
    first_time = prepare(run, config, settings or {}, resume, processes)
    seed_everything(config.seed + processes.index, config.threads)
    if config.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS sums in any order
        torch.use_deterministic_algorithms(True, warn_only=True)
    model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if config.frozen_norms:
        for norm in batch_norms(model):
            norm.requires_grad_(False)
    average: AveragedModel | None = None
    if config.ema:
        average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(config.ema), use_buffers=True)
    optimiser = make_optimiser(model, config)
    schedule = LambdaLR(optimiser, lambda step: schedule_of(config, step))
    parts: dict[str, Any] = {"model": model, "optimiser": optimiser, "schedule": schedule}
    parts |= {"average": average} if average is not None else {}
    result: nn.Module = model if average is None else average.module
    first = 0 if first_time else load_checkpoint(checkpoint, parts, device, processes.index)
    stream = _loader(batches, config, first, processes)
    with Log(run, config.steps, first, processes) as log:
        for step in range(first, config.steps):
            training_mode(model, config)
            optimiser.zero_grad(set_to_none=True)
            losses = gradients(model, stream, compute_losses, config, processes)
            length = nn.utils.clip_grad_norm_(model.parameters(), config.clip or float("inf"))
            optimiser.step()
            schedule.step()
            if average is not None:
                average.update_parameters(model)
            log.add({**losses, "gradient": length})
            done = step + 1
            if done % config.checkpoint_every == 0 or done == config.steps:
                log.check()
                states = processes.gather(generator_states(device))
                if processes.index == 0:
                    save_checkpoint(checkpoint, done, parts, states)
            if evaluate is not None and (done % config.evaluate_every == 0 or done == config.steps):
                if processes.index == 0:
                    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
                        log.write("evaluation", done, evaluate(result.eval()))
                processes.wait()
    return result.eval()


def prepare(
    run: Path, config: LoopConfig, settings: Mapping[str, Any], resume: bool, processes: Processes
) -> bool:
    """Make the folder of a run and its `config.json`; whether the run is a new one.

    Raises
    ------
    ValueError
        `run` holds a run, and `resume` is False or its settings are other ones.
    """
    record: dict[str, Any] = {"loop": asdict(config), **settings, "processes": processes.count}
    if config.epochs is not None:
        record["loop"] = {**record["loop"], "steps": config.steps}
    new = not (run / "checkpoint.pt").exists()
    if not new and not resume:
        raise ValueError(f"{run} holds a run already: pass --resume to continue it, or choose another folder")
    if not new:
        check_settings(run / "config.json", record)
    processes.wait()
    if processes.index == 0:
        run.mkdir(parents=True, exist_ok=True)
        write_json(run / "config.json", record)
    return new


def training_mode(model: nn.Module, config: LoopConfig) -> None:
    """Put a network in training mode, but for batch norms that are to keep their statistics."""
    model.train()
    if config.frozen_norms:
        for norm in batch_norms(model):
            norm.eval()


def gradients(
    model: nn.Module,
    stream: Iterator[Any],
    compute_losses: Callable[[nn.Module, Any], Losses],
    config: LoopConfig,
    processes: Processes,
) -> dict[str, Tensor]:
    """Compute the gradients of one step, the mean over its batches; return the means of this process's losses."""
    device = processes.device
    sums: dict[str, Tensor] = {}
    bf16 = config.bf16 and has_bf16(device)
    for _ in range(config.accumulate):
        batch = to_device(next(stream), device)
        with torch.autocast(device.type, torch.bfloat16) if bf16 else nullcontext():
            losses = compute_losses(model, batch)
        (losses["loss"] / config.accumulate).backward()
        for name, value in losses.items():
            sums[name] = value.detach() + sums.get(name, 0.0)
    if processes.count > 1:
        processes.average(p.grad for p in model.parameters() if p.grad is not None)
    return {name: total / config.accumulate for name, total in sums.items()}


def has_bf16(device: torch.device) -> bool:
    """Whether a device computes in bfloat16; a device without such instructions only emulates it, and is slow."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type != "cpu" or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def seed_everything(seed: int, threads: int) -> None:
    """Seed all random generators and set the number of torch threads; 0 lets torch choose."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - libraries that draw from the global stream
    torch.manual_seed(seed)
    if threads:
        torch.set_num_threads(threads)


def _loader(batches: Dataset[Any], config: LoopConfig, first: int, processes: Processes) -> Iterator[Any]:
    items = processes.items(range(first, config.steps), config.accumulate)
    state = torch.get_rng_state()
    if config.workers:
        cv2.setNumThreads(
            1
        )  # before the fork: a worker would wait for ever for the threads that it did not get
    stream = iter(
        DataLoader(
            batches,
            batch_size=None,
            sampler=items,
            num_workers=config.workers,
            pin_memory=processes.device.type == "cuda",
        )
    )
    if first:  # making the iterator draws a random number, as the run did before it was interrupted
        torch.set_rng_state(state)
    return stream


def device_of(model: nn.Module) -> torch.device:
    """The device of a network's weights; the CPU if it has none."""
    parameter = next(model.parameters(), None)
    return torch.device("cpu") if parameter is None else parameter.device


def to_device(batch: Any, device: torch.device | str) -> Any:
    """Copy the tensors of a batch, which may be nested, to a device; from pinned memory without waiting."""
    if isinstance(batch, Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, dict):
        return {name: to_device(value, device) for name, value in batch.items()}
    return (
        type(batch)(to_device(value, device) for value in batch) if isinstance(batch, list | tuple) else batch
    )
