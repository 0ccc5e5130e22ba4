"""Networks compiled by OpenVINO, which runs them faster on a CPU than torch; an optional extra."""

import importlib
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

MISSING = (
    "device openvino needs the package openvino, which is not installed: "
    "run `pip install openvino`, or pass --device cpu"
)


class OpenVinoNetwork(nn.Module):
    """A network compiled for the CPU in single precision; its results differ from torch's by rounding.

    It takes batches of any size and is compiled for each side S of the images when it first sees one. It uses
    torch's number of threads and has no gradients.

    Parameters
    ----------
    network : torch.nn.Module
        Takes (B, 3, S, S) float32 and returns a tensor or a tuple of tensors.

    Raises
    ------
    ValueError
        OpenVINO is not installed.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        try:
            self.openvino: Any = importlib.import_module("openvino")
        except ImportError as error:
            raise ValueError(MISSING) from error
        self.network = network
        self.compiled: dict[int, _Compiled] = {}

    def forward(self, batch: Tensor) -> Tensor | tuple[Tensor, ...]:
        """(B, 3, S, S) float32 -> what the network returns."""
        size = batch.shape[-1]
        if size not in self.compiled:
            self.compiled[size] = self._compile(size)
        compiled = self.compiled[size]
        found = compiled.request.infer([batch.contiguous(memory_format=torch.contiguous_format).numpy()])
        tensors = tuple(torch.from_numpy(found[output].copy()) for output in found)
        return tensors[0] if compiled.single else tensors

    def _compile(self, size: int) -> "_Compiled":
        example = torch.zeros(1, 3, size, size)
        with torch.inference_mode():
            single = isinstance(self.network(example), Tensor)
        graph = self.openvino.convert_model(self.network, example_input=example, input=[-1, 3, size, size])
        settings = {
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "INFERENCE_PRECISION_HINT": "f32",  # its default, bfloat16 where the CPU has it, is slower here
            "PERFORMANCE_HINT": "LATENCY",
        }
        request = self.openvino.Core().compile_model(graph, "CPU", settings).create_infer_request()
        return _Compiled(request, single)


@dataclass(frozen=True)
class _Compiled:
    """A network compiled for one image size."""

    request: Any  # OpenVINO's inference request
    single: bool  # whether the network returns a tensor, not a tuple
