"""Learned and explicit joint reasoning on the same photos and boxes: JPPNets, our CRF, and a JPPNet's parts in it.

    python experiments/compare_jppnet_crf.py --data PEOPLE --model posepart-s \
        --jppnet '{"JPPNet S0": "runs/jppnet_rows/joint/jppnet.safetensors",
                   "JPPNet S1": "runs/jppnet_rows/joint_s1/jppnet.safetensors"}' -o runs/jppnet_crf

Every system gets the boxes of the model's detector, or with `--given_boxes true` the labelled ones. "CRF on NAME"
is the model with only its part maps replaced by that JPPNet's. Writes comparison.md and comparison.json: all scores
of `posepart evaluate`, each system less the model with its paired interval over photos; and for the first
`--pictures` photos the results side by side.
"""

from argparse import RawDescriptionHelpFormatter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from _common import run_script
from jsonargparse import ArgumentParser, Namespace
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from tqdm import tqdm

from posepart.ablation.variants import FixedBoxes, labelled_boxes
from posepart.config import PipelineConfig
from posepart.data.readers import read_samples
from posepart.data.sample import Sample
from posepart.draw import draw_overlay
from posepart.io.files import write_atomically, write_json
from posepart.io.photos import read_photo
from posepart.jppnet.networks import JppnetNetworks, JppnetParts, check_schema
from posepart.metrics.bootstrap import Interval
from posepart.metrics.measure import Comparison, compare_scenes
from posepart.metrics.tables import format_comparisons
from posepart.models.weights import load_network
from posepart.pipeline import FcnNetworks, Pipeline, load
from posepart.structures import Scene

PANEL = 420  # px, longer side of a photo in the pictures
TITLE = 22  # px


def systems_of(model: Pipeline, jppnets: Mapping[str, Path]) -> dict[str, Pipeline]:
    """The model, each JPPNet without CRF, and the model on each JPPNet's parts.

    Raises
    ------
    ValueError: when the model has no CRF of its own, or a file holds no JPPNet of our joints and parts.
    """
    networks, config = model.networks, model.config
    if not isinstance(networks, FcnNetworks):
        raise ValueError(
            f"--model {model.model_name}: has no CRF to compare with; name a model with five stages"
        )
    systems = {model.model_name: model}
    for name, path in jppnets.items():
        network = load_network(path).to(model.device)
        check_schema(network, path)
        in_crf = replace(networks, part=JppnetParts(network, config.jppnet))
        systems[name] = Pipeline(model.detector, JppnetNetworks(network), config, name, model.device)
        systems[f"CRF on {name}"] = Pipeline(model.detector, in_crf, config, f"CRF on {name}", model.device)
    return systems


def parse_all(
    samples: Sequence[Sample], systems: Mapping[str, Pipeline], given_boxes: bool, pictures: int, out: Path
) -> dict[str, list[Scene]]:
    """The results of all systems on the same boxes; the first photos are drawn into `out`."""
    model = next(iter(systems.values()))
    detector = model.detector
    scenes: dict[str, list[Scene]] = {name: [] for name in systems}
    for number, sample in enumerate(tqdm(samples, unit="photo")):
        image = read_photo(sample.image_path)
        boxes = FixedBoxes(labelled_boxes(sample) if given_boxes else detector(image))
        for name, parser in systems.items():
            parser.detector = boxes
            scenes[name].append(parser(image))
        if number < pictures:
            of_photo = {name: found[-1] for name, found in scenes.items()}
            picture = Image.fromarray(side_by_side(image, of_photo))
            path = out / f"{number + 1:03d}_{sample.image_path.stem}.png"
            write_atomically(path, lambda file, picture=picture: picture.save(file, "PNG"))
    model.detector = detector
    return scenes


def side_by_side(image: NDArray[np.uint8], scenes: Mapping[str, Scene]) -> NDArray[np.uint8]:
    """The results of one photo beside each other, each under the name of its system: (H, W, 3) uint8."""
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
    """Every system but the first, compared with the first."""
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
    """comparison.md and comparison.json; returns the Markdown."""
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
    write_atomically(out / "comparison.md", lambda file: file.write(text.encode()))
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
    """Parse, compare and write; the Markdown."""
    samples = read_samples(settings.data, settings.split)[: settings.limit]
    model = load(settings.model, config=settings.pipeline, device=settings.device)
    systems = systems_of(model, {name: Path(path) for name, path in settings.jppnet.items()})
    settings.out.mkdir(parents=True, exist_ok=True)
    scenes = parse_all(samples, systems, settings.given_boxes, settings.pictures, settings.out)
    about = {
        "data": settings.data.name,
        "split": settings.split,
        "photos": len(samples),
        "given_boxes": settings.given_boxes,
        "model": model.model_name,
        "inference_scales": list(settings.pipeline.jppnet.scales),
        "replicates": settings.replicates,
    }
    return write_report(settings.out, compare(samples, scenes, settings.replicates), about)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of a data set")
    parser.add_argument("--split", default="val")
    parser.add_argument(
        "--model", default="posepart-s", help="an installed model or a folder of weights, with CRF"
    )
    parser.add_argument(
        "--jppnet", type=dict[str, str], required=True, help="name: weight file of each JPPNet"
    )
    parser.add_argument("--pipeline", type=PipelineConfig, default=PipelineConfig())
    parser.add_argument("--given_boxes", type=bool, default=False, help="labelled boxes for detected ones")
    parser.add_argument("--limit", type=int, help="photos at most")
    parser.add_argument("--pictures", type=int, default=12, help="photos to draw")
    parser.add_argument("--replicates", type=int, default=1000, help="of the bootstrap over photos")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the report and the pictures")
    settings = parser.instantiate(parser.parse_args(arguments))
    print(run(settings))


if __name__ == "__main__":
    run_script(main)
