"""TensorFlow.js graphs as TensorFlow's own, which OpenVINO reads; TensorFlow itself is not needed."""

import base64
import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from convert_nanodet import read_weights
from numpy.typing import NDArray


def frozen_graph(path: Path) -> bytes:
    """A TensorFlow.js graph as TensorFlow's GraphDef that holds its weights.

    Convolutions that are fused with bias and activation become nodes of their own, which OpenVINO knows.

    Parameters
    ----------
    path : Path
        MODEL.json, with its weights in MODEL.bin.

    Raises
    ------
    ValueError
        The files are missing or damaged, or tensorboard is not installed.
    """
    try:
        graphs: Any = importlib.import_module("tensorboard.compat.proto.graph_pb2")
        json_format: Any = importlib.import_module("google.protobuf.json_format")
    except ImportError as error:
        raise ValueError("a TensorFlow.js graph needs tensorboard: run `pip install tensorboard`") from error
    try:
        model = json.loads(path.read_text(encoding="utf-8"))
        weights = read_weights(model["weightsManifest"], path.with_suffix(".bin").read_bytes())
        nodes = [plain for node in model["modelTopology"]["node"] for plain in unfused(node)]
        graph = json_format.ParseDict({"node": nodes}, graphs.GraphDef(), ignore_unknown_fields=True)
        for node in graph.node:
            if node.op == "Const":
                put(node, weights[node.name])
    except (OSError, KeyError, TypeError, ValueError, json_format.ParseError) as error:
        raise ValueError(f"{path}: not a TensorFlow.js graph ({error!r})") from error
    return bytes(graph.SerializeToString())


PLAIN = {"_FusedConv2D": "Conv2D", "FusedDepthwiseConv2dNative": "DepthwiseConv2dNative"}


def unfused(node: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A node of a graph as nodes that do one thing each; the last has its name.

    Parameters
    ----------
    node : mapping
        As in the JSON file: name, op, input, attr. The fused operations are in base64.
    """
    if node["op"] not in PLAIN:
        return [dict(node)]
    operations = [base64.b64decode(name).decode() for name in node["attr"]["fused_ops"]["list"]["s"]]
    attributes = {
        name: value for name, value in node["attr"].items() if name not in ("fused_ops", "num_args")
    }
    steps = [f"{node['name']}/{i}" for i in range(len(operations))] + [node["name"]]
    plain = {"name": steps[0], "op": PLAIN[node["op"]], "input": node["input"][:2], "attr": attributes}
    found, further = [plain], list(node["input"][2:])
    for operation, before, name in zip(operations, steps[:-1], steps[1:], strict=True):
        inputs = [before, further.pop(0)] if operation == "BiasAdd" else [before]
        found.append({"name": name, "op": operation, "input": inputs, "attr": {"T": node["attr"]["T"]}})
    return found


def put(node: Any, array: NDArray[Any]) -> None:
    """Put an array into a constant of a GraphDef, which says whether it is float32 or int32."""
    tensor = node.attr["value"].tensor
    tensor.Clear()
    tensor.dtype = node.attr["dtype"].type
    for length in array.shape:
        tensor.tensor_shape.dim.add().size = length
    if np.issubdtype(array.dtype, np.integer):
        tensor.int_val.extend(array.ravel().tolist())
    else:
        tensor.float_val.extend(array.astype(np.float32).ravel().tolist())
