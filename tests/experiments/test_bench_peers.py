"""The networks of others: what they are given, what their outputs mean, and their graphs, by hand."""

import base64
import json
from pathlib import Path
from typing import Any

import bench_peers
import bench_pipeline
import numpy as np
import peers
import pytest
import tensorflow_js
import torch
import torch.nn.functional as F
from helpers.contestants import made_up, photo

SIZE = 8  # pixels, of the graph's images


def test_letterbox() -> None:
    """A wide photo of 60 x 40 pixels at 30: 30 x 20, filled up to multiples of 16 on the right and at the bottom."""
    picture = np.full((40, 60, 3), 200, np.uint8)
    image, scale = peers.letterbox(picture, 30, 16, 7)
    assert image.shape == (32, 32, 3) and scale == 0.5
    assert (image[:20, :30] == 200).all() and (image[20:] == 7).all() and (image[:, 30:] == 7).all()
    image, scale = peers.letterbox(np.zeros((1, 300, 3), np.uint8), 32, 32, 7)  # no side vanishes
    assert image.shape == (32, 32, 3) and (image[0] == 0).all() and (image[1:] == 7).all()


def test_people_of_multipose() -> None:
    """Rows of y, x and score in shares of the image; a person below the least score is none."""
    found = np.zeros((6, 56), np.float32)
    found[0, :6], found[0, 55] = (0.5, 0.25, 0.9, 1.0, 0.0, 0.3), 0.25
    found[1, :3], found[1, 55] = (0.1, 0.2, 0.8), 0.24
    people = peers.multipose(found, 200, 100, 0.25)
    assert people.shape == (1, 17, 3)
    np.testing.assert_allclose(people[0, :2], [[50, 50, 0.9], [0, 100, 0.3]], rtol=1e-6)
    assert peers.multipose(found, 200, 100, 0.5).shape == (0, 17, 3)


def test_peaks_move_towards_the_higher_neighbour() -> None:
    maps = np.zeros((3, 4, 5), np.float32)
    maps[0, 2, 3], maps[0, 2, 2], maps[0, 3, 3] = 0.8, 0.4, 0.1
    maps[1, 0, 0], maps[1, 0, 1] = 0.6, 0.2  # in the corner, as if its edge went on
    maps[2, 1, 1] = 0.5
    expected = [[2.75, 2.25, 0.8], [0.25 * -1, -0.25, 0.6], [1, 1, 0.5]]
    np.testing.assert_allclose(peers.peaks(maps), expected, rtol=1e-6)


def test_crop_around_a_box() -> None:
    """A box of 30 x 80 becomes 60 x 80 of the crop's shape, times 1.25: its centre comes to that of the crop."""
    there = peers.crop_map((100, 200, 130, 280))
    np.testing.assert_allclose(there @ [115, 240, 1], [96, 128])
    np.testing.assert_allclose(there @ [115 + 37.5, 240 + 50, 1], [192, 256])
    wide = peers.crop_map((0, 0, 96, 10))
    np.testing.assert_allclose(wide @ [48 + 60, 5, 1], [192, 128])


def test_planes() -> None:
    image = np.array([[[10, 20, 30]]], np.uint8)
    found = peers.planes(image, np.array([4, 5, 6], np.float32), np.array([2, 5, 8], np.float32))
    assert found.dtype == np.float32 and found.tolist() == [[[[3]], [[3]], [[3]]]]


# Graphs


def write_graph(path: Path) -> dict[str, np.ndarray]:
    """A graph like MoveNet's: integers in, fused convolutions, the second depthwise, weights in half precision."""
    rng = np.random.default_rng(0)
    weights = {
        "kernel": rng.normal(0, 0.1, (3, 3, 3, 4)).astype("<f2"),
        "bias": rng.normal(0, 1, 4).astype("<f2"),
        "depthwise": rng.normal(0, 1, (3, 3, 4, 1)).astype("<f2"),
        "offset": rng.normal(0, 1, 4).astype("<f2"),
        "axis": np.array([1, 2], "<i4"),
    }
    entries: list[dict[str, Any]] = [
        {"name": name, "shape": list(array.shape), "dtype": "int32"}
        if array.dtype == np.int32
        else {
            "name": name,
            "shape": list(array.shape),
            "dtype": "float32",
            "quantization": {"dtype": "float16"},
        }
        for name, array in weights.items()
    ]
    kinds = {"int32": "DT_INT32", "float32": "DT_FLOAT"}
    nodes: list[dict[str, Any]] = [
        {"name": e["name"], "op": "Const", "attr": {"dtype": {"type": kinds[e["dtype"]]}}} for e in entries
    ]
    shape = {"shape": {"dim": [{"size": str(length)} for length in (1, -1, -1, 3)]}}
    nodes.append(
        {"name": "input", "op": "Placeholder", "attr": {"dtype": {"type": "DT_INT32"}, "shape": shape}}
    )
    cast = {"SrcT": {"type": "DT_INT32"}, "DstT": {"type": "DT_FLOAT"}}
    nodes.append({"name": "float", "op": "Cast", "input": ["input"], "attr": cast})
    nodes.append(fused("convolution", "_FusedConv2D", ["float", "kernel", "bias"], ("BiasAdd", "Relu6"), "2"))
    nodes.append(
        fused(
            "depth", "FusedDepthwiseConv2dNative", ["convolution", "depthwise", "offset"], ("BiasAdd",), "1"
        )
    )
    mean = {"T": {"type": "DT_FLOAT"}, "Tidx": {"type": "DT_INT32"}, "keep_dims": {"b": False}}
    nodes.append({"name": "Identity", "op": "Mean", "input": ["depth", "axis"], "attr": mean})
    model = {"modelTopology": {"node": nodes}, "weightsManifest": [{"weights": entries}]}
    path.write_text(json.dumps(model))
    path.with_suffix(".bin").write_bytes(b"".join(array.tobytes() for array in weights.values()))
    return weights


