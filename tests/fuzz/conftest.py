"""No file may take more memory than a small machine has."""

from collections.abc import Iterator

import pytest
import torch
from helpers.fuzzing import limited_memory


@pytest.fixture(autouse=True, scope="module")
def bounded() -> Iterator[None]:
    torch.zeros(1)  # loaded now, as its libraries alone reserve more address space than the limit
    with limited_memory():
        yield
