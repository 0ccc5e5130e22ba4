"""Networks compiled by OpenVINO, which runs them on a CPU faster than torch."""

import functools
import importlib
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

_HINTS = {"float32": "f32", "bfloat16": "bf16"}
_COMPILING = threading.Lock()  # what is warned of is a setting of the whole process


def import_openvino() -> Any:
    """The package openvino, which then sends no usage statistics.

    Raises
    ------
    ValueError
        It cannot be imported.
    """
    reporter = "openvino_telemetry"
    known = sys.modules.get(reporter)
    sys.modules[reporter] = None  # type: ignore[assignment]  # an import of it fails, and OpenVINO does without
    try:
        return importlib.import_module("openvino")
    except (ImportError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(
            f"engine openvino needs the package openvino ({reason}): run `pip install openvino`"
        ) from error
    finally:
        if known is None:
            del sys.modules[reporter]
        else:
            sys.modules[reporter] = known


def has_openvino() -> bool:
    """Whether it can be imported."""
    try:
        import_openvino()
    except ValueError:
        return False
    return True


@functools.cache
def core() -> Any:
    """The one `Core` of this process, which lives as long as it.

    Each brings its thread a stack for signal handlers, and takes it away when it is freed. Of two that are not freed
    in reverse order, or by another thread, one leaves a thread with a stack that is no longer there, and the next
    signal overwrites whatever has taken its place.
    """
    return import_openvino().Core()


class OpenVinoEngine:
    """Networks compiled for the CPU; an `engine.Engine`.

    On one processor, results are the same bits with any number of threads and in batches of any size.

    Parameters
    ----------
    precision : str
        "float32" or "bfloat16".
    threads : int

    Raises
    ------
    ValueError
        OpenVINO cannot be imported.
    """

    name = "openvino"

    def __init__(self, precision: str, threads: int) -> None:
        self.precision, self.threads = precision, threads
        self.openvino = import_openvino()

    def __reduce__(self) -> tuple[type["OpenVinoEngine"], tuple[str, int]]:
        return OpenVinoEngine, (self.precision, self.threads)

    def compile(self, module: nn.Module) -> Callable[..., Any]:
        """See `engine.Engine`; it is compiled at the first call."""
        return _Compiled(self, module)

    def compiled(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> Any:
        """OpenVINO's model of a network, for batches and images of any size."""
        sizes = [[-1, one.shape[1], *[-1] * (one.dim() - 2)] for one in inputs]
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # OpenVINO still traces, which torch calls deprecated
            # faster than OpenVINO's own tracing
            traced = torch.jit.trace(module.eval(), inputs, check_trace=False)
            graph = self.openvino.convert_model(traced, example_input=inputs, input=sizes)
        settings = {
            "INFERENCE_PRECISION_HINT": _HINTS[self.precision],
            "INFERENCE_NUM_THREADS": self.threads,
            "PERFORMANCE_HINT": "LATENCY",
            "ENABLE_CPU_PINNING": False,  # another process on one of the cores would hold up all threads
        }
        return core().compile_model(graph, "CPU", settings)


class _Compiled:
    """A network that is compiled when it is first called, and can be called by several threads at once.

    If OpenVINO cannot compile it, torch runs it, with a warning.
    """

    def __init__(self, engine: OpenVinoEngine, module: nn.Module) -> None:
        self.engine, self.module = engine, module
        self.model: Any = None
        self.possible = True
        self.own = threading.local()  # a request of every thread

    def __reduce__(self) -> tuple[type["_Compiled"], tuple[OpenVinoEngine, nn.Module]]:
        """A copy compiles for itself, at its first call."""
        return _Compiled, (self.engine, self.module)

    def __call__(self, *inputs: Tensor) -> Any:
        """(B, C) or (B, C, H, W) float32 each -> what the network gives."""
        inputs = tuple(one.contiguous(memory_format=torch.contiguous_format) for one in inputs)
        with _COMPILING if self.model is None else nullcontext():
            if self.model is None and self.possible:
                self._compile(inputs)
        if not self.possible:
            with torch.no_grad():
                return self.module(*inputs)
        if not hasattr(self.own, "request"):
            self.own.request = self.model.create_infer_request()
        found = self.own.request.infer([one.numpy() for one in inputs], share_inputs=True)
        tensors = tuple(torch.from_numpy(found[output]) for output in self.model.outputs)
        return tensors[0] if len(tensors) == 1 else tensors

    def _compile(self, inputs: tuple[Tensor, ...]) -> None:
        try:
            self.model = self.engine.compiled(self.module, inputs)
        except Exception as error:  # OpenVINO and torch raise many types
            self.possible = False
            name = type(getattr(self.module, "network", self.module)).__name__
            reason = " ".join(str(error).split())[:200]
            warnings.warn(f"OpenVINO cannot compile {name} ({reason}): torch runs it, slower", stacklevel=4)
