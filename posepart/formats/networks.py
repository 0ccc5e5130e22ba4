"""Networks as files that run without torch: ONNX, or OpenVINO's own format, and a manifest that describes them."""

import tempfile
import warnings
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from posepart.config import CropConfig
from posepart.engines.openvino import core, import_openvino
from posepart.formats import NETWORK_FORMATS
from posepart.io.files import write_json
from posepart.models.detector.network import PersonDetectorNetwork
from posepart.models.model_set import ModelSet
from posepart.models.refine import SecondStage
from posepart.models.weight_files import load_network
from posepart.schema import JOINT_NAMES, PART_NAMES
from posepart.stages.crops import PADDING_GREY

MANIFEST = "manifest.json"
OPSET = 17  # of ONNX
_STAGES = ("detector", "pose", "part", "refine")
TOLERANCE = 1e-3  # of the largest value: how far the results of a file may be from the network's
_IMAGE = "RGB in [0, 1]; a photo whose longer side is the image's, at the top left, on grey (0.5)"
_CROPS = (
    f"RGB / 127.5 - 1; square crops, whose side is {CropConfig().margin} times the longer side of the box"
)


@dataclass(frozen=True)
class Port:
    """An input or an output of a network."""

    name: str
    shape: tuple[int | str, ...]  # a text is a size that may differ from call to call
    meaning: str


@dataclass(frozen=True)
class Exported:
    """A network, as it is exported."""

    module: nn.Module
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    examples: tuple[tuple[Tensor, ...], ...]  # inputs: of the first a file is made, with all it is checked


class _People(nn.Module):
    """A detector that takes one image and gives boxes and scores."""

    def __init__(self, detector: PersonDetectorNetwork) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(1, 3, S, S) -> boxes (N, 4) and scores (N,), best first."""
        found = self.detector([image[0]])[0]
        return found["boxes"], found["scores"]


def export_networks(model: ModelSet, kind: str, folder: Path) -> dict[str, Any]:
    """Write the networks of a model, and `MANIFEST` last, into a folder.

    Every file is compared with its network, on random images.

    Parameters
    ----------
    model : ModelSet
    kind : str
        One of `NETWORK_FORMATS`.
    folder : Path
        Made if it is not there; files of the same names are replaced.

    Returns
    -------
    dict
        The manifest: "networks" has, by stage, the file, its inputs and outputs, and the largest difference.

    Raises
    ------
    ValueError
        The kind is unknown, the package onnx is not installed, the model has no network that can be exported, or
        a file gives other results.
    """
    if kind not in NETWORK_FORMATS:
        raise ValueError(f"format: expected one of {', '.join(NETWORK_FORMATS)}, got {kind!r}")
    if find_spec("onnx") is None:
        raise ValueError("writing networks needs the package onnx: run `pip install onnx`")
    folder.mkdir(parents=True, exist_ok=True)
    stages = [stage for stage in model.cards if stage in _STAGES]
    networks = {stage: _network(model, stage, kind, folder) for stage in stages}
    if not networks:
        raise ValueError(f"{model.name}: has none of {', '.join(_STAGES)}, the networks that can be exported")
    manifest = {
        "schema_version": 1,
        "model": model.name,
        "format": kind,
        "crop": {"size": CropConfig().size, "margin": CropConfig().margin, "grey": PADDING_GREY},
        "joints": list(JOINT_NAMES),
        "parts": list(PART_NAMES),
        "networks": networks,
        "left_out": [stage for stage in model.cards if stage not in networks],
    }
    write_json(folder / MANIFEST, manifest)
    return manifest


def _network(model: ModelSet, stage: str, kind: str, folder: Path) -> dict[str, Any]:
    """Write a network; what the manifest says about it."""
    exported = _exported(load_network(model.path(stage)).eval())
    file, difference = _write(exported, kind, folder, stage)
    return {
        "file": file,
        "inputs": [asdict(port) for port in exported.inputs],
        "outputs": [asdict(port) for port in exported.outputs],
        "largest_difference": difference,
    }


def _exported(network: nn.Module) -> Exported:
    """What is exported of a network."""
    if isinstance(network, PersonDetectorNetwork):
        return _detector(network)
    if isinstance(network, SecondStage):
        return _second_stage(network)
    return _on_crops(network)


def _detector(network: PersonDetectorNetwork) -> Exported:
    side = int(network.transform.max_size)
    image = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    network.roi_heads.score_thresh = 0.0  # whoever runs it decides
    return Exported(
        _People(network).eval(),
        (Port("image", (1, 3, side, side), _IMAGE),),
        (
            Port("boxes", ("people", 4), "x0, y0, x1, y1 in px of the image"),
            Port("scores", ("people",), "from 0 to 1, best first"),
        ),
        ((image,), (image.flip(3) * 0.5,)),
    )


def _on_crops(network: nn.Module) -> Exported:
    side = CropConfig().size
    crops = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1
    examples = ((crops,), (crops[:1, :, : side // 2, : side // 2].repeat(3, 1, 1, 1),))
    with torch.inference_mode():
        found = network(crops)
    maps = found if isinstance(found, tuple) else (found,)
    meanings = (
        {"joints": "logits of the joints", "offsets": "joint, other joint, (x, y): px of the crop"}
        if len(maps) == 2
        else {"parts": "logits of the parts"}
    )
    outputs = tuple(
        Port(name, ("batch", one.shape[1], "rows", "columns"), meaning)
        for (name, meaning), one in zip(meanings.items(), maps, strict=True)
    )
    return Exported(network, (Port("crops", ("batch", 3, "height", "width"), _CROPS),), outputs, examples)


def _second_stage(network: SecondStage) -> Exported:
    channels = len(PART_NAMES), _pose_maps(network)
    random = torch.Generator().manual_seed(0)
    examples = tuple(
        (
            torch.randn(count, channels[0], side, side, generator=random).log_softmax(1),
            torch.rand(count, channels[1], side, side, generator=random),
        )
        for count, side in ((2, 64), (3, 48))
    )
    size = ("rows", "columns")
    return Exported(
        network,
        (
            Port("parts", ("batch", channels[0], *size), "log-probabilities of the first stage"),
            Port("pose", ("batch", channels[1], *size), f"skeleton maps, encoding {network.encoding!r}"),
        ),
        (Port("refined", ("batch", channels[0], *size), "logits of the parts"),),
        examples,
    )


def _pose_maps(network: SecondStage) -> int:
    """How many pose maps a second stage reads."""
    first = next(layer for layer in network.modules() if isinstance(layer, nn.Conv2d))
    return first.in_channels * first.groups - len(PART_NAMES)


def _write(exported: Exported, kind: str, folder: Path, stage: str) -> tuple[str, float]:
    """Write a network's files, once they are right; the file's name and the largest difference."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".unfinished-") as name:
        path = Path(name) / f"{stage}.onnx"
        _to_onnx(exported, path)
        if kind == "openvino":
            path = path.with_suffix(".xml")
            graph = import_openvino().convert_model(str(path.with_suffix(".onnx")))
            import_openvino().save_model(graph, str(path), compress_to_fp16=False)
            path.with_suffix(".onnx").unlink()
        difference = _difference(exported, path)
        for file in sorted(path.parent.iterdir()):
            file.replace(folder / file.name)
    return path.name, difference


