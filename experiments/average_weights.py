"""Average the weights of networks that were trained on from one another ("model soup", Wortsman et al. 2022).

    python experiments/average_weights.py runs/first/detector.safetensors runs/second/detector.safetensors \
        -o runs/average/detector.safetensors --arguments '{"input_size": 512}'

    python experiments/average_weights.py movenet_thunder.npz runs/pose/pose.safetensors --shares 0.6 0.4 \
        -o runs/average/pose.safetensors

A MoveNet's .npz stands for the last network with that trunk in its place: a fine-tuned Pose FCN goes part of the way
back to where it came from ("WiSE-FT", Wortsman et al. 2022), which helps on people it has never seen.

The networks must have one builder; `--shares` weighs them (default: equally), `--arguments` changes arguments of
the builder that no weight depends on, `--eight-bit` names the tensors to write in eight bits instead of sixteen.
The card of the result is the last network's, without its figures, and names the parts. Measure the average before
you use it: of networks with different beginnings it is worthless.
"""

from argparse import RawDescriptionHelpFormatter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from _common import run_script
from jsonargparse import ArgumentParser
from torch import Tensor, nn

from posepart.models.backbones import read_arrays
from posepart.models.builders import build
from posepart.models.fcn import PoseFCN
from posepart.models.model_set import read_card
from posepart.models.weight_files import read_tensors, save_weights, sha256
from posepart.training.pose import restore_trunk

MOVENET = "movenet"  # in place of a stage
OF_ONE_TRAINING = ("metrics", "curve", "steps", "seed", "initialisation", "sha256")


def averaged(networks: Sequence[Mapping[str, Tensor]], shares: Sequence[float]) -> dict[str, Tensor]:
    """The weighted mean of every floating-point tensor; others are the last network's.

    Raises
    ------
    ValueError: when the tensors differ in name or shape.
    """
    shapes = [{name: tensor.shape for name, tensor in network.items()} for network in networks]
    if any(shape != shapes[0] for shape in shapes):
        raise ValueError("the networks differ in their tensors: average stages of one training only")
    total = sum(shares)
    mean = {}
    for name, last in networks[-1].items():
        parts = (network[name] * (share / total) for network, share in zip(networks, shares, strict=True))
        mean[name] = sum(parts, last.new_zeros(())) if last.is_floating_point() else last
    return mean


def _card(file: Path) -> dict[str, Any]:
    if file.suffix == ".npz":
        return {"name": file.name, "stage": MOVENET, "sha256": sha256(file)}
    return read_card(file)


def _tensors(file: Path, network: nn.Module, last: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The tensors of a weight file; of a MoveNet's, the last network's with that trunk."""
    if file.suffix != ".npz":
        return read_tensors(file)
    if not isinstance(network, PoseFCN):
        raise ValueError(f"{file}: a MoveNet goes with a Pose FCN, not with a {type(network).__name__}")
    network.load_state_dict(last)
    restore_trunk(network, read_arrays(file))
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def average_files(
    files: Sequence[Path],
    shares: Sequence[float],
    out: Path,
    arguments: dict[str, Any],
    eight_bit: Sequence[str] = (),
) -> None:
    """Write the average of weight files with a card.

    Raises
    ------
    ValueError: when files are damaged or do not fit each other, or shares are not one positive number per file,
        or `eight_bit` names no tensor.
    """
    if len(shares) != len(files) or min(shares) <= 0:
        raise ValueError(
            f"--shares: expected {len(files)} positive numbers, one per file, got {list(shares)}"
        )
    cards = [_card(file) for file in files]
    builders = sorted({str(card.get("builder")) for card in cards if card["stage"] != MOVENET})
    if len(builders) > 1:
        raise ValueError(f"the networks have different builders: {', '.join(builders)}")
    if builders in (["None"], []) or cards[-1]["stage"] == MOVENET:
        raise ValueError(f"{files[-1]}: its card names no builder, so it is no network to average")
    if len({card.get("fold") for card in cards if card["stage"] != MOVENET}) > 1:
        raise ValueError(
            "the networks were trained without different folds: of their average no photo is unseen"
        )
    card = {key: value for key, value in cards[-1].items() if key not in OF_ONE_TRAINING}
    card["arguments"] = {**card.get("arguments", {}), **arguments}
    card["average_of"] = [
        {"name": one["name"], "sha256": one.get("sha256"), "share": share / sum(shares)}
        for one, share in zip(cards, shares, strict=True)
    ]
    network = build(card["builder"], card["arguments"])
    last = read_tensors(files[-1])
    network.load_state_dict(averaged([_tensors(file, network, last) for file in files], shares))
    save_weights(out, network, card, eight_bit)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, help="weight files with their cards")
    parser.add_argument("-o", "--out", type=Path, required=True, help="weight file to write")
    parser.add_argument("--shares", type=float, nargs="+", help="weight of each file")
    parser.add_argument("--arguments", type=dict[str, Any], default={}, help="of the builder")
    parser.add_argument(
        "--eight-bit",
        type=str,
        nargs="+",
        default=[],
        metavar="NAME",
        help="as in backbone.guide, up to a dot",
    )
    settings = parser.parse_args(arguments)
    shares = settings.shares or [1.0] * len(settings.files)
    average_files(settings.files, shares, settings.out, settings.arguments, settings.eight_bit)
    print(f"wrote {settings.out}")


if __name__ == "__main__":
    run_script(main)
