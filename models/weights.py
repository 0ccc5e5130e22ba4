"""Weight files: safetensors with a JSON card beside them, and the model sets made of them.

A model set is a folder with `detector`, `pose`, `part`, `refine` and `crf`, and perhaps `calibration`, each a
`.safetensors` and a `.json` card. With a `jppnet` it needs no `part`, and alone with the detector it is a model
without CRF. The sets in `weights/` ship with the package.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from .builders import build

STAGES = ("detector", "pose", "part", "refine", "crf")
JPPNET_STAGES = ("detector", "jppnet")
CRF_ON_JPPNET_STAGES = ("detector", "pose", "jppnet", "refine", "crf")
OPTIONAL_STAGES = ("calibration",)
INSTALLED = Path(__file__).parent / "weights"
SCALE = ".scale"  # ends the names of scales of eight-bit tensors
LARGEST_CODE = 127


@dataclass(frozen=True)
class ModelSet:
    """A folder of weights; cards: stage -> card."""

    name: str
    folder: Path
    cards: dict[str, dict[str, Any]]

    def path(self, stage: str) -> Path:
        """The weight file of a stage."""
        return self.folder / f"{stage}.safetensors"


def installed_models() -> list[ModelSet]:
    """The model sets that ship with the package, by name."""
    return [find_model(name) for name in _installed_names()]


def _installed_names() -> list[str]:
    folders = INSTALLED.iterdir() if INSTALLED.is_dir() else ()
    return sorted(folder.name for folder in folders if (folder / "detector.json").exists())


def find_model(name_or_folder: str | Path) -> ModelSet:
    """The installed set of that name, else the set in that folder.

    Raises
    ------
    ValueError: when there is neither, or a stage's file or card is missing, or its card damaged or another's.
    """
    folder = INSTALLED / str(name_or_folder)
    if not (folder / "detector.json").exists():
        folder = Path(name_or_folder)
    if not folder.is_dir():
        names = ", ".join(_installed_names()) or "none"
        raise ValueError(
            f"{name_or_folder}: no installed model (there are: {names}) and no folder of weights"
        )
    cards = {}
    stages = _stages_of(folder)
    for stage in (*stages, *OPTIONAL_STAGES):
        path = folder / f"{stage}.safetensors"
        if not path.exists():
            if stage in OPTIONAL_STAGES:
                continue
            raise ValueError(
                f"{folder}: lacks {path.name}; a model folder holds {', '.join(stages)}, each with its card"
            )
        cards[stage] = read_card(path)
        if cards[stage].get("stage", stage) != stage:
            raise ValueError(
                f"{path}: by its card these are the weights of the stage {cards[stage]['stage']}, not {stage}"
            )
    return ModelSet(folder.name, folder, cards)


def _stages_of(folder: Path) -> tuple[str, ...]:
    """The stages that a folder has to have, by whether it has a JPPNet and a Pose FCN."""
    if not (folder / "jppnet.safetensors").exists():
        return STAGES
    return CRF_ON_JPPNET_STAGES if (folder / "pose.safetensors").exists() else JPPNET_STAGES


def read_card(weights: Path) -> dict[str, Any]:
    """The JSON card beside a weight file."""
    path = weights.with_suffix(".json")
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ValueError(
            f"{path}: the weight file's card is missing; copy it beside {weights.name}"
        ) from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: the card is no valid JSON ({error})") from error
    if not isinstance(card, dict):
        raise ValueError(f"{path}: the card is not a JSON object")
    return card


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, floats as float32, those of eight bits (see `save_weights`) too.

    Raises
    ------
    ValueError: when the file is missing, damaged, or does not have the checksum its card states.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError as error:
        raise ValueError(f"{path}: no such weight file") from error
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"{path}: damaged or no safetensors file ({error}); copy or train it again"
        ) from error
    card_path = path.with_suffix(".json")
    expected = read_card(path).get("sha256") if card_path.exists() else None
    if expected is not None and sha256(path) != expected:
        raise ValueError(f"{path}: its SHA-256 differs from the card's; the file is damaged, copy it again")
    scales = {name: tensors.pop(name + SCALE) for name in list(tensors) if name + SCALE in tensors}
    full = {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}
    return {**full, **{name: decode(tensors[name], scale) for name, scale in scales.items()}}


def encode(tensor: Tensor) -> tuple[Tensor, Tensor]:
    """A tensor (O, ...) as int8 of the same shape and float16 scales (O,), one per output channel."""
    scale = (tensor.float().flatten(1).abs().amax(1) / LARGEST_CODE).half()
    shape = (-1,) + (1,) * (tensor.dim() - 1)
    step = torch.where(scale > 0, scale, 1.0).float().view(shape)
    return (tensor / step).round().clamp(-LARGEST_CODE, LARGEST_CODE).to(torch.int8), scale


def decode(codes: Tensor, scale: Tensor) -> Tensor:
    """The float32 tensor that `encode` made codes and scales of, but for rounding."""
    return codes.float() * scale.float().view((-1,) + (1,) * (codes.dim() - 1))


def load_into(module: nn.Module, path: Path, fresh: Sequence[str] = ()) -> None:
    """Load a weight file into a network.

    fresh: names, or parts of names up to a dot, of tensors that keep their values where the file has none so named.

    Raises
    ------
    ValueError: when a tensor is missing, unknown, or of another shape.
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
        raise ValueError(
            f"{path}: the weights do not fit the network: {str(error).splitlines()[-1].strip()} Use the version of "
            "posepart they were made with, or train them anew"
        ) from error


def is_part(name: str, part: str) -> bool:
    """Whether `part` is a tensor's name, or its beginning up to a dot."""
    return name == part or name.startswith(f"{part}.")


def load_network(path: Path) -> nn.Module:
    """Build the network a weight file's card names, and load it, in evaluation mode."""
    card = read_card(path)
    if "builder" not in card:
        raise ValueError(f"{path.with_suffix('.json')}: the card names no builder")
    module = build(card["builder"], card.get("arguments"))
    load_into(module, path)
    return module.eval().requires_grad_(False)


def save_weights(
    path: Path, module: nn.Module, card: Mapping[str, Any], eight_bit: Sequence[str] = ()
) -> None:
    """Write a network at half precision with its card; see `save_tensors`.

    eight_bit: names, or parts of names up to a dot, of tensors of which those of two axes or more are written in
        eight bits: NAME int8, and NAME.scale float16 with a scale per output channel.

    Raises
    ------
    ValueError: when a part of `eight_bit` names none.
    """
    state = {k: v.half() if v.is_floating_point() else v for k, v in module.state_dict().items()}
    for part in eight_bit:
        names = [name for name, tensor in state.items() if is_part(name, part) and tensor.dim() > 1]
        if not names:
            raise ValueError(f"no tensor of two axes or more is named {part}: nothing to write in eight bits")
        for name in names:
            state[name], state[name + SCALE] = encode(module.state_dict()[name])
    save_tensors(path, state, card)


def save_tensors(path: Path, tensors: Mapping[str, Tensor | np.ndarray], card: Mapping[str, Any]) -> None:
    """Write tensors and their card (with the SHA-256), each to a temporary name first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".safetensors.tmp")
    temporary.write_bytes(save({k: torch.as_tensor(v).contiguous() for k, v in tensors.items()}))
    temporary.replace(path)
    text = json.dumps({**card, "sha256": sha256(path)}, indent=1, default=str) + "\n"
    temporary = path.with_suffix(".json.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path.with_suffix(".json"))


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