def _to_onnx(exported: Exported, path: Path) -> None:
    free = {
        port.name: {axis: size for axis, size in enumerate(port.shape) if isinstance(size, str)}
        for port in (*exported.inputs, *exported.outputs)
    }
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # of sizes that are fixed by the trace, which the check would find
        torch.onnx.export(
            exported.module,
            exported.examples[0],
            str(path),
            input_names=[port.name for port in exported.inputs],
            output_names=[port.name for port in exported.outputs],
            dynamic_axes={name: axes for name, axes in free.items() if axes},
            opset_version=OPSET,
            dynamo=False,  # the newer way holds sizes fixed
        )


def _difference(exported: Exported, path: Path) -> float:
    """The largest difference between a file's results and the network's, relative to the largest value."""
    compiled = core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    worst = 0.0
    for example in exported.examples:
        with torch.inference_mode():
            expected = exported.module.eval()(*example)
        found = list(compiled([one.numpy() for one in example]).values())
        for port, one, other in zip(
            exported.outputs, expected if isinstance(expected, tuple) else (expected,), found, strict=True
        ):
            wanted = one.numpy()
            if wanted.shape != other.shape:
                raise ValueError(
                    f"{path.name}: {port.name} has shape {other.shape}, the network's has {wanted.shape}"
                )
            worst = max(
                worst, float(np.abs(wanted - other).max(initial=0) / max(1.0, np.abs(wanted).max(initial=0)))
            )
    if worst > TOLERANCE:
        raise ValueError(f"{path.name}: its results differ from the network's by {worst:.2g} of the largest")
    return worst
