"""What may be typed behind `posepart evaluate`."""

from jsonargparse import ArgumentParser

from posepart.cli.help_texts import EVALUATE_DESCRIPTION, EVALUATE_EXAMPLES
from posepart.cli.options import (
    add_network_options,
    add_refine_switch,
    add_segment_switch,
    add_settings,
    new_parser,
)


def evaluate_parser() -> ArgumentParser:
    """The parser of the command."""
    parser = new_parser(
        "posepart evaluate --data DIR [--model M | --predictions OUT] -o REPORT [options]",
        EVALUATE_DESCRIPTION,
        EVALUATE_EXAMPLES,
    )
    parser.add_argument("--data", type=str, metavar="DIR", help="Folder of labelled photos.")
    parser.add_argument("--split", type=str, default="val", help="Which of its splits (val).")
    parser.add_argument(
        "--predictions",
        type=str,
        metavar="OUT",
        help="Measure these results; no model is run. A folder that posepart predict wrote, or a COCO "
        "keypoint-results list (predictions.json) of any system.",
    )
    parser.add_argument("-o", "--out", type=str, metavar="REPORT", help="Folder of the report.")
    parser.add_argument(
        "--name", type=str, help="What to call the system in the report; by default its model."
    )
    _add_filters(parser)
    parser.add_argument(
        "--worst", type=int, default=12, metavar="N", help="Photos to show as worst, by pose and parts (12)."
    )
    parser.add_argument(
        "--replicates", type=int, default=1000, metavar="N", help="Of the bootstrap (1000); 0: no intervals."
    )
    parser.add_argument("--seed", type=int, default=0, help="Of the bootstrap (0).")
    add_segment_switch(parser)
    add_refine_switch(parser)
    add_network_options(parser)
    add_settings(parser)
    return parser


def _add_filters(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--subset", nargs="+", type=str, metavar="SOURCE", help="Only photos from these sources."
    )
    parser.add_argument(
        "--people-per-photo",
        type=int,
        default=0,
        metavar="N",
        help="Only photos with at least N labelled people.",
    )
    parser.add_argument("--limit", type=int, metavar="N", help="Only the first N of them.")
