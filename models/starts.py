"""Published weights as starts: torchvision's ResNet-101 and VGG-16 (ImageNet), and trunks of its DeepLabs (COCO).

They are files as `torch.hub` downloads them (.pth) or the same tensors as .safetensors. torchvision puts the first
eight digits of the SHA-256 into the name; they are checked.
"""

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from .backbones import ResNet101, VGG16LargeFOV
from .baselines.fcn8s import FCN8s, VGG16Pools
from .baselines.segnet import SegNet
from .weight_files import read_tensors, sha256

PICKLED = (".pth", ".pt")
_RESNET_TRUNK = {"conv1": "stem.0", "bn1": "stem.1"} | {f"layer{i + 1}": f"stages.{i}" for i in range(4)}
_KNOWN_BY = ("layer1.0.conv1.weight", "classifier.0.weight")  # tensors of torchvision's two networks


def is_published(path: Path) -> bool:
    """Whether a file holds weights under torchvision's names, rather than those of one of our networks."""
    if path.suffix in PICKLED:
        return True
    try:
        with safe_open(path, framework="pt") as file:
            names = {name.removeprefix("backbone.") for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError):
        return False
    return any(name in names for name in _KNOWN_BY)


def read_published(path: Path) -> dict[str, Tensor]:
    """The tensors of a published weight file by name, as float32 on the CPU; nothing else is unpickled.

    Raises
    ------
    ValueError
        The file is missing, damaged, holds anything but tensors, or its SHA-256 is not the one in its name.
    """
    named = re.search(r"-([0-9a-f]{8})\.\w+$", path.name)
    if named and path.exists():
        check_sha256(path, named[1])
    content = _unpickled(path) if path.suffix in PICKLED else read_tensors(path)
    if not isinstance(content, Mapping) or not all(isinstance(x, Tensor) for x in content.values()):
        raise ValueError(f"{path}: expected tensors by name (a state dict), as torchvision publishes them")
    return {str(k): v.float() if v.is_floating_point() else v for k, v in content.items()}


def _unpickled(path: Path) -> object:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ValueError(f"{path}: no such weight file") from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, KeyError, ValueError) as error:
        reason = (str(error).strip().splitlines() or [""])[0][:80]
        raise ValueError(
            f"{path}: damaged, or no file of plain tensors ({reason}); download it again"
        ) from error


def check_sha256(path: Path, expected: str) -> None:
    """Refuse a file whose SHA-256 does not begin with these hexadecimal digits, of which there are at least eight.

    Raises
    ------
    ValueError
        It begins otherwise, or `expected` is no such beginning.
    """
    if not re.fullmatch(r"[0-9a-fA-F]{8,64}", expected):
        raise ValueError(f"{path}: expected 8 to 64 hexadecimal digits as its SHA-256, got {expected[:80]!r}")
    found = sha256(path)
    if not found.startswith(expected.lower()):
        raise ValueError(
            f"{path}: its SHA-256 begins with {found[: len(expected)]}, not with {expected}; the file is damaged "
            "or another one, download it again"
        )


def start_from(model: nn.Module, path: Path) -> None:
    """Start a network's backbone from published weights, in place; its other layers stay as they are.

    Of FCN-8s fc6 and fc7 start from those of VGG-16, too, and of SegNet the convolutions of the encoder.

    Raises
    ------
    ValueError
        The network has no ResNet-101 or VGG-16 as backbone, or the file does not fit it; as `read_published`.
    """
    backbone = getattr(model, "backbone", None)
    several: list[Any] = list(backbone) if isinstance(backbone, nn.ModuleList) else [backbone]
    if isinstance(backbone, ResNet101):
        _load(backbone, resnet_trunk(read_published(path)), path, "ResNet-101")
    elif all(isinstance(trunk, VGG16LargeFOV) for trunk in several):
        tensors = large_fov(read_published(path), path)
        for trunk in several:
            _load(trunk, tensors, path, "VGG-16")
    elif isinstance(model, FCN8s) and isinstance(backbone, VGG16Pools):
        features, fully_connected = fcn8s_layers(read_published(path), path)
        _load(backbone, features, path, "VGG-16")
        _load(model.fully_connected, fully_connected, path, "VGG-16")
    elif isinstance(model, SegNet):
        _load(model.encoder, encoder_of(model, read_published(path), path), path, "VGG-16")
    else:
        kind = type(model if backbone is None else backbone).__name__
        raise ValueError(
            f"{path}: torchvision's weights start a ResNet-101 or a VGG-16, and the network to train is a {kind}"
        )


