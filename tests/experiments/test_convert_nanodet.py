"""experiments/convert_nanodet.py on a graph made from a network of our own."""

import json
from pathlib import Path
from typing import Any

import convert_nanodet
import numpy as np
import pytest
import torch
from helpers.nanodet_arrays import published_arrays

from posepart.models.backbones import read_arrays
from posepart.models.detector.nanodet import NanoDet


def write_graph(folder: Path, network: NanoDet) -> Path:
    """A TensorFlow.js graph with the network's convolutions, 79 classes of zeros more, an integer and a scalar."""
    nodes: list[dict[str, Any]] = [{"name": "input", "op": "Placeholder"}]
    weights: list[dict[str, Any]] = []
    stored = b""

    def put(name: str, array: np.ndarray) -> None:
        nonlocal stored
        entry: dict[str, Any] = {"name": name, "shape": list(array.shape), "dtype": str(array.dtype)}
        if array.dtype == np.float32:
            entry["quantization"] = {"dtype": "float16", "original_dtype": "float32"}
            array = array.astype("<f2")
        weights.append(entry)
        stored += array.tobytes()

    arrays = published_arrays(network)
    for number in range(len(arrays) // 2):
        name = "Part/convolution" + (f"_{number}" if number else "")
        kernel, bias = (arrays[f"convolution{number}.{kind}"] for kind in ("weight", "bias"))
        put(f"{name}/kernel", kernel.transpose(2, 3, 1, 0))
        put(f"{name}/axes", np.array([0, 3, 1, 2], np.int32))
        put(f"{name}/bias", bias)
        nodes += [
            {"name": name, "op": "Conv2D", "input": ["x", f"{name}/kernel"]},
            {"name": f"Part/Add_{number}", "op": "Add", "input": [name, f"{name}/bias"]},
        ]
    put("scalar", np.array(3, np.int32))
    path = folder / "nanodet.json"
    model = {"modelTopology": {"node": nodes}, "weightsManifest": [{"weights": weights}]}
    path.write_text(json.dumps(model))
    path.with_suffix(".bin").write_bytes(stored)
    return path


@torch.inference_mode()
def test_the_converted_network_finds_the_same(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = NanoDet().eval()
    graph = write_graph(tmp_path, network)
    convert_nanodet.main([str(graph), "-o", str(tmp_path / "guide.npz")])
    other = NanoDet().eval()
    other.load_published(read_arrays(tmp_path / "guide.npz"))
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], tensor.half().float(), rtol=0, atol=0)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["guide.npz", "nanodet.bin", "nanodet.json"]


def test_a_cut_weight_file(tmp_path: Path) -> None:
    graph = write_graph(tmp_path, NanoDet())
    stored = graph.with_suffix(".bin").read_bytes()
    for wrong, message in ((stored[:-9], "ends within"), (stored + b"x", "its graph describes")):
        graph.with_suffix(".bin").write_bytes(wrong)
        with pytest.raises(ValueError, match=message):
            convert_nanodet.main([str(graph), "-o", str(tmp_path / "guide.npz")])
    assert not (tmp_path / "guide.npz").exists()


@pytest.mark.parametrize(
    "text", ["no JSON", "{}", '{"weightsManifest": [], "modelTopology": {"node": [{"op": 1}]}}']
)
def test_another_graph(tmp_path: Path, text: str) -> None:
    graph = tmp_path / "nanodet.json"
    graph.write_text(text)
    graph.with_suffix(".bin").write_bytes(b"")
    with pytest.raises(ValueError, match=r"not a TensorFlow.js graph of a NanoDet|the NanoDet lacks"):
        convert_nanodet.main([str(graph), "-o", str(tmp_path / "guide.npz")])
    assert not (tmp_path / "guide.npz").exists()


def test_a_missing_graph(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        convert_nanodet.main([str(tmp_path / "nanodet.json"), "-o", str(tmp_path / "guide.npz")])
