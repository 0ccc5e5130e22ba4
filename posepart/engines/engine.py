"""What an engine is, the one that runs networks in torch, and how one is chosen."""

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from posepart.engines import AUTO, ENGINES, PRECISIONS
from posepart.engines.openvino import OpenVinoEngine, has_openvino
from posepart.engines.processor import has_fast_bfloat16, usable_cpus


class Engine(Protocol):
    """Whatever executes networks."""

    @property
    def name(self) -> str:
        """Its name in `ENGINES`."""
        ...

    @property
    def precision(self) -> str:
        """In which it multiplies: "float32" or "bfloat16"; results are float32 in any case."""
        ...

    def compile(self, module: nn.Module) -> Callable[..., Any]:
        """A function that does what a network does, without gradients; results differ by rounding.

        The network takes tensors (B, C) or (B, C, H, W) float32 and gives a tensor or a tuple of tensors.
        """
        ...


def choose_engine(
    name: str = AUTO, precision: str = AUTO, device: str = "cpu", threads: int | None = None
) -> Engine:
    """The engine of a name.

    Parameters
    ----------
    name : str
        One of `ENGINES`; "auto" is OpenVINO on a CPU if it is installed, else torch.
    precision : str
        One of `PRECISIONS`; "auto" is bfloat16 for OpenVINO on a CPU that has instructions for it, else float32.
    device : str
        As torch names it.
    threads : int, optional
        Of OpenVINO; as many as `usable_cpus` by default. Torch has its own number, for the whole process.

    Raises
    ------
    ValueError
        An engine or precision is unknown, OpenVINO is not installed, or it cannot compute on the device.
    """
    for what, value, choices in (("engine", name, ENGINES), ("precision", precision, PRECISIONS)):
        if value not in choices:
            raise ValueError(f"{what}: expected one of {', '.join(choices)}, got {value!r}")
    on_cpu = torch.device(device).type == "cpu"
    if name == "openvino" and not on_cpu:
        raise ValueError(f"engine openvino computes on the CPU only, not on {device}: leave out one of them")
    if name == "openvino" or (name == AUTO and on_cpu and has_openvino()):
        if precision == AUTO:
            precision = "bfloat16" if has_fast_bfloat16() else "float32"
        return OpenVinoEngine(precision, threads or usable_cpus())
    return TorchEngine("float32" if precision == AUTO else precision, torch.device(device).type)


def run_on(engine: Engine, network: nn.Module, method: str = "forward") -> None:
    """Let an engine execute a method of a network; all else of the network stays as it is."""
    if (engine.name, engine.precision) != ("torch", "float32"):
        setattr(network, method, engine.compile(_Method(network, method)))


class _Method(nn.Module):
    """A method of a network as a network of its own."""

    def __init__(self, network: nn.Module, name: str) -> None:
        super().__init__()
        self.network, self.name = network, name

    def forward(self, *inputs: Tensor) -> Any:
        """What the method returns; that of the class, in whose place the network has the engine's."""
        return getattr(type(self.network), self.name)(self.network, *inputs)


class TorchEngine:
    """Networks run in torch, on any device."""

    name = "torch"

    def __init__(self, precision: str = "float32", device: str = "cpu") -> None:
        self.precision, self.device = precision, device

    def compile(self, module: nn.Module) -> Callable[..., Any]:
        """See `Engine`."""
        return module if self.precision == "float32" else _Reduced(module, self.device)


class _Reduced:
    """A network in bfloat16, as an object, since functions within functions cannot be pickled."""

    def __init__(self, module: nn.Module, device: str) -> None:
        self.module, self.device = module, device

    def __call__(self, *inputs: Tensor) -> Any:
        with torch.autocast(self.device, torch.bfloat16):
            found = self.module(*inputs)
        return found.float() if isinstance(found, Tensor) else tuple(one.float() for one in found)
