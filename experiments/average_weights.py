"""Average the weights of checkpoints of one training ("model soup", Wortsman et al. 2022).

    python experiments/average_weights.py runs/first/detector.safetensors runs/second/detector.safetensors \
        -o runs/average/detector.safetensors --arguments '{"input_size": 512}'

    python experiments/average_weights.py movenet_thunder.npz runs/pose/pose.safetensors --shares 0.6 0.4 \
        -o runs/average/pose.safetensors

The .npz of a MoveNet stands for the last network with the trunk of that MoveNet. The average then moves a fine-tuned
Pose FCN part of the way back to its initial weights ("WiSE-FT", Wortsman et al. 2022), which helps on unseen people.

All networks must have the same builder. `--arguments` changes arguments of the builder on which the weights do not
depend. The card of the result is that of the last network without its metrics, and lists the averaged files. Measure
an average before you use it: the average of networks that did not start from the same weights is useless.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from posepart.training.scripts import run_script, script_parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = script_parser(__doc__)
    parser.add_argument("files", nargs="+", type=Path, help="weight files with cards")
    parser.add_argument("-o", "--out", type=Path, required=True, help="weight file to write")
    parser.add_argument(
        "--shares", type=float, nargs="+", default=[], help="share of each file; equal by default"
    )
    parser.add_argument(
        "--arguments", type=dict[str, Any], default={}, help="arguments of the builder to change"
    )
    parser.add_argument(
        "--eight_bit",
        type=str,
        nargs="+",
        default=[],
        metavar="NAME",
        help="modules or tensors to write with eight bits instead of sixteen, such as backbone.guide",
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