def resnet_trunk(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of torchvision's ResNet, or of a segmentation network on it, under the names of `ResNet101`."""
    found = {}
    for name, tensor in tensors.items():
        module, _, rest = name.removeprefix("backbone.").partition(".")
        if module in _RESNET_TRUNK:
            found[f"{_RESNET_TRUNK[module]}.{rest}"] = tensor
    return found


def large_fov(tensors: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The tensors of torchvision's VGG-16 under the names of `VGG16LargeFOV`.

    fc6 and fc7 are decimated (Chen et al. 2015, Sec. 3.1): of the 7x7 cells of fc6 every third row and column, and
    of the 4096 channels of both every fourth.
    """
    try:
        fc6, fc7 = tensors["classifier.0.weight"], tensors["classifier.3.weight"]
        cells = fc6.view(-1, 512, 7, 7)
        return {
            **{name: tensor for name, tensor in tensors.items() if name.startswith("features.")},
            "fc6.weight": cells[::4, :, ::3, ::3],
            "fc6.bias": tensors["classifier.0.bias"][::4],
            "fc7.weight": fc7[::4, ::4, None, None],
            "fc7.bias": tensors["classifier.3.bias"][::4],
        }
    except (KeyError, RuntimeError, IndexError) as error:
        raise ValueError(f"{path}: holds no VGG-16 as torchvision publishes it ({error})") from error


def fcn8s_layers(tensors: Mapping[str, Tensor], path: Path) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The tensors of torchvision's VGG-16 as those of `VGG16Pools` and of the fully connected layers of `FCN8s`."""
    try:
        fc6, fc7 = tensors["classifier.0.weight"], tensors["classifier.3.weight"]
        connected = {
            "0.weight": fc6.view(-1, 512, 7, 7),
            "0.bias": tensors["classifier.0.bias"],
            "3.weight": fc7[:, :, None, None],
            "3.bias": tensors["classifier.3.bias"],
        }
    except (KeyError, RuntimeError, IndexError) as error:
        raise ValueError(f"{path}: holds no VGG-16 as torchvision publishes it ({error})") from error
    return {name: tensor for name, tensor in tensors.items() if name.startswith("features.")}, connected


def encoder_of(model: SegNet, tensors: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The encoder of a SegNet with the convolutions of torchvision's VGG-16, in order; norms as they are."""
    state = dict(model.encoder.state_dict())
    own = [name for name, module in model.encoder.named_modules() if isinstance(module, nn.Conv2d)]
    weights = [name for name in tensors if name.startswith("features.") and name.endswith(".weight")]
    if len(weights) != len(own):
        raise ValueError(
            f"{path}: holds no VGG-16 as torchvision publishes it: {len(weights)} convolutions instead of {len(own)}"
        )
    for target, source in zip(own, sorted(weights, key=lambda name: int(name.split(".")[1])), strict=True):
        state[f"{target}.weight"] = tensors[source]
        state[f"{target}.bias"] = tensors[source.replace("weight", "bias")]
    return state


def _load(backbone: nn.Module, tensors: Mapping[str, Tensor], path: Path, kind: str) -> None:
    """Load all tensors of a backbone; only the norms' counters of batches may be missing."""
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise ValueError(f"{path}: holds numbers that are not finite; use a file with the whole network")
    try:
        missing, unknown = backbone.load_state_dict(tensors, strict=False)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise ValueError(f"{path}: the weights do not fit this {kind}: {reason}") from error
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unknown:
        lacking = f"it lacks {missing[0]}" if missing else f"it has {unknown[0]}"
        raise ValueError(f"{path}: holds no {kind} as torchvision publishes it: {lacking}")
