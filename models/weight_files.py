"""Weight files: safetensors with a JSON card beside each.

A network is written at half precision, and where it is asked for in eight bits; it is read as float32.
"""

import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from .builders import build
from .model_set import Card, read_card

SCALE = ".scale"  # ends the names of scales of eight-bit tensors
LARGEST_CODE = 127


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file by name, all floats and eight-bit codes (see `save_weights`) as float32.

    Raises
    ------
    ValueError
        The file is missing or damaged, or its checksum is not the one in its card.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError as error:
        raise ValueError(f"{path}: no such weight file") from error
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"{path}: damaged or no safetensors file ({_one_line(error)}); copy or train it again"
        ) from error
    expected = read_card(path).sha256 if path.with_suffix(".json").exists() else None
    if expected is not None and sha256(path) != expected:
        raise ValueError(f"{path}: its SHA-256 differs from the card's; the file is damaged, copy it again")
    scales = {name: tensors.pop(name + SCALE) for name in list(tensors) if name + SCALE in tensors}
    full = {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}
    return {**full, **{name: decode(tensors[name], scale) for name, scale in scales.items()}}


def encode(tensor: Tensor) -> tuple[Tensor, Tensor]:
    """A tensor (O, ...) as int8 codes of the same shape and float16 scales (O,), one per output channel."""
    scale = (tensor.float().flatten(1).abs().amax(1) / LARGEST_CODE).half()
    shape = (-1,) + (1,) * (tensor.dim() - 1)
    step = torch.where(scale > 0, scale, 1.0).float().view(shape)
    return (tensor / step).round().clamp(-LARGEST_CODE, LARGEST_CODE).to(torch.int8), scale


def decode(codes: Tensor, scale: Tensor) -> Tensor:
    """The inverse of `encode`, up to rounding: a float32 tensor."""
    return codes.float() * scale.float().view((-1,) + (1,) * (codes.dim() - 1))


def load_into(module: nn.Module, path: Path, fresh: Sequence[str] = ()) -> None:
    """Load a weight file into a network.

    Parameters
    ----------
    module : nn.Module
    path : Path
    fresh : sequence of str
        Modules or tensors, by their names up to a dot, that keep their values if the file lacks them.

    Raises
    ------
    ValueError
        A tensor is missing, unknown, or of another shape.
    """
    tensors = read_tensors(path)
    kept = [part for part in fresh if not any(is_part(name, part) for name in tensors)]
    own = {
        name: tensor
        for name, tensor in module.state_dict().items()
        if any(is_part(name, part) for part in kept)
    }
    try:
        module.load_state_dict({**own, **tensors})
    except RuntimeError as error:
        reason = _one_line(str(error).splitlines()[-1])
        raise ValueError(
            f"{path}: the weights do not fit the network: {reason} Use the version of posepart they "
            "were made with, or train them anew"
        ) from error


def load_any(module: nn.Module, path: Path) -> None:
    """Load a .safetensors file, or a .pth file that holds nothing but tensors, into a network.

    The tensors may be under "model", as trainings of torchvision and detectron2 write them.

    Raises
    ------
    ValueError
        If the file is missing, is of another kind, or does not fit the network.
    """
    if path.suffix == ".safetensors":
        load_into(module, path)
        return
    if not path.is_file():
        raise ValueError(f"{path}: no such weight file")
    refusal = f"{path}: not a state dict of plain tensors; save model.state_dict()"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickles that are refused in a moment
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many types for damaged files and pickled objects
        raise ValueError(refusal) from error
    if isinstance(state, dict) and isinstance(state.get("model"), dict):
        state = state["model"]
    if not (
        isinstance(state, dict)
        and all(isinstance(k, str) and isinstance(v, Tensor) for k, v in state.items())
    ):
        raise ValueError(refusal)
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        reason = _one_line(str(error).splitlines()[-1], 300)
        raise ValueError(f"{path}: the weights do not fit the network: {reason}") from error


def _one_line(error: object, longest: int = 800) -> str:
    return " ".join(str(error).split())[:longest]


def is_part(name: str, part: str) -> bool:
    """Whether `part` is a tensor's name, or its beginning up to a dot."""
    return name == part or name.startswith(f"{part}.")


def load_network(path: Path) -> nn.Module:
    """The network that a weight file's card names, loaded and in evaluation mode.

    Raises
    ------
    ValueError
        As `read_card`, `build` and `load_into`; the card names no builder.
    """
    card, card_path = read_card(path), path.with_suffix(".json")
    if card.builder is None:
        raise ValueError(f"{card_path}: the card names no builder")
    try:
        module = build(card.builder, card.arguments)
    except Exception as error:  # of odd arguments, torch refuses some with errors of its own
        raise ValueError(f"{card_path}: {_one_line(error)}") from error
    load_into(module, path)
    return module.eval().requires_grad_(False)


def save_weights(path: Path, module: nn.Module, card: Card, eight_bit: Sequence[str] = ()) -> None:
    """Write a network at half precision, with its card; see `save_tensors`.

    Parameters
    ----------
    path : Path
    module : nn.Module
    card : Card
    eight_bit : sequence of str
        Modules or tensors, by their names up to a dot. Their tensors of two or more axes are written in eight bits:
        NAME as int8, and NAME.scale as float16 with one scale per output channel.

    Raises
    ------
    ValueError
        A name in `eight_bit` fits no such tensor.
    """
    state = {k: v.half() if v.is_floating_point() else v for k, v in module.state_dict().items()}
    for part in eight_bit:
        names = [name for name, tensor in state.items() if is_part(name, part) and tensor.dim() > 1]
        if not names:
            raise ValueError(f"no tensor of two axes or more is named {part}: nothing to write in eight bits")
        for name in names:
            state[name], state[name + SCALE] = encode(module.state_dict()[name])
    save_tensors(path, state, card)


def save_tensors(path: Path, tensors: Mapping[str, Tensor | np.ndarray], card: Card) -> None:
    """Write tensors, and beside them their card with the SHA-256 of the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, save({k: torch.as_tensor(v).contiguous() for k, v in tensors.items()}))
    write_card(path, replace(card, sha256=sha256(path)))


def write_card(weights: Path, card: Card) -> None:
    """Write the JSON card beside a weight file."""
    text = json.dumps(card.to_record(), indent=1, default=str) + "\n"
    _write(weights.with_suffix(".json"), text.encode())


def _write(path: Path, content: bytes) -> None:
    """Write a file under another name, then rename it: its name never stands for half a file."""
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)


def sha256(path: Path) -> str:
    """SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
