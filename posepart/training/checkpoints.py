"""Checkpoints of a training, and with which settings it may be resumed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from posepart.io.files import read_json, write_atomically, write_json
from posepart.training.loop_config import LoopConfig

# Settings that may differ in a resumed run: where and how it computes, reads and writes.
FREE_SETTINGS = {
    *("checkpoint_every", "evaluate_every", "workers", "threads", "device"),
    *("resume", "run", "config", "recipe", "preset", "stage", "scenes"),
}


def check_settings(path: Path, record: Mapping[str, Any]) -> None:
    """Refuse to continue a run with other settings; only `FREE_SETTINGS` may differ.

    Settings of the loop that `path` lacks, because an earlier version wrote it, are the defaults. Steps that follow
    from epochs (None in `record`), and the number of processes if `record` lacks it, are not compared.

    Raises
    ------
    ValueError
        The settings in `path`, a `config.json`, differ from `record`.
    """
    defaults = {"processes": 1, **{f"loop.{name}": value for name, value in asdict(LoopConfig()).items()}}
    before, now = ({**_flat(_plain(defaults)), **_flat(found)} for found in (read_json(path), _plain(record)))
    free = {"loop.steps"} if now["loop.steps"] is None else set()
    free |= set() if "processes" in record else {"processes"}
    changed = sorted(
        key
        for key in before.keys() | now.keys()
        if key.rpartition(".")[2] not in FREE_SETTINGS and key not in free and before.get(key) != now.get(key)
    )
    if changed:
        raise ValueError(
            f"{path.parent} holds a run with another {', '.join(changed)}: resume it with its own settings "
            "(config.json), or choose another folder"
        )


def fill_in(path: Path, defaults: Mapping[str, Any]) -> None:
    """Add what a `config.json` of an earlier version lacks: settings by their dotted names, with their defaults."""
    record = read_json(path)
    before = json.dumps(record)
    for name, value in defaults.items():
        *sections, last = name.split(".")
        inner = record
        for section in sections:
            inner = inner.setdefault(section, {}) if isinstance(inner, dict) else None
        if isinstance(inner, dict):
            inner.setdefault(last, value)
    if json.dumps(record) != before:
        write_json(path, record)


def _plain(record: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(record, default=str))


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """The leaves of nested dicts by their dotted names."""
    if not isinstance(value, dict):
        return {name: value}
    prefix = f"{name}." if name else ""
    return {k: v for key, inner in value.items() for k, v in _flat(inner, f"{prefix}{key}").items()}


def generator_states(device: torch.device) -> dict[str, Tensor]:
    """The states of torch's random generators: that of the CPU, and on a GPU its own."""
    states = {"rng": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda_rng"] = torch.cuda.get_rng_state(device)
    return states


def save_checkpoint(
    path: Path, step: int, parts: Mapping[str, Any], generators: Sequence[Mapping[str, Tensor]]
) -> None:
    """Write the state from which a run can be resumed.

    Parameters
    ----------
    path : Path
    step : int
        Steps done.
    parts : mapping of str
        Whatever has a `state_dict`, by name.
    generators : sequence of mapping
        `generator_states` of every process, the main one's first.
    """
    state: dict[str, Any] = {name: part.state_dict() for name, part in parts.items()}
    state.update(generators[0])
    state["step"], state["others"] = step, [dict(states) for states in generators[1:]]
    write_atomically(path, lambda file: torch.save(state, file))


def load_checkpoint(path: Path, parts: Mapping[str, Any], device: torch.device, process: int = 0) -> int:
    """Restore `parts`, wherever they are, and the random generators of a process; return the number of steps done.

    The generator of a GPU is restored if the run was on one.
    """
    state = torch.load(path, map_location="cpu", weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(state[name])
    states = [state, *state.get("others", [])][process]
    torch.set_rng_state(states["rng"])
    if device.type == "cuda" and "cuda_rng" in states:
        torch.cuda.set_rng_state(states["cuda_rng"], device)
    return int(state["step"])