def fused(name: str, op: str, inputs: list[str], operations: tuple[str, ...], stride: str) -> dict[str, Any]:
    def text(value: str) -> str:
        return base64.b64encode(value.encode()).decode()

    attributes = {
        "T": {"type": "DT_FLOAT"},
        "strides": {"list": {"i": ["1", stride, stride, "1"]}},
        "padding": {"s": text("SAME")},
        "data_format": {"s": text("NHWC")},
        "fused_ops": {"list": {"s": [text(operation) for operation in operations]}},
        "num_args": {"i": "1"},
    }
    return {"name": name, "op": op, "input": inputs, "attr": attributes}


def test_a_graph_gives_what_its_convolutions_give(tmp_path: Path) -> None:
    """OpenVINO on the converted graph against torch; TensorFlow pads on the right and at the bottom for stride 2."""
    pytest.importorskip("openvino")
    pytest.importorskip("tensorboard")
    weights = {k: torch.from_numpy(v.astype(np.float32)) for k, v in write_graph(tmp_path / "g.json").items()}
    frozen = tmp_path / "g.pb"
    frozen.write_bytes(tensorflow_js.frozen_graph(tmp_path / "g.json"))
    engine = peers.Engine(threads=1, precision="float32")
    image = np.random.default_rng(1).integers(0, 255, (1, SIZE, SIZE, 3), np.int32)
    (found,) = engine.compile(engine.convert(frozen), image.shape)(image)
    x = F.pad(torch.from_numpy(image).float().permute(0, 3, 1, 2), (0, 1, 0, 1))
    x = F.conv2d(x, weights["kernel"].permute(3, 2, 0, 1), weights["bias"], stride=2).clamp(0, 6)
    depthwise = weights["depthwise"].permute(2, 3, 0, 1)
    x = F.conv2d(x, depthwise, weights["offset"], padding=1, groups=4)
    np.testing.assert_allclose(found, x.mean(dim=(2, 3)), atol=1e-4)


def test_a_fused_node_becomes_one_for_each_operation() -> None:
    node = fused("a", "_FusedConv2D", ["x", "w", "b"], ("BiasAdd", "Relu"), "1")
    plain = tensorflow_js.unfused(node)
    assert [(one["name"], one["op"], one["input"]) for one in plain] == [
        ("a/0", "Conv2D", ["x", "w"]),
        ("a/1", "BiasAdd", ["a/0", "b"]),
        ("a", "Relu", ["a/1"]),
    ]
    assert "fused_ops" not in plain[0]["attr"] and plain[0]["attr"]["padding"] == node["attr"]["padding"]
    other = {"name": "b", "op": "Relu", "input": ["a"]}
    assert tensorflow_js.unfused(other) == [other]


@pytest.mark.parametrize("damage", ["no file", "no weights", "not JSON", "cut"])
def test_damaged_graphs(damage: str, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    path = tmp_path / "g.json"
    write_graph(path)
    if damage == "no file":
        path.unlink()
    elif damage == "no weights":
        path.with_suffix(".bin").unlink()
    elif damage == "not JSON":
        path.write_text("{")
    else:
        path.with_suffix(".bin").write_bytes(b"123")
    with pytest.raises(ValueError, match=r"g\.json: not a TensorFlow\.js graph"):
        tensorflow_js.frozen_graph(path)


# The script

MADE_UP_PEER = """
import json, sys, posepart
sys.path.insert(0, {folder!r})
from contestant import serve
chosen = json.loads(sys.argv[1])
assert (chosen["path"], chosen["threads"], chosen["precision"]) == ("a=b", 2, None), chosen
serve(lambda: (lambda photo: {{"people": 5.0}}, None))
"""


def test_ratios_to_the_first_peer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    process = tmp_path / "peer.py"
    process.write_text(MADE_UP_PEER.format(folder=str(bench_pipeline.WORKER.parent)))
    monkeypatch.setattr(bench_peers, "PEER_PROCESS", process)
    monkeypatch.setattr(bench_pipeline, "HOME", made_up(tmp_path / "home"))
    out, command = tmp_path / "times.json", ["--peer", "movenet=a=b", "--speed", "fast", "--repeats", "1"]
    bench_peers.main([*command, "--threads", "2", "--photos", str(photo(tmp_path, 3)), "-o", str(out)])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0][-2:] == ["of", "movenet"]
    assert lines[1][:3] == ["3.png", "movenet", "5"] and lines[1][4] == "1.00"
    assert lines[2][:3] == ["3.png", "fast", "3"]
    assert list(json.loads(out.read_text())["measured"]["alone"]) == ["movenet", "fast"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "nothing to compare with; name one with --peer NAME=PATH: movenet, tinypose"),
        (["--peer", "movenet"], "--peer movenet: expected NAME=PATH with one of the names movenet, tinypose"),
        (["--peer", "openpose=x"], "--peer openpose=x: expected NAME=PATH"),
        (["--peer", "tinypose=nowhere"], "tinypose: nowhere/rtmdet_nano_person.onnx: is not there"),
    ],
)
def test_bad_options(options: list[str], sentence: str) -> None:
    if "nowhere" in sentence:
        pytest.importorskip("openvino")
    with pytest.raises(ValueError, match=sentence):
        bench_peers.main(options)
