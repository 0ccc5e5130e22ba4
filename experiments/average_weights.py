"""Average the weights of checkpoints of one training ("model soup", Wortsman et al. 2022).

    python experiments/average_weights.py runs/first/detector.safetensors runs/second/detector.safetensors \
        -o runs/average/detector.safetensors --arguments '{"input_size": 512}'

    python experiments/average_weights.py movenet_thunder.npz runs/pose/pose.safetensors --shares 0.6 0.4 \
        -o runs/average/pose.safetensors

A MoveNet's .npz stands for the last network with that trunk in its place: a fine-tuned Pose FCN goes part of the way
back to where it came from ("WiSE-FT", Wortsman et al. 2022), which helps on people it has never seen.

The networks must have one builder. `--arguments` changes arguments of the builder that no weight depends on. The
card of the result is the last network's, without its metrics, and names the parts. Measure an average before you use
it: that of networks with different beginnings is worthless.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from posepart.training.scripts import run_script, script_parser


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = script_parser(__doc__)
    parser.add_argument("files", nargs="+", type=Path, help="weight files with their cards")
    parser.add_argument("-o", "--out", type=Path, required=True, help="weight file to write")
    parser.add_argument(
        "--shares", type=float, nargs="+", default=[], help="weight of each file; equal without it"
    )
    parser.add_argument("--arguments", type=dict[str, Any], default={}, help="of the builder")
    parser.add_argument(
        "--eight_bit",
        type=str,
        nargs="+",
        default=[],
        metavar="NAME",
        help="modules or tensors to write in eight bits instead of sixteen, such as backbone.guide",
    )
    settings = parser.parse_args(arguments)
    from posepart.training.averages import Average, write_average

    average = Average(
        tuple(settings.files), tuple(settings.shares), settings.arguments, tuple(settings.eight_bit)
    )
    write_average(average, settings.out)
    print(f"wrote {settings.out}")


if __name__ == "__main__":
    run_script(main)
