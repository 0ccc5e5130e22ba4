"""One process or several: `accelerate launch experiments/train.py ...` starts one per GPU, or several on the CPU.

Every process computes the gradients of batches of its own; the gradients are averaged, so that all have the same
weights. The main process alone evaluates, prints and writes.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor

from posepart.loading import check_device

LONGEST_WAIT = timedelta(hours=12)  # for the main process, while it evaluates or predicts
BUCKET = 1 << 25  # numbers that are averaged at once


def launched() -> int:
    """The number of processes of this training."""
    return int(os.environ.get("WORLD_SIZE", 1))


def is_main() -> bool:
    """Whether this process evaluates, prints and writes."""
    return launched() == 1 or int(os.environ.get("RANK", 0)) == 0


@dataclass(frozen=True)
class Processes:
    """The processes of a training, as one of them sees them.

    Attributes
    ----------
    device : torch.device
        Of this process.
    count : int
    index : int
        Of this process; that of the main one is 0.
    """

    device: torch.device
    count: int = 1
    index: int = 0

    def items(self, steps: range, accumulate: int) -> Sequence[int]:
        """The items of a stream of batches that this process takes, `accumulate` for every step.

        All processes together take all items in order, so that processes and accumulation are exchangeable.
        """
        if self.count * accumulate == 1:
            return steps
        return [
            (step * accumulate + part) * self.count + self.index
            for step in steps
            for part in range(accumulate)
        ]

    def average(self, tensors: Iterable[Tensor]) -> None:
        """Replace tensors of one type by their means over all processes, in place and in few messages."""
        if self.count == 1:
            return
        from accelerate.utils import reduce

        for bucket in _buckets(tensors):
            flat = torch.cat([tensor.reshape(-1) for tensor in bucket])
            mean: Any = reduce(flat, reduction="mean")
            pieces = mean.split([tensor.numel() for tensor in bucket])
            for tensor, piece in zip(bucket, pieces, strict=True):
                tensor.copy_(piece.view_as(tensor))

    def gather(self, value: Any) -> list[Any]:
        """The values of all processes, the main one's first."""
        if self.count == 1:
            return [value]
        from accelerate.utils import gather_object

        return list(gather_object([value]))

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.count > 1:
            torch.distributed.barrier()


def join_processes(device: str) -> Processes:
    """Join the other processes of `accelerate launch`, or be alone.

    Parameters
    ----------
    device : str
        Torch device; "cuda" stands for a GPU of its own for each process.

    Raises
    ------
    ValueError
        Torch cannot compute on `device`; or there are other processes, but no accelerate.
    """
    if launched() == 1:
        check_device(device)
        return Processes(torch.device(device))
    if device not in ("cpu", "cuda"):
        raise ValueError(f"loop.device: several processes compute on cpu or cuda, got {device}")
    state = _state(device == "cpu")
    if state.device.type != device:
        raise ValueError(
            f"loop.device: expected {state.device.type}, as accelerate is configured, got {device}"
        )
    chosen = state.device if device == "cuda" else torch.device("cpu")
    return Processes(chosen, state.num_processes, state.process_index)


def _state(cpu: bool) -> Any:
    """What accelerate knows of the processes; it is made once."""
    try:
        from accelerate import PartialState
    except ImportError as error:
        raise ValueError(
            'a training in several processes needs accelerate: pip install ".[accelerate]", or start one process'
        ) from error
    return PartialState(cpu=cpu, timeout=LONGEST_WAIT)


@contextmanager
def main_first(device: str) -> Iterator[None]:
    """Let the main process do something, such as writing a file, before the others do it."""
    processes = join_processes(device)
    if processes.index:
        processes.wait()
    yield
    if not processes.index:
        processes.wait()


def _buckets(tensors: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    bucket: list[Tensor] = []
    size = 0
    for tensor in tensors:
        if bucket and size + tensor.numel() > BUCKET:
            yield bucket
            bucket, size = [], 0
        bucket.append(tensor)
        size += tensor.numel()
    if bucket:
        yield bucket
