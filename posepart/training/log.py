"""The log of a training: progress bar, JSON lines, TensorBoard."""

import contextlib
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from posepart.io.files import write_text
from posepart.io.terminal import LOG, progress_bar, time_left
from posepart.training.processes import Processes


class Log:
    """Progress bar with the remaining time, JSON lines, and TensorBoard if it is installed.

    Values of steps stay on their device until a record is written: reading them would make a GPU wait at every step.

    Parameters
    ----------
    run : Path
        Folder of the log.
    steps : int
        Steps of the training.
    first : int
        Steps done before; records after it are dropped from the log.
    processes : Processes, optional
        The processes whose values are averaged; only the main one writes and shows progress.
    every : int
        Number of steps between records.
    """

    def __init__(
        self, run: Path, steps: int, first: int, processes: Processes | None = None, every: int = 50
    ) -> None:
        self.every, self.steps = every, steps
        self.first = self.step = first
        self.processes = processes or Processes(torch.device("cpu"))
        self.read_at_once = self.processes.device.type == "cpu" and self.processes.count == 1
        self.unread: list[Mapping[str, Tensor]] = []  # of the last steps
        self.sums: dict[str, float] = {}
        self.count = 0
        self.started = time.monotonic()
        self.writes = self.processes.index == 0
        self.bar = progress_bar(steps, unit="step", done=first, shown=self.writes)
        self.file: Any = None
        self.board: Any = None
        if self.writes:
            if first:
                _forget_after(run / "log.jsonl", first)
            self.file = (run / "log.jsonl").open("a", encoding="utf-8")
            with contextlib.suppress(ImportError):
                from torch.utils.tensorboard import SummaryWriter

                self.board = SummaryWriter(str(run), purge_step=first)

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()
        for file in (self.file, self.board):
            if file is not None:
                file.close()

    def add(self, values: Mapping[str, Tensor]) -> None:
        """Add the values of one step, one number each; their means are written at every multiple of `every` steps.

        Raises
        ------
        ValueError
            As `check`.
        """
        self.step += 1
        self.unread.append(values)
        self.bar.update()
        if self.read_at_once or self.step % self.every == 0:
            self.check()
        if self.step % self.every == 0:
            means = {name: total / self.count for name, total in self.sums.items()}
            shown = {k: f"{v:.4g}" for k, v in means.items()}
            self.bar.set_postfix(shown, refresh=False)
            if self.writes and self.bar.disable:  # no terminal
                left = time_left(self.started, self.step - self.first, self.steps - self.step)
                values_of = "  ".join(f"{k} {v}" for k, v in shown.items())
                LOG.info(f"step {self.step} of {self.steps}{left}: {values_of}")
            self.write("train", self.step, means)
            self.sums, self.count = {}, 0

    def check(self) -> None:
        """Read the values of the last steps, the means over all processes.

        Raises
        ------
        ValueError
            The loss of a step is not finite; weights and checkpoints after that step would be spoilt.
        """
        if not self.unread:
            return
        flat = [value.detach().float().reshape(()) for values in self.unread for value in values.values()]
        together = torch.stack(flat)
        self.processes.average([together])
        numbers = iter(together.tolist())
        first = self.step - len(self.unread) + 1
        for step, values in enumerate(self.unread, start=first):
            self.count += 1
            for name in values:
                value = next(numbers)
                if name == "loss" and not math.isfinite(value):
                    raise ValueError(
                        f"the loss of step {step} is {value}: train anew with a lower learning rate "
                        "(--loop.lr), or look for broken labels with `posepart data check`"
                    )
                self.sums[name] = self.sums.get(name, 0.0) + value
        self.unread = []

    def write(self, kind: str, step: int, values: Mapping[str, float]) -> None:
        """Write values of one kind ("train" or "evaluation") for a step; no values are not printed."""
        if not self.writes:
            return
        record = {"kind": kind, "step": step, "seconds": round(time.monotonic() - self.started, 1)}
        self.file.write(json.dumps({**record, **{k: round(float(v), 6) for k, v in values.items()}}) + "\n")
        self.file.flush()
        if kind != "train" and values:
            LOG.info(f"{kind} {step}: " + "  ".join(f"{k} {v:.4g}" for k, v in values.items()))
        if self.board is not None:
            for name, value in values.items():
                self.board.add_scalar(f"{kind}/{name}", value, step)


def _forget_after(log: Path, step: int) -> None:
    """Drop the records after `step`: a resumed run writes them again."""
    if log.exists():
        lines = log.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= step]
        text = "".join(f"{line}\n" for line in kept)
        write_text(log, text)
