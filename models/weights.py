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
    """The tensors of a safetensors file, floats as float32.

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
    return {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}


def load_into(module: nn.Module, path: Path, fresh: Sequence[str] = ()) -> None:
    """Load a weight file into a network.

    fresh: first names of tensors that keep their values where the file has none of that first name.

    Raises
    ------
    ValueError: when a tensor is missing, unknown, or of another shape.
    """
    tensors = read_tensors(path)
    kept = set(fresh) - {name.partition(".")[0] for name in tensors}
    own = {name: tensor for name, tensor in module.state_dict().items() if name.partition(".")[0] in kept}
    try:
        module.load_state_dict({**own, **tensors})
    except RuntimeError as error:
        raise ValueError(
            f"{path}: the weights do not fit the network: {str(error).splitlines()[-1].strip()} Use the version of "
            "posepart they were made with, or train them anew"
        ) from error


def load_network(path: Path) -> nn.Module:
    """Build the network a weight file's card names, and load it, in evaluation mode."""
    card = read_card(path)
    if "builder" not in card:
        raise ValueError(f"{path.with_suffix('.json')}: the card names no builder")
    module = build(card["builder"], card.get("arguments"))
    load_into(module, path)
    return module.eval().requires_grad_(False)


def save_weights(path: Path, module: nn.Module, card: Mapping[str, Any]) -> None:
    """Write a network at half precision with its card; see `save_tensors`."""
    state = {name: tensor.contiguous() for name, tensor in module.state_dict().items()}
    save_tensors(path, {k: v.half() if v.is_floating_point() else v for k, v in state.items()}, card)


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
