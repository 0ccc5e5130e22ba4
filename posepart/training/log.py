"""The log of a training: progress bar, JSON lines, TensorBoard."""

import contextlib
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from posepart.io.files import write_text


class Log:
    """Progress bar with the remaining time, JSON lines, and TensorBoard if it is installed.

    Parameters
    ----------
    run : Path
        Folder of the log.
    steps : int
        Steps of the training.
    first : int
        Steps done before; records after it are dropped from the log.
    every : int
        Number of steps between records.
    """

    def __init__(self, run: Path, steps: int, first: int, every: int = 50) -> None:
        self.every = every
        self.step = first
        self.sums: dict[str, float] = {}
        self.count = 0
        self.started = time.monotonic()
        self.bar = tqdm(total=steps, initial=first, unit="step", dynamic_ncols=True, mininterval=5.0)
        if first:
            _forget_after(run / "log.jsonl", first)
        self.file = (run / "log.jsonl").open("a", encoding="utf-8")
        self.board: Any = None
        with contextlib.suppress(ImportError):
            from torch.utils.tensorboard import SummaryWriter

            self.board = SummaryWriter(str(run), purge_step=first)

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()
        self.file.close()
        if self.board is not None:
            self.board.close()

    def add(self, values: Mapping[str, float]) -> None:
        """Add the values of one step; their means are written at every multiple of `every` steps."""
        self.step += 1
        self.count += 1
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.bar.update()
        if self.step % self.every == 0:
            means = {name: total / self.count for name, total in self.sums.items()}
            self.bar.set_postfix({k: f"{v:.4g}" for k, v in means.items()}, refresh=False)
            self.write("train", self.step, means)
            self.sums, self.count = {}, 0

    def write(self, kind: str, step: int, values: Mapping[str, float]) -> None:
        """Write values of one kind ("train" or "evaluation") for a step; no values are not printed."""
        record = {"kind": kind, "step": step, "seconds": round(time.monotonic() - self.started, 1)}
        self.file.write(json.dumps({**record, **{k: round(float(v), 6) for k, v in values.items()}}) + "\n")
        self.file.flush()
        if kind != "train" and values:
            self.bar.write(f"{kind} {step}: " + "  ".join(f"{k} {v:.4g}" for k, v in values.items()))
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
