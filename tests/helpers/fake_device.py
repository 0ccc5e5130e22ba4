"""A device that computes nothing, but refuses to mix with the CPU as a GPU does: torch's "meta" device."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

FAKE = "meta"


class FakeDevice(TorchFunctionMode):
    """Within it, tensors of the fake device that are copied to the CPU or read become zeros there."""

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        arguments: Sequence[Any] = (),
        keywords: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function of torch."""
        keywords = keywords or {}
        first = arguments[0] if arguments else None
        if isinstance(first, Tensor) and first.device.type == FAKE:
            if function is Tensor.cpu or (function is Tensor.to and "cpu" in map(str, arguments[1:])):
                return torch.zeros(first.shape, dtype=first.dtype)
            if function is Tensor.tolist:
                return torch.zeros(first.shape, dtype=first.dtype).tolist()
        return function(*arguments, **keywords)
