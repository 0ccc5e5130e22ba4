"""Networks compiled by OpenVINO return what they return in torch."""

import importlib.util
import sys

import pytest
import torch
from torch import Tensor, nn

from posepart.models.openvino import OpenVinoNetwork


class TwoAnswers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 5, 3, stride=2, padding=1)

    def forward(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        x = self.convolution(batch)
        return x.relu(), x.mean(1, keepdim=True)


def test_a_missing_package_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ValueError, match=r"needs the package openvino.*pip install openvino.*--device cpu"):
        OpenVinoNetwork(nn.Identity())


@pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="openvino is an optional extra")
@pytest.mark.parametrize("network", [TwoAnswers(), nn.Conv2d(3, 2, 1)])
def test_answers_are_those_of_torch(network: nn.Module) -> None:
    compiled = OpenVinoNetwork(network.eval())
    for count, size in ((1, 16), (3, 16), (2, 24)):  # any size of batch and of image
        batch = torch.randn(count, 3, size, size).contiguous(memory_format=torch.channels_last)
        expected, found = network(batch), compiled(batch)
        for one, other in zip(
            (expected,) if isinstance(expected, Tensor) else expected,
            (found,) if isinstance(found, Tensor) else found,
            strict=True,
        ):
            torch.testing.assert_close(other, one, atol=1e-4, rtol=1e-4)
