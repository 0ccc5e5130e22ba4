"""Compare JPPNets, our CRF, and our CRF with the part maps of a JPPNet, on the same photos and boxes.

    python experiments/compare_jppnet_crf.py --data PEOPLE --model posepart-s \
        --jppnet '{"JPPNet S0": "runs/jppnet_rows/joint/jppnet.safetensors",
                   "JPPNet S1": "runs/jppnet_rows/joint_s1/jppnet.safetensors"}' -o runs/jppnet_crf

Every system gets the boxes of the model's detector or, with `--given_boxes true`, the labelled ones. "CRF on NAME"
is the model with its part maps replaced by those of that JPPNet. Writes comparison.md and comparison.json, with all
scores of `posepart evaluate` and the difference of each system to the model, with a paired interval over photos. For
each of the first `--pictures` photos, it also writes a picture with all results side by side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jsonargparse import Namespace
from PIL import Image, ImageDraw, ImageFont

from posepart.ablation.boxes import FixedBoxes, labelled_boxes
from posepart.arrays import Rgb
from posepart.config import PipelineConfig
from posepart.data.readers import read_samples
from posepart.data.sample import Sample
from posepart.draw import draw_overlay
from posepart.io.files import write_atomically, write_json, write_text
from posepart.io.photos import read_photo
from posepart.io.terminal import progress
from posepart.jppnet.networks import JppnetNetworks, JppnetParts, PeakAssembler, check_schema
from posepart.loading import load
from posepart.metrics.bootstrap import Interval
from posepart.metrics.measure import Comparison, compare_scenes
from posepart.metrics.tables import format_comparisons
from posepart.models.weight_files import load_network
from posepart.pipeline import Pipeline
from posepart.stages.crf import CrfAssembler
from posepart.stages.networks import FcnNetworks
from posepart.structures import Scene
from posepart.training.scripts import run_script, script_parser

PANEL = 420  # px, longer side of a photo in the pictures
TITLE = 22  # px


def systems_of(model: Pipeline, jppnets: Mapping[str, Path]) -> dict[str, Pipeline]:
    """Make the systems to compare: the model, each JPPNet alone, and the model with the parts of each JPPNet.

    Raises
    ------
    ValueError
        The model has no CRF, or a file is not a JPPNet for our joints and parts.
    """
    networks, config = model.networks, model.config
    if not isinstance(networks, FcnNetworks) or not isinstance(model.assembler, CrfAssembler):
        raise ValueError(f"--model {model.name}: has no CRF to compare with; choose a model that has one")
    systems = {model.name: model}
    for name, path in jppnets.items():
        network = load_network(path).to(networks.device)
        check_schema(network, path)
        alone = JppnetNetworks(network, config, networks.device)
        systems[name] = Pipeline(model.detector, alone, PeakAssembler(config.choice), None, config, name=name)
        in_crf = replace(networks, part=JppnetParts(network, config.jppnet))
        name = f"CRF on {name}"
        systems[name] = replace(model, networks=in_crf, calibration=None, name=name)
    return systems


def run_all(
    samples: Sequence[Sample], systems: Mapping[str, Pipeline], given_boxes: bool, pictures: int, out: Path
) -> dict[str, list[Scene]]:
    """Run all systems on the same boxes.

    Parameters
    ----------
    samples : sequence of Sample
    systems : mapping of str to Pipeline
        All get the boxes of the first one's detector.
    given_boxes : bool
        Whether they get the labelled boxes instead.
    pictures : int
        Number of photos, from the first, of which results are drawn.
    out : Path
        Folder of the pictures.

    Returns
    -------
    dict of str to list of Scene
        The results of each system.
    """
    detector = next(iter(systems.values())).detector
    scenes: dict[str, list[Scene]] = {name: [] for name in systems}
    for number, sample in enumerate(progress(samples, unit="photo")):
        image = read_photo(sample.image_path)
        boxes = FixedBoxes(labelled_boxes(sample) if given_boxes else detector(image))
        for name, system in systems.items():
            scenes[name].append(replace(system, detector=boxes)(image))
        if number < pictures:
            of_photo = {name: found[-1] for name, found in scenes.items()}
            picture = Image.fromarray(side_by_side(image, of_photo))
            path = out / f"{number + 1:03d}_{sample.image_path.stem}.png"
            write_atomically(path, partial(picture.save, format="PNG"))
    return scenes


def side_by_side(image: Rgb, scenes: Mapping[str, Scene]) -> Rgb:
    """Draw the results of one photo side by side, each below the name of its system."""
    panels = [draw_overlay(image, scene, max_side=PANEL) for scene in scenes.values()]
    height, width = panels[0].shape[:2]
    cell = max(width, PANEL // 2)
    canvas = Image.new("RGB", (cell * len(panels), height + TITLE), "white")
    drawing, font = ImageDraw.Draw(canvas), ImageFont.load_default(size=14)
    for column, (name, panel) in enumerate(zip(scenes, panels, strict=True)):
        canvas.paste(Image.fromarray(panel), (column * cell, TITLE))
        drawing.text((column * cell + 4, 3), name, font=font, fill="black")
    return np.array(canvas)


def compare(
    samples: Sequence[Sample], scenes: Mapping[str, Sequence[Scene]], replicates: int
) -> dict[str, tuple[Comparison, ...]]:
    """Compare every other system with the first."""
    first, *others = scenes
    return {
        name: compare_scenes(
            zip(samples, scenes[first], strict=True),
            zip(samples, scenes[name], strict=True),
            replicates=replicates,
        )
        for name in others
    }


def write_report(out: Path, comparisons: Mapping[str, Sequence[Comparison]], about: Mapping[str, Any]) -> str:
    """Write comparison.md and comparison.json; return the Markdown."""
    boxes = "labelled boxes" if about["given_boxes"] else "boxes of the model's detector"
    lines = [
        f"# {about['model']} and JPPNets on the same boxes",
        "",
        f"{about['photos']} photos of {about['data']} ({about['split']}), {boxes}. Percent; the second system less "
        f"{about['model']} with its paired 95 % bootstrap interval over photos.",
        "",
    ]
    for name, rows in comparisons.items():
        lines += [f"## {name}", "", "```", format_comparisons(rows), "```", ""]
    text = "\n".join(lines)
    write_text(out / "comparison.md", text)
    systems = {name: {row.name: _record(row) for row in rows} for name, rows in comparisons.items()}
    write_json(out / "comparison.json", {**about, "systems": systems})
    return text


def _record(row: Comparison) -> dict[str, Any]:
    difference: Interval = row.paired.difference
    values = {
        "model": row.first,
        "system": row.second,
        "difference": difference.value,
        "low": difference.low,
        "high": difference.high,
    }
    return {k: round(float(v), 6) if np.isfinite(v) else None for k, v in values.items()} | {
        "photos": row.photos
    }


def run(settings: Namespace) -> str:
    """Run all systems, compare them, and write the report; return its Markdown."""
    samples = read_samples(settings.data, settings.split)[: settings.limit]
    model = load(settings.model, config=settings.pipeline, device=settings.device)
    systems = systems_of(model, {name: Path(path) for name, path in settings.jppnet.items()})
    settings.out.mkdir(parents=True, exist_ok=True)
    scenes = run_all(samples, systems, settings.given_boxes, settings.pictures, settings.out)
    about = {
        "data": settings.data.name,
        "split": settings.split,
        "photos": len(samples),
        "given_boxes": settings.given_boxes,
        "model": model.name,
        "inference_scales": list(settings.pipeline.jppnet.scales),
        "replicates": settings.replicates,
    }
    return write_report(settings.out, compare(samples, scenes, settings.replicates), about)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    command = script_parser(__doc__)
    command.add_argument("--data", type=Path, required=True, help="folder of a data set")
    command.add_argument("--split", default="val")
    command.add_argument(
        "--model", default="posepart-s", help="an installed model or a folder of weights, with CRF"
    )
    command.add_argument(
        "--jppnet", type=dict[str, str], required=True, help="weight file of each JPPNet by its name"
    )
    command.add_argument("--pipeline", type=PipelineConfig, default=PipelineConfig())
    command.add_argument(
        "--given_boxes", type=bool, default=False, help="use the labelled boxes instead of detected ones"
    )
    command.add_argument("--limit", type=int, help="largest number of photos")
    command.add_argument("--pictures", type=int, default=12, help="number of photos to draw")
    command.add_argument("--replicates", type=int, default=1000, help="replicates of the bootstrap")
    command.add_argument("--device", default="cpu")
    command.add_argument(
        "-o", "--out", type=Path, required=True, help="folder of the report and the pictures"
    )
    settings = command.instantiate(command.parse_args(arguments))
    print(run(settings))


if __name__ == "__main__":
    run_script(main)
