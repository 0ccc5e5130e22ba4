"""Networks as files: what is refused, and that a wrong file is not left behind."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from posepart.cli.main import main
from posepart.formats import networks
from posepart.formats.networks import Exported, Port
from posepart.models.model_set import find_model

pytest.importorskip("onnx")


class HoldsItsSize(nn.Module):
    """Its trace holds the height of the example as a number."""

    def forward(self, images: Tensor) -> Tensor:
        return images.mean((2, 3)) + float(images.shape[2])


def test_a_file_that_differs_is_refused(tmp_path: Path) -> None:
    images = torch.rand(1, 3, 16, 16)
    exported = Exported(
        HoldsItsSize(),
        (Port("images", ("batch", 3, "height", "width"), ""),),
        (Port("means", ("batch", 3), ""),),
        ((images,), (images[:, :, :8],)),
    )
    with pytest.raises(ValueError, match=r"net\.onnx: its results differ from the network's by"):
        networks._write(exported, "onnx", tmp_path, "net")
    assert not [*tmp_path.iterdir()]


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(networks, "_STAGES", ("refine",))
    folder = tmp_path / "new" / "networks"
    assert main(["models", "posepart-s", "--export", str(folder), "--format", "openvino"]) == 0
    assert "results equal to" in capsys.readouterr().out
    manifest = json.loads((folder / "manifest.json").read_text())
    assert sorted(file.name for file in folder.iterdir()) == ["manifest.json", "refine.bin", "refine.xml"]
    assert manifest["networks"]["refine"]["inputs"][0]["shape"] == ["batch", 7, "rows", "columns"]
    assert manifest["networks"]["refine"]["largest_difference"] < 1e-3


def test_what_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["models", "--export", str(tmp_path / "out")]) == 2
    assert "name it, as in posepart models posepart-s --export DIR" in capsys.readouterr().err
    with pytest.raises(ValueError, match="format: expected one of onnx, openvino, got 'tflite'"):
        networks.export_networks(find_model("posepart-s"), "tflite", tmp_path)
    with monkeypatch.context() as without:
        without.setattr(networks, "find_spec", lambda name: None)
        with pytest.raises(ValueError, match="needs the package onnx: run `pip install onnx`"):
            networks.export_networks(find_model("posepart-s"), "onnx", tmp_path)
    monkeypatch.setattr(networks, "_STAGES", ())
    with pytest.raises(ValueError, match="the networks that can be exported"):
        networks.export_networks(find_model("posepart-s"), "onnx", tmp_path)
