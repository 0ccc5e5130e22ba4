"""What several commands share: options, the pipeline that they configure, and how their --help looks."""

import argparse
import dataclasses
import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonargparse import ActionConfigFile, ArgumentParser, DefaultHelpFormatter, Namespace

from posepart.config import SPEEDS, PipelineConfig
from posepart.engines import ENGINES, PRECISIONS
from posepart.presets import OLD_NAMES, preset_names, read_preset

if TYPE_CHECKING:
    from posepart.data.coco_source import CocoSource
    from posepart.pipeline import Pipeline

DEFAULT_MODEL = "posepart-s"
UNLIMITED = 3600.0  # s per box: with --deterministic, the clock must not decide where a search ends


class Formatter(argparse.RawDescriptionHelpFormatter, DefaultHelpFormatter):
    """Keeps the line breaks of examples, and shows types and defaults of the pipeline's settings only."""

    def _get_help_string(self, action: argparse.Action) -> str:
        if action.dest.startswith("pipeline"):
            return super()._get_help_string(action)
        return action.help or ""


def new_parser(usage: str, description: str, epilog: str) -> ArgumentParser:
    """A parser for one command."""
    return ArgumentParser(
        usage=usage,
        description=description,
        epilog=epilog,
        formatter_class=Formatter,
        exit_on_error=False,
        allow_abbrev=False,
    )


def add_coco_options(parser: ArgumentParser) -> None:
    """Add --images and --joints, which tell more about a COCO file."""
    parser.add_argument(
        "--images",
        type=str,
        metavar="DIR",
        help="Where the photos of a COCO file are. Default: looked for near it.",
    )
    parser.add_argument(
        "--joints",
        type=str,
        nargs="+",
        metavar="OURS=THEIRS",
        help="What a COCO file calls a joint, such as neck=spine_top; others are matched by name.",
    )


def data_source(name: str, chosen: Namespace) -> "Path | CocoSource":
    """The data set that is named: a folder, or a COCO file with --images and --joints.

    Raises
    ------
    ValueError
        --joints is no map, or --images or --joints are given for a folder.
    """
    from posepart.data.coco_source import CocoSource

    pairs = [pair.partition("=") for pair in chosen.joints or ()]
    if not all(ours and theirs for ours, _, theirs in pairs):
        raise ValueError("--joints: expected pairs such as neck=spine_top")
    if Path(name).suffix.lower() != ".json":
        if chosen.images or pairs:
            raise ValueError(f"{name}: --images and --joints are for a COCO file (FILE.json), not a folder")
        return Path(name)
    images = None if chosen.images is None else Path(chosen.images)
    return CocoSource(Path(name), images, {ours: theirs for ours, _, theirs in pairs})


def add_segment_switch(parser: ArgumentParser) -> None:
    """Add --no-segment-term."""
    parser.add_argument(
        "--no-segment-term",
        action="store_true",
        help="Leave the segment-joint features out of the CRF: 'w/o seg' in Table 1 of the paper.",
    )


def add_refine_switch(parser: ArgumentParser) -> None:
    """Add --no-refine."""
    parser.add_argument(
        "--no-refine", action="store_true", help="Leave out the second-stage part network of Sec. 3.2."
    )


def add_network_options(parser: ArgumentParser) -> None:
    """Add --model, --detector, --device, --engine, --precision and --threads."""
    parser.add_argument(
        "--model",
        type=str,
        metavar="NAME_OR_FOLDER",
        help="The weights: an installed model (see posepart models) or a folder. Default: posepart-s.",
    )
    parser.add_argument(
        "--detector",
        type=str,
        default="default",
        metavar="DETECTOR",
        help="What finds people: default (the model's own), torchvision:BUILDER[:WEIGHTS], "
        "detectron2:CONFIG[:WEIGHTS], a folder with detector.safetensors, or photo (one box, the whole photo).",
    )
    parser.add_argument(
        "--device",
        type=str,
        default="cpu",
        metavar="DEVICE",
        help="Where the networks run: cpu (default) or cuda.",
    )
    parser.add_argument(
        "--engine",
        type=str,
        default="auto",
        choices=ENGINES,
        help="What executes the networks: openvino (on a CPU, if installed) or torch. Default: auto, the faster.",
    )
    parser.add_argument(
        "--precision",
        type=str,
        default="auto",
        choices=PRECISIONS,
        help="In which the networks multiply: float32, bfloat16, or auto: bfloat16 for openvino on processors that "
        "have instructions for it (default).",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="Processor cores to use. Default: all.")


