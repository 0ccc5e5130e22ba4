"""Options that several commands share, and how their --help looks."""

import argparse

from jsonargparse import ActionConfigFile, ArgumentParser, DefaultHelpFormatter

from posepart.config import PipelineConfig


class Formatter(argparse.RawDescriptionHelpFormatter, DefaultHelpFormatter):
    """Examples keep their line breaks; types and defaults are told of the settings of the pipeline only."""

    def _get_help_string(self, action: argparse.Action) -> str:
        told = action.dest.startswith("pipeline")
        return super()._get_help_string(action) if told else action.help or ""


def new_parser(usage: str, description: str, examples: str) -> ArgumentParser:
    """The parser of one command."""
    return ArgumentParser(
        usage=usage,
        description=description,
        epilog=examples,
        formatter_class=Formatter,
        exit_on_error=False,
        allow_abbrev=False,
    )


def add_segment_switch(parser: ArgumentParser) -> None:
    """--no-segment-term."""
    parser.add_argument(
        "--no-segment-term",
        action="store_true",
        help="Leave out the segment-joint features of the CRF, as in Table 1 of the paper.",
    )


def add_refine_switch(parser: ArgumentParser) -> None:
    """--no-refine."""
    parser.add_argument(
        "--no-refine", action="store_true", help="Leave out the second-stage part network of Sec. 3.2."
    )


def add_network_options(parser: ArgumentParser) -> None:
    """--model, --detector, --device, --threads."""
    parser.add_argument(
        "--model",
        type=str,
        default="posepart-s",
        metavar="NAME_OR_FOLDER",
        help="Weights: posepart-s (default), another of posepart models, or a folder.",
    )
    parser.add_argument(
        "--detector",
        type=str,
        default="default",
        help="What finds people: the model's own (default), or another (see the README).",
    )
    parser.add_argument(
        "--device",
        type=str,
        default="cpu",
        help="Where the networks run: cpu (default), openvino (a faster cpu, if installed), cuda ...",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="Processor cores to use; all by default.")


def add_settings(parser: ArgumentParser) -> None:
    """--config and every setting of the pipeline."""
    parser.add_argument(
        "--config",
        action=ActionConfigFile,
        metavar="FILE",
        help="YAML or JSON file of the options named here.",
    )
    parser.add_class_arguments(PipelineConfig, "pipeline")
    for name, group in (parser.groups or {}).items():
        group.title = f"settings of {name}"
