"""Networks compiled by OpenVINO, which runs them faster on a CPU than torch does; an optional extra."""

import importlib
from typing import Any

import torch
from torch import Tensor, nn

MISSING = (
    "device openvino needs the package openvino, which is not installed: "
    "run `pip install openvino`, or pass --device cpu"
)


class OpenVinoNetwork(nn.Module):
    """A network of one image batch, compiled for the CPU in single precision; the results differ by rounding.

    The batch may have any size. torch's number of threads holds. There are no gradients.

    Parameters
    ----------
    network: takes (B, 3, S, S) float32, gives one tensor or a tuple of them.
    size: S, px.

    Raises
    ------
    ValueError: when openvino is not installed.
    """

    def __init__(self, network: nn.Module, size: int) -> None:
        super().__init__()
        try:
            openvino = importlib.import_module("openvino")
        except ImportError as error:
            raise ValueError(MISSING) from error
        example = torch.zeros(1, 3, size, size)
        with torch.inference_mode():
            self.single = isinstance(network(example), Tensor)
        graph = openvino.convert_model(network, example_input=example, input=[-1, 3, size, size])
        settings = {
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "INFERENCE_PRECISION_HINT": "f32",  # its own choice, bfloat16 where the CPU has it, is slower here
            "PERFORMANCE_HINT": "LATENCY",
        }
        self.request: Any = openvino.Core().compile_model(graph, "CPU", settings).create_infer_request()

    def forward(self, batch: Tensor) -> Tensor | tuple[Tensor, ...]:
        found = self.request.infer([batch.contiguous(memory_format=torch.contiguous_format).numpy()])
        tensors = tuple(torch.from_numpy(found[output].copy()) for output in found)
        return tensors[0] if self.single else tensors