def add_settings(parser: ArgumentParser) -> None:
    """Add --speed, --preset, --config and every setting of the pipeline."""
    parser.add_argument(
        "--speed",
        type=str,
        default="accurate",
        choices=tuple(SPEEDS),
        help="How often the networks look at each person: accurate (default), balanced or fast. --config and single "
        "settings change what it sets.",
    )
    parser.add_argument(
        "--preset",
        type=str,
        default="default",
        choices=("default", *preset_names(), *OLD_NAMES),
        help="The settings to start from: ours (default) or those of a paper, such as xia2017, whose networks "
        "--model then names. --config and single settings change them.",
    )
    parser.add_argument(
        "--config",
        action=ActionConfigFile,
        metavar="FILE",
        help="Read options from a YAML or JSON file, such as --print_config prints.",
    )
    parser.add_class_arguments(PipelineConfig, "pipeline")
    for name, group in (parser.groups or {}).items():
        group.title = f"settings of {name}"
        group.description = inspect.getdoc(_section(name))


def _section(key: str) -> type:
    """The dataclass of a section of settings, such as pipeline.crf.solver."""
    section: type = PipelineConfig
    for name in key.split(".")[1:]:
        section = next(field.type for field in dataclasses.fields(section) if field.name == name)  # type: ignore[assignment]
    return section


def check_threads(chosen: Namespace) -> None:
    """Refuse a --threads below 1."""
    if chosen.threads is not None and chosen.threads < 1:
        raise ValueError(f"--threads: expected at least 1, got {chosen.threads}")


def pipeline_config(chosen: Namespace) -> PipelineConfig:
    """The settings of the pipeline, with the switches applied, which win over --pipeline and --config."""
    config: PipelineConfig = chosen.pipeline
    if chosen.no_segment_term:
        features = dataclasses.replace(config.features, segment_term=False)
        config = dataclasses.replace(config, features=features)
    if chosen.get("no_refine"):
        config = dataclasses.replace(config, refine=False)
    if chosen.get("deterministic"):
        solver = dataclasses.replace(config.crf.solver, time_limit=UNLIMITED)
        config = dataclasses.replace(config, crf=dataclasses.replace(config.crf, solver=solver))
    return config


def load_pipeline(chosen: Namespace, config: PipelineConfig) -> tuple["Pipeline", dict[str, Any]]:
    """Load the pipeline that the options of `add_network_options` describe.

    Returns
    -------
    Pipeline
    dict
        What is known of it besides the settings: the SHA-256 of the weights of every stage, engine and precision.
    """
    import cv2
    import torch

    from posepart.engines.engine import choose_engine
    from posepart.engines.processor import usable_cpus
    from posepart.loading import load
    from posepart.models.model_set import find_model

    if chosen.device == "openvino":
        raise ValueError("device openvino is now an engine: pass --engine openvino and leave out --device")
    name = model_of(chosen)
    threads = chosen.threads or usable_cpus()
    engine = choose_engine(chosen.engine, chosen.precision, chosen.device, threads)
    all_compiled = (
        engine.name != "torch" and chosen.detector == "default" and "pose" in find_model(name).cards
    )
    torch.set_num_threads(1 if all_compiled else threads)  # its threads wait busily, and hold the others up
    cv2.setNumThreads(threads)
    cards = find_model(name).cards
    if chosen.preset != "default":
        differing = read_preset(chosen.preset).differing({stage: c.builder for stage, c in cards.items()})
        if differing:
            print(f"posepart: model {name} has other networks than the preset: {differing}", file=sys.stderr)
    pipeline = load(name, detector=chosen.detector, config=config, device=chosen.device, engine=engine)
    weights = {stage: str(card.sha256 or "") for stage, card in cards.items()}
    return pipeline, {"weights": weights, "engine": engine.name, "precision": engine.precision}


def model_of(chosen: Namespace) -> str:
    """The model that --model names, or else the one that ships.

    Raises
    ------
    ValueError
        None is named, and the preset has networks of its own.
    """
    if chosen.model is not None or chosen.preset in ("default", *OLD_NAMES):
        return chosen.model or DEFAULT_MODEL
    preset = read_preset(chosen.preset)
    train = f"`python experiments/train.py NETWORK --preset {preset.name} --data DIR --run RUN`"
    raise ValueError(
        f"preset {preset.name}: the weights of its networks ({', '.join(preset.recipes)}) do not come with "
        f"posepart; train each with {train} and name a folder of the results with --model, or pass --model "
        f"{DEFAULT_MODEL} for its settings with our networks"
    )


def make_folder(folder: Path) -> Path:
    """Make a folder unless it is there, or say in one sentence why it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"{folder}: the folder cannot be made ({error.strerror}); choose another") from None
    return folder


def complain(sentence: str) -> None:
    """Print an error."""
    print(f"posepart: error: {sentence}", file=sys.stderr)
