"""Averages of the weights of several trainings ("model soup", Wortsman et al. 2022)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from posepart.models.backbones import read_arrays
from posepart.models.builders import build
from posepart.models.fcn import PoseFCN
from posepart.models.model_set import Card, read_card
from posepart.models.weight_files import read_tensors, save_weights, sha256
from posepart.training.detector import shift_scores
from posepart.training.pose import restore_trunk

MOVENET = "movenet"  # stands for the stage in the card of a MoveNet


@dataclass(frozen=True)
class Average:
    """How weight files are averaged.

    Attributes
    ----------
    files : tuple of Path
        Weight files with cards. The .npz of a MoveNet stands for the last network with the MoveNet's trunk.
    shares : tuple of float
        The share of each file in the average; by default they are equal.
    arguments : dict
        Arguments of the builder to change, of which the weights must not depend.
    eight_bit : tuple of str
        Modules or tensors to write with eight bits, see `save_weights`.
    score_shift : tuple of two floats, optional
        Shift the scores of a detector so that the first becomes the second, see `shift_scores`.
    """

    files: tuple[Path, ...]
    shares: tuple[float, ...] = ()
    arguments: dict[str, Any] = field(default_factory=dict)
    eight_bit: tuple[str, ...] = ()
    score_shift: tuple[float, float] | None = None


def averaged(networks: Sequence[Mapping[str, Tensor]], shares: Sequence[float]) -> dict[str, Tensor]:
    """Average every floating-point tensor; other tensors are those of the last network.

    Raises
    ------
    ValueError
        The tensors differ in name or shape.
    """
    shapes = [{name: tensor.shape for name, tensor in network.items()} for network in networks]
    if any(shape != shapes[0] for shape in shapes):
        raise ValueError("the networks differ in their tensors: average only stages of one training")
    total = sum(shares)
    mean = {}
    for name, last in networks[-1].items():
        parts = (network[name] * (share / total) for network, share in zip(networks, shares, strict=True))
        mean[name] = sum(parts, last.new_zeros(())) if last.is_floating_point() else last
    return mean


def write_average(average: Average, out: Path, **card: str | None) -> None:
    """Write the average of weight files with a card.

    The card is that of the last file without its metrics, and lists the averaged files.

    Parameters
    ----------
    average : Average
    out : Path
    **card : str, optional
        Fields to set in the card.

    Raises
    ------
    ValueError
        Files are damaged or do not fit each other, the shares are not one positive number per file, or a name in
        `eight_bit` is not that of a module or tensor.
    """
    shares = average.shares or (1.0,) * len(average.files)
    if len(shares) != len(average.files) or min(shares) <= 0:
        raise ValueError(
            f"--shares: expected {len(average.files)} positive numbers, one per file, got {list(shares)}"
        )
    cards = [_card(file) for file in average.files]
    _check_fit(cards, average.files[-1])
    last_card = cards[-1]
    assert last_card.builder is not None
    parts = [
        {"name": one.name, "sha256": one.sha256, "share": share / sum(shares)}
        for one, share in zip(cards, shares, strict=True)
    ]
    new = replace(
        last_card,
        arguments={**last_card.arguments, **average.arguments},
        average_of=parts,
        metrics={},
        measured="",
        started_from="",
        sha256=None,
    )
    network = build(last_card.builder, new.arguments)
    last = read_tensors(average.files[-1])
    network.load_state_dict(averaged([_tensors(file, network, last) for file in average.files], shares))
    if average.score_shift is not None:
        shift_scores(network, *average.score_shift)
    save_weights(out, network, replace(new, **card), average.eight_bit)  # type: ignore[arg-type]


def _card(file: Path) -> Card:
    if file.suffix == ".npz":
        return Card(name=file.name, stage=MOVENET, sha256=sha256(file))
    return read_card(file)


def _check_fit(cards: Sequence[Card], last_file: Path) -> None:
    networks = [card for card in cards if card.stage != MOVENET]
    builders = sorted({str(card.builder) for card in networks})
    if len(builders) > 1:
        raise ValueError(f"the networks have different builders: {', '.join(builders)}")
    if cards[-1].stage == MOVENET or cards[-1].builder is None:
        raise ValueError(
            f"{last_file}: its card names no builder, so it is not a network that can be averaged"
        )
    if len({card.fold for card in networks}) > 1:
        raise ValueError(
            "the networks were trained without different folds: their average has been trained on every photo"
        )


def _tensors(file: Path, network: nn.Module, last: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Read the tensors of a weight file; for a MoveNet, those of the last network with the MoveNet's trunk."""
    if file.suffix != ".npz":
        return read_tensors(file)
    if not isinstance(network, PoseFCN):
        raise ValueError(
            f"{file}: a MoveNet can only be averaged with Pose FCNs, not with a {type(network).__name__}"
        )
    network.load_state_dict(last)
    restore_trunk(network, read_arrays(file))
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}
